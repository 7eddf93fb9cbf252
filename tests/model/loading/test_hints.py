"""What people write who know other gateways: each message says what to write here."""

import pytest

from penstock.model.loading import load_resources

ROUTE = "kind: Route\nname: a\nto: http://a\n"
LISTENER = "kind: Listener\nname: a\naddress: 127.0.0.1:80\n"
UPSTREAM = "kind: Upstream\nname: a\nendpoints: [http://a]\n"

WRITTEN = [
    (LISTENER.replace("address: 127.0.0.1:80", "listen: 80"), "did you mean `address`?"),
    (LISTENER.replace("127.0.0.1:80", "8080"), "write 0.0.0.0:8080 or 127.0.0.1:8080"),
    (LISTENER.replace("127.0.0.1:80", "':8080'"), "write 0.0.0.0:8080 or 127.0.0.1:8080"),
    (LISTENER.replace("127.0.0.1:80", "localhost:80"), "write 127.0.0.1:80"),
    (LISTENER.replace("127.0.0.1:80", "'*:80'"), "write 0.0.0.0:80"),
    (LISTENER.replace("127.0.0.1:80", "'::1:80'"), "write an IPv6 address in brackets"),
    (f"{LISTENER}limits: {{clientMaxBodySize: 1MiB}}", "did you mean `body`?"),
    (f"{LISTENER}limits: {{body: 1m}}", "write 1MiB"),
    (f"{LISTENER}limits: {{idle: 60}}", "write 60s or 60ms"),
    (f"{LISTENER}limits: {{connections: '10'}}", "write it without quotes: 10"),
    (f"{LISTENER}limits: 5", "write a mapping of `header_time`, `headers`"),
    (f"{LISTENER}protocols: http1", "write it as a list: [http1]"),
    (f"{LISTENER}before: {{kind: SetHeaders}}", "write `- ` before each of its items"),
    (f"{LISTENER}before: [{{SetHeaders: {{}}}}]", "write it as in {kind: SetHeaders, ...}"),
    (f"{LISTENER}before: [SetHeaders]", "write {kind: SetHeaders}"),
    (f"{LISTENER}enabled: off", "write `false`"),
    (f"{LISTENER}labels: [a]", "write it as in {name: value}"),
    (ROUTE.replace("to:", "proxy_pass:"), "did you mean `to`?"),
    (ROUTE.replace("to:", "backendRefs:"), "the keys here are listeners, hosts, path"),
    (ROUTE.replace("name: a", "name: My Route!"), "my-route would be one"),
    (f"{ROUTE}pathPrefix: /x", "did you mean `path`?"),
    (f"{ROUTE}path: ^/x", "write a regular expression as {regex: '^/x'}"),
    (f"{ROUTE}path: ~* ^/x$", "write a regular expression as {regex: '^/x$'}"),
    (f"{ROUTE}path: = /x", "write the path with a leading slash: /x"),
    (f"{ROUTE}path: [/a, /b]", "a route has one path"),
    (f"{ROUTE}path: {{prefix: /x}}", "write a path as text, or {regex: ...}"),
    (f"{ROUTE}hosts: ['https://a.b/c']", "write it without scheme and path: a.b"),
    (f"{ROUTE}hosts: a.b", "write it as a list: [a.b]"),
    (f"{ROUTE}hosts: '*.b'", 'write it as a list: ["*.b"]'),
    (f"{ROUTE}hosts: [5]", "write a host as text, or {regex: ...}"),
    (f"{ROUTE}methods: [get]", "methods are written in capitals: GET"),
    (f"{ROUTE}headers: {{a: {{equals: b}}}}", "the keys here are exact, prefix"),
    (f"{ROUTE}headers: {{a: {{present: false}}}}", "write `absent: true` for `present: false`"),
    (f"{ROUTE}headers: [a]", "write it as in {name: value}"),
    (f"{ROUTE}retry: {{attempts: 1}}", "`retry` belongs to an upstream"),
    (UPSTREAM.replace("endpoints:", "servers:"), "did you mean `endpoints`?"),
    (UPSTREAM.replace("http://a", "'a:1'"), "write http://a:1"),
    (UPSTREAM.replace("http://a", "'?'"), "write one as in http://127.0.0.1:9000"),
    (f"{UPSTREAM}balance: roundrobin", "did you mean `round_robin`?"),
    (f"{UPSTREAM}timeouts: {{read: 5s}}", "did you mean `answer`?"),
    (f"{UPSTREAM}retry: {{on: [5xx]}}", "write each status, as in 500, 502, 503, 504"),
    (f"{UPSTREAM}retry: {{on: [timeout]}}", "did you mean `timed_out`?"),
    (f"{UPSTREAM}retry: {{on: ['503']}}", "write it without quotes: 503"),
    (f"{UPSTREAM}retry: {{budget: 0.2}}", "write 20%"),
    (f"{UPSTREAM}retry: {{budget: 20}}", "write 20%"),
    (f"{UPSTREAM}retry: {{attempts: 11}}", "expected at most 10, found 11"),
    (f"{UPSTREAM}health: {{path: /}}", "an endpoint that cannot be connected to is passed over"),
    ("kind: Telemetry\nname: a\naccess_log: /a", "write a mapping of `path`, `rotate`, `send`"),
    ("kind: Telemetry\nname: a\naccess_log: {path: syslog}", "write an absolute path, `stdout`, `stderr`, `otlp`"),
    ("kind: Plugin\nname: a\nfile: a.py", "did you mean `python`?"),
    ("kind: Plugin\nname: a\ndigest: x", "did you mean `archive`?"),
    ("kind: Plugin\nname: a", "write `python` or `archive`"),
    ("kind: Plugin\nname: a\npython: b\narchive: sha256:" + "0" * 64, "exclude each other; keep one"),
    ("kind: Plugin\nname: a\narchive: a" + "0" * 63, "write sha256: and 64 digits"),
    ("kind: Service\nname: a", "did you mean `Upstream`?"),
    ("kind: Ingress\nname: a", "did you mean `Route`?"),
    ("kind: Middleware\nname: a", "did you mean `Pipeline`?"),
    ("a: 'x\nb: 1", "close the quote that stands open"),
    ("a: x\n\tb: 1", "indent with spaces"),
    ("a: [1, 2\nb: 1", "close the `[` that stands open"),
    ("a: {b: 1\nc: 1", "close the `{` that stands open"),
    ("a: b: c", "a value that holds `: ` is written in quotes"),
    ("a: *b", "text that begins with `*` is written in quotes"),
    ("a: @b", "text that begins with such a character is written in quotes"),
    ("a: 1\n b: 2\n- c", "keys of one mapping are aligned"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "hint"), WRITTEN, ids=lambda value: str(value).splitlines()[-1][:50])
def test_one_message_says_what_to_write(text: str, hint: str) -> None:
    (problem,) = load_resources(text).problems
    assert hint in str(problem)
