"""The stubs of the core's classes name what the classes have, and nothing else."""

import ast
from pathlib import Path

import pytest

import penstock
from penstock import _core

STUBS = Path(penstock.__file__).parent / "_core.pyi"
CLASSES = ("Headers", "Values", "Request", "Response", "Tls", "ClientCertificate")
OF_EVERY_OBJECT = set(dir(object)) | {"__module__"}


def stubbed(name: str) -> set[str]:
    tree = ast.parse(STUBS.read_text())
    found = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    own = {node.name for node in found.body if isinstance(node, ast.FunctionDef)}
    inherited = [stubbed(base.id) for base in found.bases if isinstance(base, ast.Name)]
    return own.union(*inherited) - OF_EVERY_OBJECT


@pytest.mark.parametrize("name", CLASSES)
def test_stubs_agree_with_the_classes(name: str) -> None:
    assert stubbed(name) == set(dir(getattr(_core, name))) - OF_EVERY_OBJECT


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_and_member_says_what_it_is(name: str) -> None:
    of = getattr(_core, name)
    members = [member for member in vars(of) if not member.startswith("_")]
    assert [member for member in members if not getattr(of, member).__doc__] == []
    assert of.__doc__
