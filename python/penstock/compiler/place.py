"""Where a list of steps stands."""

from dataclasses import dataclass

from penstock.base.problem import Steps


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list of steps stands in its resource, and whether it has to end with an answer.

    `is_shorthand`: the one step is the route's `to`, so its settings are fields of the route. `has_bodies`: requests
    may have one.
    """

    path: Steps
    answers: bool = True
    is_shorthand: bool = False
    has_bodies: bool = True

    def step(self, index: int) -> Steps:
        """The path of one step."""
        return self.path if self.is_shorthand else (*self.path, index)
