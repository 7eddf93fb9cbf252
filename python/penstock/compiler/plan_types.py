"""The types of a plan, generated from the core's by `tools/generate.py`: change them there."""

from typing import Any, Literal, TypedDict


class AccessLog(TypedDict):
    """Where and how the access log is written."""

    format: "LogFormat"
    path: str


class ListenerBody(TypedDict):
    """`listener/NAME`: a listening address and how its connections are treated."""

    address: str
    after: list["Step"]
    alt_svc_seconds: int | None
    before: list["Step"]
    encoded_slash: "EncodedSlash"
    kind: Literal["listener"]
    limits: "Limits"
    name: str
    protocols: list["Protocol"]
    proxy_protocol: "ProxyProtocol"
    tls: "ListenerTls | None"
    trusted_proxies: list[str]
    underscores: "Underscores"


class RouteBody(TypedDict):
    """`route/NAME`: which requests go to which pipeline."""

    client_ip: list[str]
    conditions: list["Condition"]
    hosts: list["HostPattern"]
    kind: Literal["route"]
    listeners: list[str] | None
    methods: list[str]
    name: str
    order: int
    path: "PathPattern"
    pipeline: str
    priority: int
    timeout_ms: int | None
    when: str | None


class TcprouteBody(TypedDict):
    """`tcproute/NAME`: where connections go whose bytes are carried as they are."""

    idle_ms: int
    kind: Literal["tcproute"]
    listeners: list[str] | None
    name: str
    to: list["Destination"]


class TlsrouteBody(TypedDict):
    """`tlsroute/NAME`: where connections go by the host that is asked for in a handshake that is not answered."""

    hosts: list[str] | None
    idle_ms: int
    kind: Literal["tlsroute"]
    listeners: list[str] | None
    name: str
    to: list["Destination"]


class UdprouteBody(TypedDict):
    """`udproute/NAME`: where datagrams go."""

    idle_ms: int
    kind: Literal["udproute"]
    listeners: list[str] | None
    name: str
    to: list["Destination"]


class PipelineBody(TypedDict):
    """`pipeline/NAME`: the steps of a pipeline."""

    kind: Literal["pipeline"]
    name: str
    steps: list["Step"]


class UpstreamBody(TypedDict):
    """`upstream/NAME`: endpoints and how they are used."""

    balance: "Balance"
    endpoints: list["Endpoint"]
    idle_connections: int
    kind: Literal["upstream"]
    name: str
    ping: "Ping | None"
    protocol: "UpstreamProtocol"
    proxy_protocol: "ProxyHeader"
    retry: "Retry | None"
    timeouts: "Timeouts"
    tls: "UpstreamTls | None"


class NamesBody(TypedDict):
    """`names/HOST`: the addresses of a host name that an endpoint uses."""

    addresses: list[str]
    kind: Literal["names"]
    name: str


class TelemetryBody(TypedDict):
    """`telemetry/NAME`: the access log."""

    access_log: "AccessLog | None"
    kind: Literal["telemetry"]
    name: str


class PluginBody(TypedDict):
    """`plugin/NAME`: the copied files of a Python plugin."""

    digest: str
    filters: list["PluginFilter"]
    kind: Literal["plugin"]
    name: str


class AuthoritiesBody(TypedDict):
    """`authorities/NAME`: who may sign certificates of endpoints."""

    certificates: str
    kind: Literal["authorities"]
    name: str


class CertificateBody(TypedDict):
    """`certificate/NAME`: a chain of certificates and its key."""

    certificate: str
    key_hash: str
    kind: Literal["certificate"]
    name: str
    ocsp: str | None


class ClientCertificates(TypedDict):
    """Which certificates of clients are asked for."""

    authorities: str
    is_required: bool
    revoked: str | None


class Condition(TypedDict):
    """A condition on one named value of the request."""

    subject: "Subject"
    test: "Test"


class Destination(TypedDict):
    """An upstream and its share of the connections."""

    upstream: str
    weight: int


class Endpoint(TypedDict):
    """One address that serves an upstream's requests."""

    address: str
    host: str
    is_tls: bool
    path: str
    tags: list[str]
    weight: int


class PythonFilterSource(TypedDict):
    """In a Python plugin."""

    python: str


class ExactHostPattern(TypedDict):
    """Exactly this host."""

    exact: str


class WildcardHostPattern(TypedDict):
    """One or more labels before this host (`example.com` for `*.example.com`)."""

    wildcard: str


class RegexHostPattern(TypedDict):
    """A regular expression searched in the host."""

    regex: str


class Jump(TypedDict):
    """A result and where it leads."""

    result: str
    to: "Target"


class Limits(TypedDict):
    """Limits on what a client may send or hold."""

    body_bytes: int | None
    buffered_body_bytes: int
    connection_window_bytes: int
    connections: int
    fields: int
    half_close_ms: int
    header_bytes: int
    header_time_ms: int
    idle_ms: int
    send_ms: int
    stream_window_bytes: int
    streams: int
    uri_bytes: int


