//! The one list of what the core counts: of the gateway, its listeners, routes, upstreams, endpoints and filters.

use std::array::from_fn;

use penstock_shared::{CounterSlot, GaugeSlot, HistogramSlot, WordSlot};

use super::measure::{Kind, Measure, Meter, Taker};
use super::reasons::REASONS;
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
    /// By the number of the code; first those by clients, then those by the gateway.
    /// By the number of the status.
    pub(super) calls: [CounterSlot; STATUS_WORDS.len()],
    pub(super) resets: [[CounterSlot; CODE_WORDS.len()]; 3],
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
                let (reason, blame) = REASONS[position];
                let failures = Measure::new(
                    "penstock_failures_total",
                    "Requests that the gateway itself refused or gave up, by reason and by whose fault it was.",
                );
                taker.counter(failures.labelled([("reason", reason), ("blame", blame.text())]))
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
    pub(super) duration: HistogramSlot,
}

impl Default for RouteMeter {
    fn default() -> Self {
        Self { requests: [CounterSlot::FIRST; CLASSES.len()], duration: HistogramSlot::FIRST }
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
            duration: taker.histogram(duration),
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
        }
    }
}

/// What is counted of an endpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndpointMeter {
    pub(crate) in_flight: GaugeSlot,
    pub(crate) idle: GaugeSlot,
}

impl Meter for EndpointMeter {
    const KIND: &'static str = "endpoint";
    const LABELS: &'static [&'static str] = &["upstream", "endpoint"];

    fn take(taker: &mut impl Taker) -> Self {
        let mut gauge = |name, help| taker.gauge(Measure::new(name, help));
        Self {
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
            suspension: taker.word(),
        }
    }
}
