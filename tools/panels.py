"""The panels of the dashboards: what is worth looking at, and the queries that show it."""

from tools.dashboards import Dashboard, Panel, Query

_RATE = "[$__rate_interval]"


def _number(title: str, description: str, unit: str, expression: str) -> Panel:
    return Panel(title, description, unit, [Query(expression)], 4, is_number=True)


def _lines(title: str, description: str, unit: str, *queries: tuple[str, str], width: int = 12) -> Panel:
    return Panel(title, description, unit, [Query(*query) for query in queries], width)


def _quantiles(metric: str, which: str = "", by: str = "") -> list[tuple[str, str]]:
    """Queries for the 50th, 90th and 99th percentile."""
    labels = f"le, {by}" if by else "le"
    of = f" {{{{{by}}}}}" if by else ""
    inner = f"sum by ({labels}) (rate({metric}_bucket{which}{_RATE}))"
    return [(f"histogram_quantile({share / 100:g}, {inner})", f"p{share}{of}") for share in (50, 90, 99)]


def _ratio(part: str, whole: str) -> str:
    return f"({part}) / ({whole})"


_ALL = "sum(rate(penstock_requests_total[$__rate_interval]))"
_ERRORS = 'sum(rate(penstock_requests_total{class="5xx"}[$__rate_interval]))'
_OF_ROUTE = '{route=~"$route"}'
_OF_UPSTREAM = '{upstream=~"$upstream"}'

OVERVIEW = Dashboard(
    "overview",
    "Penstock: overview",
    {
        "Now": [
            _number("Requests", "Requests a second over all routes.", "reqps", _ALL),
            _number("Errors", "The share of answers of class 5xx.", "percentunit", _ratio(_ERRORS, _ALL)),
            _number(
                "99th percentile",
                "Time within which 99 of 100 requests are answered.",
                "s",
                f"histogram_quantile(0.99, sum by (le) (rate(penstock_request_duration_seconds_bucket{_RATE})))",
            ),
            _number("Connections", "Open connections of clients.", "short", "sum(penstock_open_connections)"),
            _number("Under way", "Requests that are not answered yet.", "short", "sum(penstock_active_requests)"),
            _number("Workers", "Workers that serve.", "short", "sum(penstock_workers)"),
        ],
        "Requests": [
            _lines(
                "Requests by class of status",
                "",
                "reqps",
                (f"sum by (class) (rate(penstock_requests_total{_RATE}))", "{{class}}"),
            ),
            _lines("Time to answer", "Over all routes.", "s", *_quantiles("penstock_request_duration_seconds")),
            _lines(
                "Busiest routes",
                "",
                "reqps",
                (f"topk(10, sum by (route) (rate(penstock_requests_total{_RATE})))", "{{route}}"),
            ),
            _lines(
                "Errors by route",
                "Answers of class 5xx; routes without any are left out.",
                "reqps",
                (f'topk(10, sum by (route) (rate(penstock_requests_total{{class="5xx"}}{_RATE})) > 0)', "{{route}}"),
            ),
            _lines(
                "Slowest routes",
                "The 99th percentile.",
                "s",
                (
                    f"topk(10, {_quantiles('penstock_request_duration_seconds', by='route')[2][0]})",
                    "{{route}}",
                ),
            ),
            _lines(
                "What the gateway itself refused or gave up",
                "By the reason that the access log has too.",
                "reqps",
                (f"sum by (reason, blame) (rate(penstock_failures_total{_RATE})) > 0", "{{reason}} ({{blame}})"),
            ),
        ],
        "Connections": [
            _lines(
                "Connections",
                "",
                "short",
                ("sum by (listener) (penstock_open_connections)", "{{listener}}"),
                ("sum by (listener) (penstock_open_tunnels)", "{{listener}} tunnels"),
            ),
            _lines(
                "New connections",
                "Accepted, and refused because the listener's limit was reached.",
                "cps",
                (f"sum by (listener) (rate(penstock_connections_total{_RATE}))", "{{listener}}"),
                (f"sum by (listener) (rate(penstock_connections_refused_total{_RATE}))", "{{listener}} refused"),
            ),
            _lines(
                "Bytes",
                "Counted as exchanges end.",
                "Bps",
                (f"sum by (listener) (rate(penstock_received_bytes_total{_RATE}))", "{{listener}} in"),
                (f"sum by (listener) (rate(penstock_sent_bytes_total{_RATE}))", "{{listener}} out"),
            ),
            _lines(
                "Handshakes of TLS",
                "",
                "cps",
                (
                    f"sum by (version, resumed) (rate(penstock_tls_handshakes_total{_RATE}))",
                    "{{version}} resumed: {{resumed}}",
                ),
                (f"sum(rate(penstock_tls_handshake_failures_total{_RATE}))", "not finished"),
            ),
        ],
    },
    {},
)

