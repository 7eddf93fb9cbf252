//! The one list of what the core counts: of the gateway, its listeners, routes, upstreams, endpoints, filters and limiters.

use std::array::from_fn;

use penstock_shared::{CounterSlot, GaugeSlot, HistogramSlot, WordSlot};

use super::measure::{Kind, Measure, Meter, Taker};
use super::reasons::REASONS;
use crate::export::Signal;
use crate::grpc::STATUS_WORDS;
use crate::http2::CODE_WORDS;

/// Classes of status, by their first digit less one.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Versions of TLS that are spoken.
pub(super) const VERSIONS: [&str; 2] = ["1.2", "1.3"];

/// What is counted of every kind of subject.
pub fn kinds() -> Vec<Kind> {
    vec![
        Kind::of::<GatewayMeter>(),
        Kind::of::<ListenerMeter>(),
        Kind::of::<RouteMeter>(),
        Kind::of::<UpstreamMeter>(),
        Kind::of::<EndpointMeter>(),
        Kind::of::<FilterMeter>(),
        Kind::of::<LimiterMeter>(),
    ]
}

/// What is counted once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GatewayMeter {
    pub(super) requests: CounterSlot,
    pub(super) panics: CounterSlot,
    pub(super) log_lines_dropped: CounterSlot,
    /// By position in [`REASONS`].
    pub(super) failures: [CounterSlot; REASONS.len()],
    /// By the number of the status.
    pub(super) calls: [CounterSlot; STATUS_WORDS.len()],
    /// By the number of the code; first those by clients, then those by the gateway.
    pub(super) resets: [[CounterSlot; CODE_WORDS.len()]; 3],
    /// By kind; of each those that were delivered, dropped, and that failed.
    pub(super) exports: [[CounterSlot; 3]; Signal::WORDS.len()],
}

impl Meter for GatewayMeter {
    const KIND: &'static str = "gateway";
    const LABELS: &'static [&'static str] = &[];

    fn take(taker: &mut impl Taker) -> Self {
        let mut counter = |name, help| taker.counter(Measure::new(name, help));
        Self {
            requests: counter(
                "penstock_gateway_requests_total",
                "Requests of all routes, also of those that are gone: it never falls.",
            ),
            panics: counter("penstock_panics_total", "Panics that were contained to one request."),
            log_lines_dropped: counter(
                "penstock_log_lines_dropped_total",
                "Access log lines that found no room or could not be written.",
            ),
            failures: from_fn(|position| {
                let known = &REASONS[position];
                let failures = Measure::new(
                    "penstock_failures_total",
                    "Requests that the gateway itself refused or gave up, by reason and by whose fault it was.",
                );
                taker.counter(failures.labelled([("reason", known.reason), ("blame", known.blame.text())]))
            }),
            calls: STATUS_WORDS.map(|status| {
                let calls = Measure::new("penstock_grpc_calls_total", "Calls of gRPC by the status they ended with.");
                taker.counter(calls.labelled([("status", status), ("", "")]))
            }),
            resets: ["client", "gateway", "endpoint"].map(|by| {
                let resets =
                    Measure::new("penstock_http2_resets_total", "Streams of HTTP/2 that were reset, by whom and why.");
                CODE_WORDS.map(|code| taker.counter(resets.labelled([("by", by), ("code", code)])))
            }),
            exports: Signal::WORDS.map(|signal| {
                let records = Measure::new(
                    "penstock_exported_records_total",
                    "Spans and log records for collectors: delivered, dropped for want of room, or not taken.",
                );
                ["delivered", "dropped", "failed"]
                    .map(|outcome| taker.counter(records.labelled([("signal", signal), ("outcome", outcome)])))
            }),
        }
    }
}

/// What is counted of a listener.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ListenerMeter {
    pub(crate) accepted: CounterSlot,
    pub(crate) refused: CounterSlot,
    pub(crate) accept_failures: CounterSlot,
    pub(crate) accept_pauses: CounterSlot,
    pub(super) received_bytes: CounterSlot,
    pub(super) sent_bytes: CounterSlot,
    /// By version, and of each first those that began a session.
    pub(super) handshakes: [[CounterSlot; 2]; VERSIONS.len()],
    pub(crate) handshake_failures: CounterSlot,
    pub(crate) open: GaugeSlot,
    pub(crate) tunnels: GaugeSlot,
}

