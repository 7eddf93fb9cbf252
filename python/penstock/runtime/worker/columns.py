"""The columns of the shared table: given to workers, and cleared when those have ended."""

import time
from dataclasses import dataclass, field

from penstock._core import SharedTable


class NoColumn(OSError):  # noqa: N818 - says what is the case
    """A table whose columns are all in use."""


@dataclass(slots=True)
class Columns:
    """The table, and which of its columns belong to processes that may not have entered them yet."""

    table: SharedTable = field(default_factory=lambda: SharedTable(time.time_ns()))
    _given: dict[int, int] = field(default_factory=dict)

    def free(self) -> int:
        """The lowest column that nobody works in or will.

        Raises: NoColumn.
        """
        taken = {column for column, _ in self.table.workers()} | set(self._given.values())
        for column in range(self.table.COLUMNS):
            if column not in taken:
                return column
        raise NoColumn(f"all {self.table.COLUMNS} columns of the shared table are in use")

    def give(self, column: int, process: int) -> None:
        """Keep a column for a process that has been started."""
        self._given[process] = column

    def of(self, process: int) -> int | None:
        """The column of a process that was started here and has not been settled."""
        return self._given.get(process)

    def settle(self, process: int) -> None:
        """Take what a process that has ended left in its column out of every gauge, and free the column."""
        self.table.settle(process)
        self._given.pop(process, None)
