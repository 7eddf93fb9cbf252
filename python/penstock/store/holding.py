"""What is held in a store for a while: keys that go with a lease. They are no revisions, and leave no history."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lease:
    """A promise to stay in touch: what is held by it goes when nobody has renewed it in time.

    Units: `seconds` is the time that a renewal lasts.
    """

    id: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Held:
    """A key that is held, and by which lease.

    `fence` is larger than that of whoever held any key before: what is done in its name can be told from what an
    earlier holder does too late.
    """

    key: str
    value: str
    lease: int
    fence: int