impl Meter for ListenerMeter {
    const KIND: &'static str = "listener";
    const LABELS: &'static [&'static str] = &["listener"];

    fn take(taker: &mut impl Taker) -> Self {
        let mut counter = |name, help| taker.counter(Measure::new(name, help));
        let accepted = counter("penstock_connections_total", "Connections accepted.");
        let refused = counter(
            "penstock_connections_refused_total",
            "Connections closed because the listener's limit was reached.",
        );
        let accept_failures = counter("penstock_accept_failures_total", "Failures to accept a connection.");
        let accept_pauses =
            counter("penstock_accept_pauses_total", "Times that accepting stopped because descriptors were short.");
        let received_bytes =
            counter("penstock_received_bytes_total", "Bytes received from clients, counted as exchanges end.");
        let sent_bytes = counter("penstock_sent_bytes_total", "Bytes sent to clients, counted as exchanges end.");
        let handshakes = VERSIONS.map(|version| {
            let handshakes = Measure::new(
                "penstock_tls_handshakes_total",
                "Handshakes of clients that were finished, by version of TLS and whether a session was resumed.",
            );
            let labels = |resumed| [("version", version), ("resumed", resumed)];
            ["false", "true"].map(|resumed| taker.counter(handshakes.labelled(labels(resumed))))
        });
        let handshake_failures = taker.counter(Measure::new(
            "penstock_tls_handshake_failures_total",
            "Handshakes of clients that began and were not finished.",
        ));
        let open = taker.gauge(Measure::new("penstock_open_connections", "Open connections of clients."));
        let tunnels = taker.gauge(Measure::new("penstock_open_tunnels", "Open connections that became tunnels."));
        Self {
            accepted,
            refused,
            accept_failures,
            accept_pauses,
            received_bytes,
            sent_bytes,
            handshakes,
            handshake_failures,
            open,
            tunnels,
        }
    }
}

/// What is counted of a route.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RouteMeter {
    /// By class of status.
    pub(super) requests: [CounterSlot; CLASSES.len()],
    pub(super) received_bytes: CounterSlot,
    pub(super) sent_bytes: CounterSlot,
    pub(super) duration: HistogramSlot,
    pub(crate) active: GaugeSlot,
}

impl Default for RouteMeter {
    fn default() -> Self {
        Self {
            requests: [CounterSlot::FIRST; CLASSES.len()],
            received_bytes: CounterSlot::FIRST,
            sent_bytes: CounterSlot::FIRST,
            duration: HistogramSlot::FIRST,
            active: GaugeSlot::FIRST,
        }
    }
}

impl Meter for RouteMeter {
    const KIND: &'static str = "route";
    const LABELS: &'static [&'static str] = &["route"];

    fn take(taker: &mut impl Taker) -> Self {
        let requests = Measure::new("penstock_requests_total", "Requests by route and class of status.");
        let duration = Measure::new(
            "penstock_request_duration_seconds",
            "Time from a request's head to the end of its answer, tunnels left out.",
        );
        Self {
            requests: CLASSES.map(|class| taker.counter(requests.labelled([("class", class), ("", "")]))),
            received_bytes: taker.counter(Measure::new(
                "penstock_route_received_bytes_total",
                "Bytes received from clients, by route, counted as exchanges end.",
            )),
            sent_bytes: taker.counter(Measure::new(
                "penstock_route_sent_bytes_total",
                "Bytes sent to clients, by route, counted as exchanges end.",
            )),
            duration: taker.histogram(duration),
            active: taker.gauge(Measure::new(
                "penstock_active_requests",
                "Requests of a route that are under way, tunnels among them.",
            )),
        }
    }
}

/// What is counted of an upstream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UpstreamMeter {
    pub(super) attempts: CounterSlot,
    pub(super) retries: CounterSlot,
    pub(super) failures: CounterSlot,
    pub(super) duration: HistogramSlot,
    pub(crate) connect: HistogramSlot,
}

impl Meter for UpstreamMeter {
    const KIND: &'static str = "upstream";
    const LABELS: &'static [&'static str] = &["upstream"];

    fn take(taker: &mut impl Taker) -> Self {
        let mut counter = |name, help| taker.counter(Measure::new(name, help));
        Self {
            attempts: counter("penstock_upstream_attempts_total", "Attempts to have an endpoint answer a request."),
            retries: counter("penstock_upstream_retries_total", "Attempts that repeated an earlier one."),
            failures: counter("penstock_upstream_failures_total", "Requests that no endpoint answered."),
            duration: taker.histogram(Measure::new(
                "penstock_upstream_duration_seconds",
                "Time from the first attempt to the head of the answer.",
            )),
            connect: taker.histogram(Measure::new(
                "penstock_upstream_connect_seconds",
                "Time that a fresh connection to an endpoint took, its handshake included.",
            )),
        }
    }
}

