"""Plugins: their filters as kinds beside the core's own, without importing them here."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

from penstock.filters.catalogue import (
    Catalogue,
    Checked,
    CheckedCertificate,
    FilterKind,
    PluginDescription,
    SettingProblem,
)
from penstock.filters.plugin_child import Asked, ask
from penstock.filters.plugin_shelf import FOLDER as ARCHIVES
from penstock.filters.plugin_shelf import Shelf
from penstock.filters.plugin_version import FOLDER, Described, PluginMemory, describe, describe_archive, describe_copy
from penstock.model.loading import Placed
from penstock.model.plugin import Plugin
from penstock.model.resource import Resource
from penstock.model.step import Step


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of plugins besides what resources say: digests of files by name, and where archives are."""

    accepted: Mapping[str, str] = field(default_factory=dict)
    shelf: Shelf | None = None


_NOTHING = Known()


def plugin_path(placed: Placed) -> Path | None:
    """Where the files of a resource are, if it is a plugin in use: relative to its configuration file."""
    plugin = placed.resource
    if not isinstance(plugin, Plugin) or not plugin.enabled or plugin.python is None:
        return None
    return Path(placed.file).parent / plugin.python


def plugin_archive(placed: Placed) -> str | None:
    """Which archive a resource names, if it is a plugin in use that names one."""
    plugin = placed.resource
    return plugin.archive if isinstance(plugin, Plugin) and plugin.enabled else None


def plugin_catalogue(
    native: Catalogue,
    resources: Sequence[Placed],
    state_dir: Path | None = None,
    memory: PluginMemory | None = None,
    known: Known = _NOTHING,
) -> Catalogue:
    """The catalogue of a configuration: the given one and the filters of its plugins.

    A plugin whose digest is accepted is taken from its copy, whatever has become of the files since.
    The settings of all steps that use them are checked here, by one child for each plugin; asked again, the
    catalogue answers from that. Without plugins it is the given catalogue itself.
    """
    plugins = [placed for placed in resources if isinstance(placed.resource, Plugin)]
    paths = {placed.resource.name: path for placed in plugins if (path := plugin_path(placed))}
    archives = {placed.resource.name: digest for placed in plugins if (digest := plugin_archive(placed))}
    if not paths and not archives:
        return native
    remembered = memory if memory is not None else PluginMemory()
    with TemporaryDirectory(prefix="penstock-") as scratch:
        folder = state_dir or Path(scratch)
        found = {
            name: describe_copy(path, known.accepted[name], folder, remembered)
            if name in known.accepted
            else describe(path, folder, remembered)
            for name, path in paths.items()
        }
        shelf = known.shelf or Shelf(folder / ARCHIVES)
        found |= {name: describe_archive(digest, shelf, folder, remembered) for name, digest in archives.items()}
        catalogue = PluginCatalogue(native, found, folder, remembered)
        catalogue.check_all(steps_of(placed.resource for placed in resources if placed.resource.enabled))
    return catalogue