class ListenerTls(TypedDict):
    """What a listener asks of handshakes."""

    certificates: list[str]
    ciphers: list["CipherSuite"] | None
    client: "ClientCertificates | None"
    early_data: bool
    min_version: "TlsVersion"
    unknown_name: "UnknownName"


class TemplateLogFormat(TypedDict):
    """A template with the names of the JSON fields."""

    template: str


class Part(TypedDict):
    """One part of a plan and the hash of its text: equal hashes mean an equal built form."""

    body: "Body"
    hash: str


class ExactPathPattern(TypedDict):
    """Exactly this path."""

    exact: str


class PrefixPathPattern(TypedDict):
    """This path and everything below it, by whole segments."""

    prefix: str


class TemplatePathPattern(TypedDict):
    """Literal segments and `{parameters}`, which stand for one segment each."""

    template: str


class RegexPathPattern(TypedDict):
    """A regular expression searched in the path."""

    regex: str


class Ping(TypedDict):
    """When an endpoint is asked whether it is there."""

    interval_ms: int
    timeout_ms: int


class PluginFilter(TypedDict):
    """One filter class of a plugin."""

    file: str
    name: str


class Retry(TypedDict):
    """When and how often an attempt is repeated."""

    attempts: int
    budget_percent: int
    on: list["RetryOn"]


class StatusRetryOn(TypedDict):
    """An answer with this status."""

    status: int


class Step(TypedDict):
    """One step: a filter with its settings, a condition and its jumps."""

    filter: str
    jumps: list["Jump"]
    name: str
    settings: Any
    source: "FilterSource"
    when: str | None


class HeaderSubject(TypedDict):
    """A header, name in lower case."""

    header: str


class QuerySubject(TypedDict):
    """A query parameter."""

    query: str


class CookieSubject(TypedDict):
    """A cookie."""

    cookie: str


class StepTarget(TypedDict):
    """The step at this position."""

    step: int


class ExactTest(TypedDict):
    """It equals this text."""

    exact: str


class PrefixTest(TypedDict):
    """It starts with this text."""

    prefix: str


class SuffixTest(TypedDict):
    """It ends with this text."""

    suffix: str


class RegexTest(TypedDict):
    """A regular expression is found in it."""

    regex: str


class Timeouts(TypedDict):
    """How long each phase of an attempt may take."""

    answer_ms: int
    connect_ms: int
    idle_ms: int
    keep_ms: int
    send_ms: int


class UpstreamTls(TypedDict):
    """What is asked of endpoints in handshakes."""

    authorities: str | None
    certificate: str | None
    is_insecure: bool
    server_name: str | None


class Plan(TypedDict):
    """A whole plan: parts by key, `kind/name` (`route/orders`, `upstream/orders`)."""

    parts: dict[str, "Part"]


Balance = Literal["round_robin", "random", "least_requests"]
"""How an endpoint is picked."""
Body = (
    ListenerBody
    | RouteBody
    | TcprouteBody
    | TlsrouteBody
    | UdprouteBody
    | PipelineBody
    | UpstreamBody
    | NamesBody
    | TelemetryBody
    | PluginBody
    | AuthoritiesBody
    | CertificateBody
)
"""What a part can be."""
CipherSuite = str
"""A cipher suite by its registered name."""
EncodedSlash = Literal["refuse", "keep"]
"""What happens to an encoded slash or backslash in a path."""
FilterSource = Literal["native"] | PythonFilterSource
"""Where a filter's code is."""
HostPattern = ExactHostPattern | WildcardHostPattern | RegexHostPattern
"""A pattern for the host of a request."""
LogFormat = Literal["json"] | TemplateLogFormat
"""How a line of the access log looks."""
PathPattern = ExactPathPattern | PrefixPathPattern | TemplatePathPattern | RegexPathPattern
"""A pattern for the normalised path of a request."""
Protocol = Literal["http1", "h2", "h2c", "tls", "h3", "tcp", "udp"]
"""A protocol that a listener speaks."""
ProxyHeader = Literal["off", "v1", "v2"]
"""The PROXY protocol header that connections to endpoints begin with."""
ProxyProtocol = Literal["off", "accept", "require"]
"""Whether connections begin with a PROXY protocol header."""
RetryOn = Literal["connect_failure", "reset", "timed_out"] | StatusRetryOn
"""What leads to another attempt."""
Subject = HeaderSubject | QuerySubject | CookieSubject
"""The named value that a condition looks at."""
Target = Literal["end"] | StepTarget
"""The target of a jump, always forward."""
Test = Literal["present", "absent"] | ExactTest | PrefixTest | SuffixTest | RegexTest
"""What must hold of a value."""
TlsVersion = Literal["1.2", "1.3"]
"""A version of TLS."""
Underscores = Literal["refuse", "drop"]
"""What happens to a field whose name has an underscore."""
UnknownName = Literal["first", "refuse"]
"""What happens to a client that asks for a name no certificate has."""
UpstreamProtocol = Literal["http1", "h2", "h2c", "auto"]
"""What endpoints speak."""