/// What is counted of an endpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndpointMeter {
    /// By class of status.
    pub(super) answers: [CounterSlot; CLASSES.len()],
    pub(super) failures: CounterSlot,
    pub(super) connections: CounterSlot,
    pub(super) connect_failures: CounterSlot,
    pub(super) duration: HistogramSlot,
    pub(crate) in_flight: GaugeSlot,
    pub(crate) idle: GaugeSlot,
}

impl Meter for EndpointMeter {
    const KIND: &'static str = "endpoint";
    const LABELS: &'static [&'static str] = &["upstream", "endpoint"];

    fn take(taker: &mut impl Taker) -> Self {
        let answers = Measure::new("penstock_endpoint_answers_total", "Answers of an endpoint, by class of status.");
        let answers = CLASSES.map(|class| taker.counter(answers.labelled([("class", class), ("", "")])));
        let mut counter = |name, help| taker.counter(Measure::new(name, help));
        let failures =
            counter("penstock_endpoint_failures_total", "Attempts that an endpoint did not answer, by its own fault.");
        let connections = counter("penstock_endpoint_connections_total", "Connections made to an endpoint.");
        let connect_failures =
            counter("penstock_endpoint_connect_failures_total", "Connections to an endpoint that could not be made.");
        let duration = taker.histogram(Measure::new(
            "penstock_endpoint_duration_seconds",
            "Time from the start of an attempt to the head of the endpoint's answer.",
        ));
        let mut gauge = |name, help| taker.gauge(Measure::new(name, help));
        Self {
            answers,
            failures,
            connections,
            connect_failures,
            duration,
            in_flight: gauge("penstock_requests_in_flight", "Requests at an endpoint, tunnels among them."),
            idle: gauge("penstock_idle_upstream_connections", "Idle connections to an endpoint."),
        }
    }
}

/// What is counted and remembered of a filter that is not the core's own.
#[derive(Debug, Clone, Copy)]
pub struct FilterMeter {
    /// Calls that took longer than their budget.
    pub overruns: CounterSlot,
    /// Calls.
    pub calls: CounterSlot,
    /// Calls that ended in an exception.
    pub failures: CounterSlot,
    /// Whether all workers leave it out for a while.
    pub suspension: WordSlot,
}

impl Meter for FilterMeter {
    const KIND: &'static str = "filter";
    const LABELS: &'static [&'static str] = &["pipeline", "step"];

    fn take(taker: &mut impl Taker) -> Self {
        Self {
            overruns: taker.counter(Measure::new(
                "penstock_filter_overruns_total",
                "Calls of a Python filter that took longer than their budget.",
            )),
            calls: taker.counter(Measure::new("penstock_filter_calls_total", "Calls of a Python filter.")),
            failures: taker.counter(Measure::new(
                "penstock_filter_failures_total",
                "Calls of a Python filter that ended in an exception, overruns among them.",
            )),
            suspension: taker.word(),
        }
    }
}

/// What is counted and remembered of a step that limits a rate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LimiterMeter {
    pub(crate) admitted: CounterSlot,
    pub(crate) limited: CounterSlot,
    pub(crate) overflowed: CounterSlot,
    /// The bucket of all requests, or of those whose key found no place.
    pub(crate) bucket: WordSlot,
}

impl Meter for LimiterMeter {
    const KIND: &'static str = "limiter";
    const LABELS: &'static [&'static str] = &["pipeline", "step"];

    fn take(taker: &mut impl Taker) -> Self {
        let requests =
            Measure::new("penstock_rate_limit_requests_total", "Requests that a `RateLimit` let pass or refused.");
        let [admitted, limited] =
            ["admitted", "limited"].map(|outcome| taker.counter(requests.labelled([("outcome", outcome), ("", "")])));
        Self {
            admitted,
            limited,
            overflowed: taker.counter(Measure::new(
                "penstock_rate_limit_overflows_total",
                "Requests that shared one bucket because there was no room for that of their key.",
            )),
            bucket: taker.word(),
        }
    }
}
