"""Tests of a configuration: a request, and what is to become of it."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_serializer, model_validator

from penstock.base.networks import canonical_ip
from penstock.model.patterns import read_test, short_or
from penstock.model.resource import Name, Number, Resource, Settings, Text
from penstock.model.route import HeaderName, Method

_LEAST_STATUS, _MOST_STATUS = 100, 599
_TESTS = ("exact", "prefix", "suffix", "contains", "present", "absent")
Status = Annotated[Number, Field(ge=_LEAST_STATUS, le=_MOST_STATUS)]
ClientAddress = Annotated[Text, AfterValidator(canonical_ip)]


class TextTest(Settings):
    """What must hold of a text; exactly one of the fields is given."""

    model_config: ClassVar[ConfigDict] = ConfigDict(title="TextTest")

    exact: Text | None = Field(None, description="It equals this text.")
    prefix: Text | None = Field(None, description="It starts with this text.")
    suffix: Text | None = Field(None, description="It ends with this text.")
    contains: Text | None = Field(None, description="This text is found in it.")
    present: Literal[True] | None = Field(None, description="It is there.")
    absent: Literal[True] | None = Field(None, description="It is not there.")

    @model_validator(mode="after")
    def has_one_test(self) -> Self:
        """Refuses a test of nothing, and one of two things."""
        if len(self.model_fields_set) != 1:
            raise ValueError(f"write exactly one of {', '.join(_TESTS)}")
        return self

    @property
    def test(self) -> tuple[str, str | bool]:
        """The name of the test and what it is given."""
        return next((name, getattr(self, name)) for name in self.model_fields_set)

    def holds(self, found: str | None) -> bool:
        """Whether it holds of a text, or of what is not there."""
        name, given = self.test
        if name in {"present", "absent"} or found is None:
            return (found is None) == (name == "absent")
        text = str(given)
        return {
            "exact": found == text,
            "prefix": found.startswith(text),
            "suffix": found.endswith(text),
            "contains": text in found,
        }[name]

    @model_serializer
    def written(self) -> str | dict[str, str | bool]:
        """The form in which users write it."""
        name, given = self.test
        return str(given) if name == "exact" else {name: given}

    def __str__(self) -> str:
        name, given = self.test
        return name if given is True else repr(given) if name == "exact" else f"{name} {given!r}"


Expected = Annotated[TextTest, BeforeValidator(read_test), short_or({"type": "string"}, *_TESTS)]
"""A test of one text; plain text means equal."""


class Handshake(Settings):
    """What the client says in its handshake, where the listener speaks TLS."""

    model_config: ClassVar[ConfigDict] = ConfigDict(title="Handshake")

    name: Text | None = Field(None, description="The host that is asked for. Absent: that of the URL.")
    version: Literal["1.2", "1.3"] | None = Field(None, description="The version of TLS. Absent: 1.3.")
    client: Mapping[str, Text] = Field(
        {}, description="What the client's certificate says: `subject`, `issuer`, `name`, `email`, `uri` and others."
    )


class ImaginedRequest(Settings):
    """The request that a test sends."""

    model_config: ClassVar[ConfigDict] = ConfigDict(title="ImaginedRequest")

    method: Method = Field("GET", description="Method.")
    url: Text = Field(
        description="`http://host/path?query`, or the same with `https`; `/path?query` alone is of the `host` among "
        "the headers, else of `localhost`; `tls://host:port`, `tcp://` or `udp://` for what is carried.",
        json_schema_extra={"pattern": "^((https?|tls|tcp|udp)://|/)"},
    )
    headers: Mapping[HeaderName, Text] = Field({}, description="Headers.")
    body: Text = Field("", description="The body.")
    client_ip: ClientAddress | None = Field(None, description="The client's address. Absent: 127.0.0.1.")
    listener: Name | None = Field(
        None, description="The listener it comes in by. Absent: the one whose port the URL names, else the first."
    )
    tls: Handshake = Field(Handshake.model_validate({}), description="What is said in the handshake.")


class Forwarded(Settings):
    """What is to arrive at an upstream."""

    model_config: ClassVar[ConfigDict] = ConfigDict(title="Forwarded")

    upstream: Text | None = Field(None, description="The upstream at which it arrives.")
    method: Method | None = Field(None, description="Method.")
    path: Expected | None = Field(None, description="Path with query, as it is sent.")
    headers: Mapping[HeaderName, Expected] = Field({}, description="Headers; of repeated ones the first.")
    body: Expected | None = Field(None, description="The body.")


class FakeAnswer(Settings):
    """What an upstream answers in a test."""

    model_config: ClassVar[ConfigDict] = ConfigDict(title="FakeAnswer")

    status: Annotated[Number, Field(ge=200, le=_MOST_STATUS)] = Field(200, description="Status.")
    headers: Mapping[HeaderName, Text] = Field({}, description="Headers.")
    body: Text = Field("", description="The body.")


class Expectations(Settings):
    """What is to become of the request; whatever is given has to hold."""

    model_config: ClassVar[ConfigDict] = ConfigDict(title="Expectations", json_schema_extra={"minProperties": 1})

    listener: Name | None = Field(None, description="The listener it comes in by.")
    route: Name | None = Field(None, description="The route that serves it.")
    params: Mapping[str, Text] | None = Field(None, description="The parameters of its path, all of them.")
    steps: tuple[Text, ...] | None = Field(
        None, description="Names of the steps whose conditions hold for the request as it came, in order."
    )
    upstream: Text | None = Field(None, description="The upstream, or URL, that its first `Forward` prefers.")
    status: Status | None = Field(None, description="Status of the answer that the client gets.")
    headers: Mapping[HeaderName, Expected] = Field(
        {}, description="Headers of the answer that the client gets; of repeated ones the first."
    )
    body: Expected | None = Field(None, description="Body of the answer that the client gets.")
    forwarded: Forwarded | None = Field(None, description="What arrives at an upstream; of several attempts the last.")

    @model_validator(mode="after")
    def expects_something(self) -> Self:
        """Refuses a test that cannot fail."""
        if not self.model_fields_set:
            raise ValueError("nothing is expected; write `route`, `status`, `forwarded` or others of the fields")
        return self


class Test(Resource):
    """Says what is to become of a request; `penstock test` tells whether it does.

    What the router decides is judged without any traffic. Where a test asks for the answer or for what arrives at an
    upstream, the request is sent through a gateway of its own, whose upstreams are played by the test: no real one
    is ever asked. Tests are no part of the plan.
    """

    __test__ = False
    model_config: ClassVar[ConfigDict] = ConfigDict(title="Test")
    example: ClassVar[str] = """
        kind: Test
        name: orders-are-forwarded
        request: {url: "http://shop.example.com/orders/7", headers: {x-beta: "1"}}
        answers:
          orders: {status: 200, body: "seven"}
        expect:
          route: orders
          status: 200
          body: seven
          forwarded: {path: /orders/7, headers: {x-real-ip: 127.0.0.1}}
    """

    kind: Literal["Test"] = Field(description="What the resource is.")
    request: ImaginedRequest = Field(description="The request that is sent.")
    expect: Expectations = Field(description="What is to become of it.")
    answers: Mapping[str, FakeAnswer] = Field(
        {}, description="What upstreams answer, by their names or URLs. Absent: 200 without a body."
    )