ROUTE = Dashboard(
    "route",
    "Penstock: routes",
    {
        "Requests": [
            _lines(
                "Requests by class of status",
                "",
                "reqps",
                (f"sum by (route, class) (rate(penstock_requests_total{_OF_ROUTE}{_RATE}))", "{{route}} {{class}}"),
            ),
            _lines(
                "Share of errors",
                "Answers of class 5xx.",
                "percentunit",
                (
                    _ratio(
                        f'sum by (route) (rate(penstock_requests_total{{route=~"$route", class="5xx"}}{_RATE}))',
                        f"sum by (route) (rate(penstock_requests_total{_OF_ROUTE}{_RATE}))",
                    ),
                    "{{route}}",
                ),
            ),
            _lines(
                "Time to answer",
                "From a request's head to the end of its answer; tunnels are left out.",
                "s",
                *_quantiles("penstock_request_duration_seconds", _OF_ROUTE, "route"),
            ),
            _lines("Under way", "", "short", (f"sum by (route) (penstock_active_requests{_OF_ROUTE})", "{{route}}")),
            _lines(
                "Bytes",
                "Counted as exchanges end.",
                "Bps",
                (f"sum by (route) (rate(penstock_route_received_bytes_total{_OF_ROUTE}{_RATE}))", "{{route}} in"),
                (f"sum by (route) (rate(penstock_route_sent_bytes_total{_OF_ROUTE}{_RATE}))", "{{route}} out"),
            ),
            _lines(
                "Mean time to answer",
                "",
                "s",
                (
                    _ratio(
                        f"sum by (route) (rate(penstock_request_duration_seconds_sum{_OF_ROUTE}{_RATE}))",
                        f"sum by (route) (rate(penstock_request_duration_seconds_count{_OF_ROUTE}{_RATE}))",
                    ),
                    "{{route}}",
                ),
            ),
        ]
    },
    {"route": "label_values(penstock_requests_total, route)"},
)

UPSTREAM = Dashboard(
    "upstream",
    "Penstock: upstreams",
    {
        "Upstreams": [
            _lines(
                "Attempts",
                "And those among them that repeated an earlier one.",
                "reqps",
                (f"sum by (upstream) (rate(penstock_upstream_attempts_total{_OF_UPSTREAM}{_RATE}))", "{{upstream}}"),
                (
                    f"sum by (upstream) (rate(penstock_upstream_retries_total{_OF_UPSTREAM}{_RATE}))",
                    "{{upstream}} repeated",
                ),
            ),
            _lines(
                "Requests that no endpoint answered",
                "",
                "reqps",
                (f"sum by (upstream) (rate(penstock_upstream_failures_total{_OF_UPSTREAM}{_RATE}))", "{{upstream}}"),
            ),
            _lines(
                "Time to the head of the answer",
                "All attempts together.",
                "s",
                *_quantiles("penstock_upstream_duration_seconds", _OF_UPSTREAM, "upstream"),
            ),
            _lines(
                "Time to connect",
                "Of fresh connections, handshakes included.",
                "s",
                *_quantiles("penstock_upstream_connect_seconds", _OF_UPSTREAM, "upstream"),
            ),
        ],
        "Endpoints": [
            _lines(
                "Answers by class of status",
                "",
                "reqps",
                (
                    f"sum by (endpoint, class) (rate(penstock_endpoint_answers_total{_OF_UPSTREAM}{_RATE}))",
                    "{{endpoint}} {{class}}",
                ),
            ),
            _lines(
                "Attempts without an answer",
                "",
                "reqps",
                (f"sum by (endpoint) (rate(penstock_endpoint_failures_total{_OF_UPSTREAM}{_RATE}))", "{{endpoint}}"),
            ),
            _lines(
                "Time to the head of the answer, 99th percentile",
                "One attempt.",
                "s",
                _quantiles("penstock_endpoint_duration_seconds", _OF_UPSTREAM, "endpoint")[2],
            ),
            _lines(
                "In flight",
                "",
                "short",
                (f"sum by (endpoint) (penstock_requests_in_flight{_OF_UPSTREAM})", "{{endpoint}}"),
            ),
            _lines(
                "Kept connections that wait",
                "",
                "short",
                (f"sum by (endpoint) (penstock_idle_upstream_connections{_OF_UPSTREAM})", "{{endpoint}}"),
            ),
            _lines(
                "New connections",
                "And those that could not be made.",
                "cps",
                (f"sum by (endpoint) (rate(penstock_endpoint_connections_total{_OF_UPSTREAM}{_RATE}))", "{{endpoint}}"),
                (
                    f"sum by (endpoint) (rate(penstock_endpoint_connect_failures_total{_OF_UPSTREAM}{_RATE}))",
                    "{{endpoint}} failed",
                ),
            ),
        ],
    },
    {"upstream": "label_values(penstock_upstream_attempts_total, upstream)"},
)

