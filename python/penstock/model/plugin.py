"""Plugins: Python files whose filters become kinds of steps."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, model_validator

from penstock.base.digests import ARCHIVE_PATTERN, check_archive
from penstock.model.resource import Resource, Text


def check_plugin_path(path: str) -> str:
    """The path itself, if files can be there.

    Raises: ValueError if it is empty or holds a zero byte.
    """
    if not path or "\0" in path:
        raise ValueError("write the path of a Python file or of a folder of them")
    return path


class Plugin(Resource):
    """Adds the filters of a Python file, of a folder of them, or of an archive that a gateway keeps.

    Files are those of the machine that reads the configuration. An archive (`penstock plugin push`) is kept in the
    store: every node that shares it has the same.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        title="Plugin", json_schema_extra={"oneOf": [{"required": [name]} for name in ("python", "archive")]}
    )
    example: ClassVar[str] = """
        kind: Plugin
        name: house
        python: filters/
    """

    kind: Literal["Plugin"] = Field(description="What the resource is.")
    python: Annotated[Text, AfterValidator(check_plugin_path)] | None = Field(
        None,
        description="A file or folder, relative to the configuration file; its `Filter` classes become kinds of steps.",
    )
    archive: (
        Annotated[Text, AfterValidator(check_archive), WithJsonSchema({"type": "string", "pattern": ARCHIVE_PATTERN})]
        | None
    ) = Field(
        None, description="In the place of `python`: the digest of an archive, as `penstock plugin push` prints it."
    )

    @model_validator(mode="after")
    def has_one_source(self) -> Self:
        """Refuses a plugin without files, and one with two kinds of them."""
        if self.python is None and self.archive is None:
            raise ValueError("the plugin has no files; write `python` or `archive`")
        if self.python is not None and self.archive is not None:
            raise ValueError("`python` and `archive` exclude each other; keep one")
        return self
