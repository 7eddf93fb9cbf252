"""Makes the reference of the command line: what every command takes, from what it tells argparse."""

import argparse
from collections.abc import Iterable, Iterator, Mapping

from tools.reference import Gap

_Words = argparse._SubParsersAction  # noqa: SLF001 - no other way to tell words from arguments
_WIDTH = 100
_BEFORE = "usage: "


def commands_page(commands: Mapping[str, argparse.ArgumentParser]) -> str:
    """The page of all commands, each with its usage, arguments and words below it.

    Raises: Gap if a command or one of its arguments is not described.
    """
    sections = [section for name, parser in commands.items() for section in _sections(name, parser)]
    return "\n\n".join(["# Commands", _FOREWORD, *sections]) + "\n"


def _sections(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    if not (parser.description or "").strip():
        raise Gap(f"penstock {name} has no description")
    parts = [f"## penstock {name}", str(parser.description).strip(), _usage(parser)]
    if rows := list(_rows(name, parser)):
        parts.append("\n".join(["| argument | default | meaning |", "| --- | --- | --- |", *rows]))
    yield "\n\n".join(parts)
    for word, below in _words(parser):
        yield from _sections(f"{name} {word}", below)


def _usage(parser: argparse.ArgumentParser) -> str:
    parser.formatter_class = _Wide
    first, *rest = parser.format_usage().strip().splitlines()
    lines = [first.removeprefix(_BEFORE), *(line.removeprefix(" " * len(_BEFORE)) for line in rest)]
    return "\n".join(["```text", *lines, "```"])


class _Wide(argparse.HelpFormatter):
    """As wide on every terminal: the page is the same wherever it is made."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_WIDTH)


def _rows(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in _actions(parser):
        if isinstance(action, _Words | argparse._HelpAction) or action.help == argparse.SUPPRESS:  # noqa: SLF001 - as above
            continue
        meaning = (action.help or "").replace("|", "\\|")
        if not meaning.strip():
            raise Gap(f"penstock {name} {_written(action)} has no help")
        yield f"| `{_written(action)}` | {_default(action)} | {_sentence(meaning)} |"


def _words(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in _actions(parser):
        if isinstance(action, _Words):
            yield from action.choices.items()


def _actions(parser: argparse.ArgumentParser) -> Iterable[argparse.Action]:
    return parser._actions  # noqa: SLF001 - argparse tells nobody else what a parser takes


def _written(action: argparse.Action) -> str:
    """As it is typed."""
    value = action.metavar or (f"{{{','.join(map(str, action.choices))}}}" if action.choices else action.dest.upper())
    shown = " ".join(value) if isinstance(value, tuple) else str(value)
    shown = shown.replace("|", "\\|")
    if not action.option_strings:
        return shown
    flags = ", ".join(action.option_strings)
    return flags if action.nargs == 0 else f"{flags} {shown}"


def _default(action: argparse.Action) -> str:
    if action.required and action.option_strings:
        return "required"
    told = (action.help or "").partition("default: ")[2].strip(")")
    if told:
        return f"`{told}`"
    if isinstance(action, argparse.BooleanOptionalAction) and action.default is not None:
        return f"`{action.option_strings[not action.default]}`"
    is_plain = isinstance(action.default, str | int | float) and not isinstance(action.default, bool)
    return f"`{action.default}`" if is_plain and action.default != "" else ""


def _sentence(text: str) -> str:
    """Without the default, which has a column of its own."""
    said = text.partition("default: ")[0].strip(" ;(,")
    return f"{said[:1].upper()}{said[1:]}."


_FOREWORD = (
    """Exit codes: 0 fine, 1 a problem or a failure, 2 differences or wrong usage. Machine output is `-o json`."""
)
