"""Loads and compiles the configuration that `-c` names."""

from dataclasses import dataclass
from pathlib import Path

from penstock.base.problem import Problem, errors
from penstock.cli.command import add_configuration
from penstock.compiler import Compiled, compile_resources
from penstock.filters.native import native_catalogue
from penstock.filters.plugins import plugin_catalogue
from penstock.model.loading import load_texts, locate
from penstock.store.files import environment, read_texts
from penstock.store.log_places import log_problems

__all__ = ["Configuration", "add_configuration", "read_configuration"]


@dataclass(frozen=True, slots=True)
class Configuration:
    """A compiled configuration and every problem of it, located."""

    compiled: Compiled
    problems: tuple[Problem, ...]

    @property
    def is_usable(self) -> bool:
        """Whether nothing refuses it."""
        return not errors(self.problems)


def read_configuration(path: Path) -> Configuration:
    """The configuration at a path, compiled, with all its problems."""
    texts, unread = read_texts(path)
    loaded = load_texts(texts, environment()).beside(unread)
    catalogue = plugin_catalogue(native_catalogue(), loaded.readable)
    compiled = compile_resources(loaded.resources, catalogue, unusable=loaded.unusable)
    found = locate([*loaded.problems, *compiled.problems, *log_problems(loaded.readable)], texts)
    return Configuration(compiled, tuple(found))