class PluginCatalogue:
    """The core's kinds and those of plugins, as the compiler sees them."""

    def __init__(
        self, native: Catalogue, described: Mapping[str, Described], state_dir: Path, memory: PluginMemory
    ) -> None:
        self._native = native
        self._memory = memory
        self._plugins = state_dir / FOLDER
        self._described = described
        kinds, problems = _merged(native, described)
        self.kinds: Mapping[str, FilterKind] = MappingProxyType(kinds)
        self.plugins: Mapping[str, PluginDescription] = MappingProxyType(
            {name: PluginDescription(one.digest, one.files, problems[name]) for name, one in described.items()}
        )
        text = repr([native.digest, [(name, one.digest, problems[name]) for name, one in sorted(described.items())]])
        self.digest = blake2b(text.encode(), digest_size=16).hexdigest()

    def check(self, kind: str, settings: Mapping[str, Any]) -> Checked:
        """The settings of a filter as the plan holds them, or everything that is wrong with them."""
        plugin = self.kinds[kind].plugin
        if not plugin:
            return self._native.check(kind, settings)
        text, problem = _as_json(settings)
        if problem:
            return problem
        key = (self._described[plugin].digest, kind, text)
        if key not in self._memory.checked:
            self._check(plugin, [key])
        return self._memory.checked[key]

    def check_all(self, steps: Iterable[Step]) -> None:
        """Check the settings of many steps at once: a child for each plugin, not for each step."""
        wanted: dict[str, dict[tuple[str, str, str], None]] = {}
        for step in steps:
            kind = self.kinds.get(step.kind)
            text, problem = _as_json(step.settings)
            if kind and kind.plugin and not problem:
                key = (self._described[kind.plugin].digest, step.kind, text)
                if key not in self._memory.checked:
                    wanted.setdefault(kind.plugin, {})[key] = None
        for plugin, keys in wanted.items():
            self._check(plugin, list(keys))

    def check_expression(self, text: str) -> str | None:
        """What is wrong with a condition, if anything."""
        return self._native.check_expression(text)

    def check_template(self, text: str) -> str | None:
        """What is wrong with a template, if anything."""
        return self._native.check_template(text)

    def check_regex(self, text: str) -> str | None:
        """What is wrong with a regular expression, if anything."""
        return self._native.check_regex(text)

    def check_certificate(self, certificate: str, key: str, ocsp: str | None = None) -> CheckedCertificate:
        """What a certificate says, or everything that is wrong with it and its key."""
        return self._native.check_certificate(certificate, key, ocsp)

    def check_client_certificates(self, authorities: str, revoked: str | None) -> Sequence[SettingProblem]:
        """Everything that is wrong with authorities for clients and a list of what they revoked."""
        return self._native.check_client_certificates(authorities, revoked)

    def check_access_log(self, log: str) -> Sequence[SettingProblem]:
        """Everything that is wrong with an access log as a plan has it, in JSON."""
        return self._native.check_access_log(log)

    def _check(self, plugin: str, keys: Sequence[tuple[str, str, str]]) -> None:
        described = self._described[plugin]
        checks = [{"file": described.files[kind], "kind": kind, "settings": text} for _, kind, text in keys]
        asked = ask(self._plugins / described.digest, described.digest, checks)
        for index, key in enumerate(keys):
            self._memory.checked[key] = _checked(asked, index, key[2])


def steps_of(resources: Iterable[Resource]) -> Iterator[Step]:
    """Every step of some resources, in whichever of their fields it stands."""
    for resource in resources:
        for name in type(resource).model_fields:
            value = getattr(resource, name)
            if isinstance(value, tuple):
                yield from (one for one in value if isinstance(one, Step) and not one.is_end)


def _merged(
    native: Catalogue, described: Mapping[str, Described]
) -> tuple[dict[str, FilterKind], dict[str, tuple[str, ...]]]:
    """All kinds by name, and the problems of each plugin; of two kinds of one name the first holds."""
    kinds = dict(native.kinds)
    problems: dict[str, tuple[str, ...]] = {}
    for plugin, one in described.items():
        taken = [kind for kind in one.kinds if kind.name in kinds]
        for kind in one.kinds:
            kinds.setdefault(kind.name, _of_plugin(kind, plugin))
        clashes = (f"{kind.source}: a filter {kind.name} is there already; rename the class" for kind in taken)
        problems[plugin] = (*one.problems, *clashes)
    return kinds, problems


def _of_plugin(kind: FilterKind, plugin: str) -> FilterKind:
    fields = {name: getattr(kind, name) for name in FilterKind.__slots__}
    return FilterKind(**{**fields, "plugin": plugin})


def _as_json(settings: Mapping[str, Any]) -> tuple[str, Checked | None]:
    try:
        return json.dumps(settings, sort_keys=True, allow_nan=False), None
    except (TypeError, ValueError) as problem:
        return "", Checked(problems=(SettingProblem((), f"settings are plain data: {problem}"),))


def _checked(asked: Asked, index: int, text: str) -> Checked:
    """The settings stay as written: validators run again in the worker, and need not be idempotent."""
    if asked.problem:
        return Checked(problems=(SettingProblem((), asked.problem),))
    found = asked.answer["checked"][index]
    problems = tuple(SettingProblem(tuple(one["path"]), one["message"], one["hint"]) for one in found)
    return Checked(None if problems else json.loads(text), problems)