PROCESS = Dashboard(
    "process",
    "Penstock: the gateway itself",
    {
        "Processes": [
            _lines(
                "Processor time",
                "Cores that each process keeps busy.",
                "short",
                (f"sum by (instance, process) (rate(penstock_process_cpu_seconds_total{_RATE}))", "{{process}}"),
            ),
            _lines(
                "Memory",
                "",
                "bytes",
                ("sum by (instance, process) (penstock_process_resident_bytes)", "{{process}}"),
            ),
            _lines(
                "Open descriptors",
                "",
                "short",
                ("sum by (instance, process) (penstock_process_open_descriptors)", "{{process}}"),
            ),
            _lines(
                "Requests by worker",
                "",
                "reqps",
                (f"sum by (instance, worker) (rate(penstock_worker_requests_total{_RATE}))", "{{worker}}"),
            ),
            _lines(
                "Connections by worker",
                "",
                "short",
                ("sum by (instance, worker) (penstock_worker_open_connections)", "{{worker}}"),
            ),
            _lines(
                "Workers that were replaced, lagged or panicked",
                "In the last five minutes.",
                "short",
                ("sum(increase(penstock_worker_restarts_total[5m]))", "replaced"),
                ("sum(increase(penstock_worker_lags_total[5m]))", "lagged"),
                ("sum(increase(penstock_panics_total[5m]))", "panics that were contained"),
            ),
            _lines(
                "Longest stall",
                "The longest time for which a worker's loop served nobody.",
                "s",
                ("max by (instance, worker) (penstock_worker_longest_stall_seconds)", "{{worker}}"),
            ),
            _lines("Versions", "", "short", ("count by (version) (penstock_build_info)", "{{version}}")),
        ],
        "Configuration": [
            _lines(
                "Revision",
                "Of the plan that workers run.",
                "short",
                ("max by (instance) (penstock_revision)", "{{instance}}"),
                ("max by (instance) (penstock_store_applied_revision)", "{{instance}} store"),
            ),
            _lines(
                "Changes",
                "In the last five minutes, by result.",
                "short",
                ("sum by (result) (increase(penstock_changes_total[5m]))", "{{result}}"),
            ),
            _lines(
                "Store",
                "What it was asked, by result.",
                "ops",
                (
                    f"sum by (operation, result) (rate(penstock_store_operations_total{_RATE}))",
                    "{{operation}} {{result}}",
                ),
            ),
            _lines(
                "Time of the store, 99th percentile",
                "",
                "s",
                _quantiles("penstock_store_operation_seconds", "", "operation")[2],
            ),
            _lines(
                "Certificates",
                "Time until they expire.",
                "s",
                ("min by (certificate) (penstock_certificate_left_seconds)", "{{certificate}}"),
            ),
        ],
        "Filters and telemetry": [
            _lines(
                "Calls of Python filters",
                "",
                "cps",
                (f"sum by (pipeline, step) (rate(penstock_filter_calls_total{_RATE}))", "{{pipeline}} {{step}}"),
            ),
            _lines(
                "Filters that failed or overran",
                "",
                "cps",
                (
                    f"sum by (pipeline, step) (rate(penstock_filter_failures_total{_RATE}))",
                    "{{step}} failed",
                ),
                (
                    f"sum by (pipeline, step) (rate(penstock_filter_overruns_total{_RATE}))",
                    "{{step}} overran",
                ),
                ("max by (pipeline, step) (penstock_filter_suspended)", "{{step}} suspended"),
            ),
            _lines(
                "Telemetry that was sent away",
                "Spans and log records by what became of them, and lines of the access log that were dropped.",
                "cps",
                (
                    f"sum by (signal, outcome) (rate(penstock_exported_records_total{_RATE}))",
                    "{{signal}} {{outcome}}",
                ),
                (f"sum(rate(penstock_log_lines_dropped_total{_RATE}))", "log lines dropped"),
            ),
        ],
    },
    {},
)

DASHBOARDS = (OVERVIEW, ROUTE, UPSTREAM, PROCESS)
