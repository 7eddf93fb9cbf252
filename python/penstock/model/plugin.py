"""Plugins: Python files whose filters become kinds of steps."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field

from penstock.model.resource import Resource, Text


def check_plugin_path(path: str) -> str:
    """The path itself, if files can be there.

    Raises: ValueError if it is empty or holds a zero byte.
    """
    if not path or "\0" in path:
        raise ValueError("write the path of a Python file or of a folder of them")
    return path


class Plugin(Resource):
    """Adds the filters of a Python file, or of a folder of them."""

    model_config: ClassVar[ConfigDict] = ConfigDict(title="Plugin")
    example: ClassVar[str] = """
        kind: Plugin
        name: house
        python: filters/
    """

    kind: Literal["Plugin"] = Field(description="What the resource is.")
    python: Annotated[Text, AfterValidator(check_plugin_path)] = Field(
        description="A file or folder, relative to the configuration file; its `Filter` classes become kinds of steps."
    )
