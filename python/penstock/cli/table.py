"""Columns for people: aligned, numbers to the right."""

from collections.abc import Iterator, Sequence

_GAP = "  "


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table; none where there is no row."""
    if not rows:
        return
    columns = list(zip(header, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    are_numbers = [all(_is_number(cell) for cell in cells) for _, *cells in columns]
    for row in (header, *rows):
        cells = zip(row, widths, are_numbers, strict=True)
        yield _GAP.join(
            f"{cell:>{width}}" if is_number else f"{cell:<{width}}" for cell, width, is_number in cells
        ).rstrip()


def _is_number(cell: str) -> bool:
    return cell == "-" or cell.replace(",", "").isdigit()
