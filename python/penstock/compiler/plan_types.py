"""The types of a plan, generated from the core's by `tools/generate.py`: change them there."""

from typing import Any, Literal, TypedDict


class AccessLog(TypedDict):
    """Which requests an access log has lines of, how these look, and where they go."""

    format: "LogFormat"
    mask: "LogMask"
    only: "LogScope"
    sample: "LogSample | None"
    skip: "LogScope"
    to: "LogPlace"
    when: str | None


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
    tracing: "RouteTracing | None"
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
    """`telemetry/NAME`: what is recorded, and where it goes."""

    access_logs: list["AccessLog"]
    kind: Literal["telemetry"]
    name: str
    otlp: "Collector | None"
    tracing: "Tracing | None"


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


class ConsumerBody(TypedDict):
    """`consumer/NAME`: somebody who is known by a key."""

    groups: list[str]
    kind: Literal["consumer"]
    name: str


class ConsumerKeysBody(TypedDict):
    """`consumer_keys/all`: the keys of all of them."""

    keys_hash: str
    kind: Literal["consumer_keys"]


class ClientCertificates(TypedDict):
    """Which certificates of clients are asked for."""

    authorities: str
    is_required: bool
    revoked: str | None


class Collector(TypedDict):
    """Who takes telemetry in batches."""

    address: str
    headers: list["CollectorHeader"]
    host: str
    path: str
    protocol: "CollectorProtocol"
    timeout_ms: int
    tls: "UpstreamTls | None"


class CollectorHeader(TypedDict):
    """A field of the requests to a collector."""

    name: str
    value_hash: str


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


class LogFile(TypedDict):
    """A file that lines go to."""

    path: str
    rotation: "LogRotation | None"


class ObjectLogFormat(TypedDict):
    """One JSON object with others."""

    object: "LogObject"


class TemplateLogFormat(TypedDict):
    """A template with the names of the JSON members, and with expressions."""

    template: str


class LogFraming(TypedDict):
    """What is around a line."""

    syslog: "LogSyslog | None"


class LogMask(TypedDict):
    """What is hidden in lines."""

    client: bool
    patterns: list["LogPattern"]
    query: list[str]


class LogMember(TypedDict):
    """A member of a JSON object, of which a template says what it holds."""

    name: str
    value: str


class LogObject(TypedDict):
    """The members of a JSON object."""

    add: list["LogMember"]
    keep: list[str] | None
    remove: list[str]


class LogPattern(TypedDict):
    """Parts of texts that something else stands for."""

    by: str
    members: list[str] | None
    regex: str


class FileLogPlace(TypedDict):
    """A file."""

    file: "LogFile"


class RemoteLogPlace(TypedDict):
    """Somebody else, over the network."""

    remote: "LogRemote"


class LogRemote(TypedDict):
    """Who takes lines over the network."""

    collector: "Collector"
    speech: "LogSpeech"


class LogRotation(TypedDict):
    """When a file is moved away, and what becomes of those that were."""

    age_ms: int | None
    every_ms: int | None
    is_compressed: bool
    keep: int | None
    size_bytes: int | None


class LogSample(TypedDict):
    """Which part of the requests has lines."""

    per_million: int
    slow_ms: int | None


class LogScope(TypedDict):
    """Whose requests are meant."""

    listeners: list[str] | None
    routes: list[str] | None


class StreamLogSpeech(TypedDict):
    """One after another on a connection."""

    stream: "LogFraming"


class DatagramsLogSpeech(TypedDict):
    """Each in a datagram."""

    datagrams: "LogFraming"


class BatchesLogSpeech(TypedDict):
    """Many in one request."""

    batches: "LogBatches"


class LogSyslog(TypedDict):
    """What messages of syslog say of where they come from."""

    app_name: str
    facility: int


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


class RatioMillionthsRouteTracing(TypedDict):
    """Share of the traces that begin with them which is recorded."""

    ratio_millionths: int


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


class TraceAttribute(TypedDict):
    """An attribute of spans."""

    name: str
    template: str


class Tracing(TypedDict):
    """Which exchanges are recorded as traces, and where they go."""

    attributes: list["TraceAttribute"]
    collector: "Collector"
    format: "TraceFormat"
    parent: "ParentSampling"
    propagation: list["Propagation"]
    ratio_millionths: int
    resource: dict[str, str]
    service_name: str
    stranger_every_us: int


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
    | ConsumerBody
    | ConsumerKeysBody
)
"""What a part can be."""
CipherSuite = str
"""A cipher suite by its registered name."""
CollectorProtocol = Literal["grpc", "http"]
"""How batches travel."""
EncodedSlash = Literal["refuse", "keep"]
"""What happens to an encoded slash or backslash in a path."""
FilterSource = Literal["native"] | PythonFilterSource
"""Where a filter's code is."""
HostPattern = ExactHostPattern | WildcardHostPattern | RegexHostPattern
"""A pattern for the host of a request."""
LogBatches = Literal["lines", "array", "otlp"]
"""What a request with many lines is made of."""
LogFormat = Literal["json"] | ObjectLogFormat | TemplateLogFormat
"""How a line of an access log looks."""
LogPlace = Literal["stdout", "stderr"] | FileLogPlace | RemoteLogPlace
"""Where lines go."""
LogSpeech = StreamLogSpeech | DatagramsLogSpeech | BatchesLogSpeech
"""How lines travel."""
ParentSampling = Literal["follow", "ignore"]
"""What is made of a trace that a request is said to be part of."""
PathPattern = ExactPathPattern | PrefixPathPattern | TemplatePathPattern | RegexPathPattern
"""A pattern for the normalised path of a request."""
Propagation = Literal["w3c", "b3", "b3multi", "jaeger"]
"""A form in which services tell each other of a trace."""
Protocol = Literal["http1", "h2", "h2c", "tls", "h3", "tcp", "udp"]
"""A protocol that a listener speaks."""
ProxyHeader = Literal["off", "v1", "v2"]
"""The PROXY protocol header that connections to endpoints begin with."""
ProxyProtocol = Literal["off", "accept", "require"]
"""Whether connections begin with a PROXY protocol header."""
RetryOn = Literal["connect_failure", "reset", "timed_out"] | StatusRetryOn
"""What leads to another attempt."""
RouteTracing = Literal["off"] | RatioMillionthsRouteTracing
"""What a route says of traces."""
Subject = HeaderSubject | QuerySubject | CookieSubject
"""The named value that a condition looks at."""
Target = Literal["end"] | StepTarget
"""The target of a jump, always forward."""
Test = Literal["present", "absent"] | ExactTest | PrefixTest | SuffixTest | RegexTest
"""What must hold of a value."""
TlsVersion = Literal["1.2", "1.3"]
"""A version of TLS."""
TraceFormat = Literal["otlp", "zipkin"]
"""How traces are written."""
Underscores = Literal["refuse", "drop"]
"""What happens to a field whose name has an underscore."""
UnknownName = Literal["first", "refuse"]
"""What happens to a client that asks for a name no certificate has."""
UpstreamProtocol = Literal["http1", "h2", "h2c", "auto"]
"""What endpoints speak."""
