"""Imports the files of a plugin from the folder that holds its copy."""

import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path, PurePosixPath
from types import ModuleType

_PREFIX = "penstock_plugin_"


def import_plugin_file(folder: Path, digest: str, file: str) -> ModuleType:
    """The module of one file of a plugin, imported once for each version of the plugin.

    The folder is a package, so files may import each other: `from .tables import TENANTS`.

    Shape: `file` is relative to the folder, with slashes.
    """
    name = plugin_package(digest)
    _enter(name, folder)
    *folders, stem = PurePosixPath(file).with_suffix("").parts
    for part in folders:
        folder /= part
        name = f"{name}.{part}"
        _enter(name, folder)
    return _loaded(name if stem == "__init__" else f"{name}.{stem}", folder / f"{stem}.py")


def plugin_package(digest: str) -> str:
    """The name of the package that a version of a plugin is."""
    return f"{_PREFIX}{digest}"


def forget_other_versions(used: set[str]) -> None:
    """Forgets the modules of all plugins but these, so that a worker does not keep every edit for life.

    Shape: `used` are digests. Filters that still run keep what they use.
    """
    kept = {plugin_package(digest) for digest in used}
    for name in [name for name in sys.modules if name.startswith(_PREFIX)]:
        if name.partition(".")[0] not in kept:
            del sys.modules[name]


def _enter(name: str, folder: Path) -> None:
    """Makes a package of a folder, by its `__init__.py` if it has one."""
    if name in sys.modules:
        return
    first = folder / "__init__.py"
    if first.is_file():
        _loaded(name, first)
        return
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    sys.modules[name] = module_from_spec(spec)


def _loaded(name: str, path: Path) -> ModuleType:
    known = sys.modules.get(name)
    if known is not None:
        return known
    inside = [str(path.parent)] if path.name == "__init__.py" else None
    spec = spec_from_file_location(name, path, submodule_search_locations=inside)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is no Python file")
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
