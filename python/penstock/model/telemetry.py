"""Telemetry: what is recorded of every request."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field

from penstock.model.resource import Resource, Settings, Text

STDOUT = "stdout"
OFF = "off"
JSON = "json"


def check_log_path(path: str) -> str:
    """The path itself, if a log can be written there.

    Raises: ValueError if it is relative: a gateway may be started anywhere.
    """
    if path not in {STDOUT, OFF} and (not path.startswith("/") or "\0" in path):
        raise ValueError(f"not a place for a log: {path[:80]!r}; write an absolute path, `stdout` or `off`")
    return path


class AccessLog(Settings):
    """Where and how the access log is written."""

    path: Annotated[Text, AfterValidator(check_log_path)] = Field(
        STDOUT,
        description="A file, absolute, or `stdout`, or `off`.",
        json_schema_extra={"pattern": f"^(/|{STDOUT}$|{OFF}$)"},
    )
    format: Text = Field(
        JSON,
        min_length=1,
        description="How a line looks: `json`, or a template with fields of the JSON form, as in `{{ status }}`.",
    )


class Telemetry(Resource):
    """Says what is recorded of every request."""

    model_config: ClassVar[ConfigDict] = ConfigDict(title="Telemetry")
    example: ClassVar[str] = """
        kind: Telemetry
        name: default
        access_log:
          path: /var/log/penstock/access.log
          format: json
    """

    kind: Literal["Telemetry"] = Field(description="What the resource is.")
    access_log: AccessLog | None = Field(None, description="The access log. Absent: off.")
