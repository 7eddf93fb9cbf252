"""Steps: one filter with its settings, condition and jumps."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from penstock.model.resource import Expression, Name, Settings, Text

END = "end"
"""The word that ends a pipeline: as a step, as the kind of one, and as the target of a jump."""


class Step(Settings):
    """Runs one filter; every key that is not the step's own is a setting of the filter.

    The plain word `end` is a step too: it ends the pipeline.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow", title="Step")

    kind: Text = Field(description="The filter's kind; `penstock filters` lists them.")
    name: Name | None = Field(None, description="Name, unique in its pipeline. Absent: the kind.")
    when: Expression | None = Field(None, description="Condition under which the step runs. Absent: always.")
    on: Mapping[str, Text] = Field(
        {}, description="Where results of the filter lead: the name of a later step, or `end`."
    )

    @model_validator(mode="after")
    def end_is_only_the_end(self) -> Self:
        """Refuses an end that is more than that, and a step that is called like it."""
        if self.name == END:
            raise ValueError("`end` is the end of a pipeline; give the step another name")
        if self.is_end and (self.name or self.on or self.settings):
            raise ValueError("`end` takes nothing but a `when`")
        return self

    @property
    def is_end(self) -> bool:
        """Whether it ends the pipeline."""
        return self.kind == END

    @property
    def settings(self) -> dict[str, Any]:
        """The filter's settings, as written."""
        return self.__pydantic_extra__ or {}

    @property
    def label(self) -> str:
        """What jumps and messages call the step."""
        return self.name or self.kind


def read_step(value: object) -> object:
    """The mapping that a step stands for.

    Raises: ValueError if it is text other than `end`, or a mapping from its kind to its settings.
    """
    if isinstance(value, dict) and "kind" not in value and len(value) == 1:
        raise ValueError(
            f"`kind` is missing; write it as in {{kind: {str(*value)[:80]}, ...}}, with the settings beside it"
        )
    if not isinstance(value, str):
        return value
    if value == END:
        return {"kind": END}
    raise ValueError(f"a step is a mapping with a `kind`, or the word `end`; write {{kind: {value[:80]}}}")


def _or_the_word(schema: dict[str, Any]) -> None:
    mapping = dict(schema)
    schema.clear()
    schema["anyOf"] = [mapping, {"const": END}]


StepList = tuple[Annotated[Step, BeforeValidator(read_step), Field(json_schema_extra=_or_the_word)], ...]
"""Steps in the order in which they run."""
