"""Pipelines: named lists of steps that several routes may share."""

from typing import ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from penstock.model.resource import Resource
from penstock.model.step import StepList

ROUTE_PREFIX = "route."
"""How the pipelines begin that routes write inline; a plan keeps both in one place."""


class Pipeline(Resource):
    """Runs its steps in the order they are written.

    A step may jump forward on a result of its filter; a filter that answers ends the pipeline unless its result
    has a jump.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(title="Pipeline")
    example: ClassVar[str] = """
        kind: Pipeline
        name: checkout
        steps:
          - {kind: MaxBodySize, limit: 1MiB, on: {too_large: refuse}}
          - {kind: Forward, to: http://127.0.0.1:9001}
          - end
          - {kind: Respond, name: refuse, status: 413, body: "at most 1 MiB, please"}
    """

    kind: Literal["Pipeline"] = Field(description="What the resource is.")
    steps: StepList = Field(min_length=1, description="The steps, in the order they run.")

    @model_validator(mode="after")
    def is_not_a_routes_own(self) -> Self:
        """Refuses a name that a route's own steps have in the plan."""
        if self.name.startswith(ROUTE_PREFIX):
            raise ValueError(f"names that begin with `{ROUTE_PREFIX}` belong to the routes' own steps; choose another")
        return self
