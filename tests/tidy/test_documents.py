"""Documents agree with the repository: links lead somewhere, commands exist, notes have their form."""

import re
from pathlib import Path

import pytest

from tools.repository import ROOT, files, text, with_suffix

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
DECISION_PARTS = ["Context", "Choice", "Price", "When to revisit"]
FRAGMENT = re.compile(r"(\d+)\.(added|changed|fixed|removed|security)(\.[a-z0-9-]+)?\.md")


def anchors(path: Path) -> set[str]:
    """The names of a document's headings, as the usual renderers make them."""
    headings = re.findall(r"^#+ (.+)$", (ROOT / path).read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def leads_nowhere(document: Path, link: str) -> bool:
    if re.match(r"[a-z]+:", link):
        return False
    name, _, anchor = link.partition("#")
    target = (ROOT / document.parent / name).resolve() if name else ROOT / document
    if not target.is_relative_to(ROOT) or not target.exists():
        return True
    return bool(anchor) and target.suffix == ".md" and anchor not in anchors(target.relative_to(ROOT))


@pytest.mark.parametrize("document", with_suffix(".md"), ids=str)
def test_every_link_leads_somewhere(document: Path) -> None:
    prose = re.sub(r"^```.*?^```", "", text(document), flags=re.DOTALL | re.MULTILINE)
    assert [link for link in LINK.findall(prose) if leads_nowhere(document, link)] == []


def test_every_make_target_that_a_document_names_exists_and_is_explained() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", text(Path("Makefile")), re.MULTILINE))
    named = {
        name
        for path in with_suffix(".md")
        for name in re.findall(r"(?:`|^\s+)make ([a-z-]+)", text(path), re.MULTILINE)
    }
    assert named - targets == set()
    assert set(re.search(r"^\.PHONY: (.*)", text(Path("Makefile")), re.MULTILINE)[1].split()) - {"always"} == targets  # type: ignore[index]


def test_decisions_have_each_a_number_of_their_own_and_their_parts() -> None:
    decisions = sorted(path for path in files() if path.match("docs/decisions/[0-9]*.md"))
    numbers = [path.name[:4] for path in decisions]
    assert len(set(numbers)) == len(numbers)
    for path in decisions:
        assert re.findall(r"^## (.+)$", text(path), re.MULTILINE) == DECISION_PARTS, path


def test_changelog_fragments_are_named_by_issue_and_kind_and_hold_a_sentence() -> None:
    fragments = [path for path in files() if path.parts[0] == "changelog.d" and path.name != "README.md"]
    for path in fragments:
        assert FRAGMENT.fullmatch(path.name), f"{path}: name it ISSUE.KIND.md, see changelog.d/README.md"
        assert re.fullmatch(r"[A-Z`][^\n].*\.\n", text(path), re.DOTALL), f"{path}: write sentences, one line end after"
        assert not text(path).startswith("#"), path
