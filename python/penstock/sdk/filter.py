"""What a filter author derives from."""

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from penstock.sdk.request import Request, Response

OnError = int | Literal["continue"]
"""A status from 200 to 599, or `continue`: the pipeline goes on as if the filter had done nothing."""


class FilterConfig(BaseModel):
    """What a step may set. Unknown settings are refused, and settings cannot be changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    on_error: OnError | None = Field(
        None,
        description="What happens to a request when the filter fails: a status, or `continue`. "
        "Absent: what the filter's class says, by default 500.",
    )


class Filter:
    """A step of a pipeline, written in Python.

    The class's name is the step's kind and its docstring the manual page. An object is made for each step;
    `on_request` and `on_response` run on the thread that serves all requests of a worker, so they must not wait.
    """

    class Config(FilterConfig):
        """What a step may set: nothing of its own."""

    example: ClassVar[str] = ""
    """A step in YAML, for the manual page."""
    results: ClassVar[tuple[str, ...]] = ()
    """Names that `on_request` may return; a step's `on:` says where they lead."""
    buffers_body: ClassVar[bool] = False
    """Whether `request.body` is needed: the whole body is read before `on_request`."""
    budget: ClassVar[str] = "20ms"
    """How long a call may take; one that takes longer is interrupted and has failed."""
    on_error: ClassVar[int | str | Response] = 500
    """What happens when a call fails: a status, `continue`, or a `Response`."""

    def __init__(self, config: Any) -> None:
        self.config: Any = config

    def on_request(self, request: Request) -> Response | str | None:
        """See a request on its way in.

        Shape: returns nothing to go on, a `Response` to answer, or one of `results`.
        """

    def on_response(self, request: Request, response: Response) -> Response | None:
        """See the answer on its way out, in reverse order of the steps.

        Shape: returns nothing, or a `Response` that replaces the answer.
        """
