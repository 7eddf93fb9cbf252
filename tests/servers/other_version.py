"""Another version of the gateway for tests: a virtual environment of its own, with a copy of the package."""

import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

import penstock

OTHER = "0.1.9"
_PACKAGE = Path(penstock.__file__).parent


def other_version(folder: Path) -> Path:
    """The interpreter of an environment with another version, which is made in a folder."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=120)
    within = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    site = Path(within)
    shutil.copytree(_PACKAGE, site / "penstock", ignore=shutil.ignore_patterns("__pycache__"))
    described = site / f"penstock-{OTHER}.dist-info" / "METADATA"
    described.parent.mkdir()
    described.write_text(f"Metadata-Version: 2.1\nName: penstock\nVersion: {OTHER}\n")
    (site / "others.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin" / "python"


_MEMO = '''
class Memo(Resource):
    """Reminds people of something."""

    model_config: ClassVar[ConfigDict] = ConfigDict(title="Memo")
    example: ClassVar[str] = "{kind: Memo, name: x, text: x}"

    kind: Literal["Memo"] = Field(description="What the resource is.")
    text: str = Field("", description="What to think of.")


KINDS: '''
_IMPORTS = "from typing import ClassVar, Literal\nfrom pydantic import ConfigDict, Field\n"
_LATER = {
    "model/route.py": [
        (
            "    methods: tuple",
            '    remark: str = Field("", description="What people shall know of it.")\n    methods: tuple',
        ),
    ],
    "model/kinds.py": [
        ("\nKINDS: ", _MEMO),
        ("        Test,\n", "        Test,\n        Memo,\n"),
        (
            "from penstock.model.certificate",
            _IMPORTS + "from penstock.model.certificate",
        ),
    ],
    "compiler/fragments.py": [
        ("from penstock.model.kinds import", "from penstock.model.kinds import Memo,"),
        ("    Test: _test,\n", "    Test: _test,\n    Memo: _test,\n"),
    ],
}
"""What a later version could have: a field of routes, and a kind."""


def later_version(folder: Path) -> Path:
    """The interpreter of an environment with a version that knows more: `remark` of routes, and the kind `Memo`."""
    return changed_version(folder, _LATER)


def changed_version(folder: Path, changes: Mapping[str, Sequence[tuple[str, str]]]) -> Path:
    """The interpreter of an environment with another version whose files have such changes: what was, what is."""
    python = other_version(folder)
    (package,) = folder.glob("lib/python*/site-packages/penstock")
    for name, pairs in changes.items():
        text = (package / name).read_text()
        for old, new in pairs:
            assert old in text, (name, old)
            text = text.replace(old, new, 1)
        (package / name).write_text(text)
    return python
