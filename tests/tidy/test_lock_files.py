"""Lock files pin everything by hash and name no registry: whoever installs brings one."""

import json
import re
import tomllib

import pytest

from tools.repository import ROOT, files, text

REQUIREMENTS = ["requirements.lock", "requirements-dev.lock", "requirements-etcd.lock"]


def locked(name: str) -> dict[str, str]:
    """Each package's whole entry, by its name in the normal form."""
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text().replace("\\\n", ""))
    return {entry.split("==")[0]: entry for entry in entries if "==" in entry.splitlines()[0]}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[<>=!~\[; ]", name)[0]).lower()


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_a_lock_file_names_no_registry(name: str) -> None:
    assert re.findall(r"https?://\S+|--(?:extra-)?index-url.*|--find-links.*|@ \S+", (ROOT / name).read_text()) == []


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_locked_package_has_hashes(name: str) -> None:
    assert [package for package, entry in locked(name).items() if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("name", REQUIREMENTS)
def test_every_dependency_is_locked(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {normal(dependency) for dependency in project["project"]["dependencies"]}
    if name == "requirements-dev.lock":
        wanted |= {normal(dependency) for group in project["dependency-groups"].values() for dependency in group}
    if name == "requirements-etcd.lock":
        wanted |= {normal(dependency) for dependency in project["project"]["optional-dependencies"]["etcd"]}
    assert wanted - locked(name).keys() == set(), "run: make lock"


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-etcd.lock"])
def test_all_files_pin_the_same_versions(name: str) -> None:
    development = locked("requirements-dev.lock")
    assert [one for one, entry in locked(name).items() if development[one].split()[0] != entry.split()[0]] == []


def test_crates_come_from_the_public_registry_only() -> None:
    for path in files():
        if path.name == "Cargo.lock":
            sources = {package.get("source") for package in tomllib.loads(text(path))["package"]}
            assert sources <= {None, "registry+https://github.com/rust-lang/crates.io-index"}, path


def test_npm_lock_files_name_no_registry() -> None:
    for path in files():
        if path.name == "package-lock.json":
            packages = json.loads(text(path))["packages"].values()
            assert [package["resolved"] for package in packages if "resolved" in package] == [], path
