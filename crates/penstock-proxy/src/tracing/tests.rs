//! Which requests are recorded, and what becomes of what they bring along.

use std::sync::Arc;

use penstock_plan::{ParentSampling, Propagation, TraceFormat};

use super::propagation::extract;
use super::recording::Recording;
use super::settings::{RouteTracing, Settings};
use super::spans::Facts;
use super::tracer::Tracer;
use crate::exchange::{Exchange, Request};
use crate::export::Exports;
use crate::resolver::NoAddresses;
use crate::wire::Clock;

fn settings() -> Settings {
    Settings {
        propagation: [Propagation::W3c, Propagation::B3].into(),
        ratio_millionths: 0,
        parent: ParentSampling::Follow,
        stranger_every_us: 100_000,
        attributes: Box::default(),
        format: TraceFormat::Otlp,
        service: "gateway".into(),
        resource: Vec::new(),
    }
}

fn tracer(settings: Settings) -> Tracer {
    let tracer = Tracer::new();
    tracer.turn_to(Some(&Arc::new(settings)), &Exports::new(Arc::new(NoAddresses)));
    tracer
}

const NOW_US: u64 = 10_000_000;

fn begun(tracer: &Tracer, fields: &[(&str, &str)], is_trusted: bool) -> (Request, Option<Box<Recording>>) {
    let mut request = Request::default();
    request.client.is_trusted = is_trusted;
    for (name, value) in fields {
        request.head.add(name.as_bytes(), value.as_bytes());
    }
    let recording = tracer.begin(NOW_US, &mut request);
    assert_eq!(recording.is_some(), request.trace.is_sampled);
    (request, recording)
}

const SAMPLED: (&str, &str) = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
const UNSAMPLED: (&str, &str) = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");

#[test]
fn a_share_of_those_that_begin_a_trace_is_recorded() {
    for (millionths, least, most) in [(0, 0, 0), (1_000_000, 10_000, 10_000), (100_000, 800, 1_200)] {
        let tracer = tracer(Settings { ratio_millionths: millionths, ..settings() });
        let count = (0..10_000).filter(|_| begun(&tracer, &[], false).1.is_some()).count();
        assert!((least..=most).contains(&count), "{count} of {millionths}");
    }
}

#[test]
fn what_the_parent_has_decided_is_followed() {
    for ratio_millionths in [0, 1_000_000] {
        let tracer = tracer(Settings { ratio_millionths, ..settings() });
        for is_trusted in [false, true] {
            let (request, recording) = begun(&tracer, &[SAMPLED], is_trusted);
            assert!(recording.is_some() && request.trace.continues);
            assert_eq!(
                (request.trace.trace as u64, request.trace.parent),
                (0x8448_eb21_1c80_319c, 0xb7ad_6b71_6920_3331)
            );
            assert!(begun(&tracer, &[UNSAMPLED], is_trusted).1.is_none());
            assert!(begun(&tracer, &[("b3", "0")], is_trusted).1.is_none());
        }
    }
}

#[test]
fn a_stranger_cannot_have_more_recorded_than_is_allowed_and_a_trusted_peer_can() {
    let tracer = tracer(settings());
    let recorded = |is_trusted| (0..1_000).filter(|_| begun(&tracer, &[SAMPLED], is_trusted).1.is_some()).count();
    assert_eq!(recorded(false), 10);
    assert_eq!(recorded(true), 1_000);
    let (request, _) = begun(&tracer, &[SAMPLED], false);
    assert!(request.trace.continues && !request.trace.is_sampled, "the trace goes on all the same");
}

#[test]
fn a_parent_that_is_not_wanted_is_as_good_as_none() {
    let tracer = tracer(Settings { parent: ParentSampling::Ignore, ..settings() });
    let (request, recording) = begun(&tracer, &[SAMPLED], true);
    assert!(recording.is_none() && !request.trace.continues && request.trace.parent == 0);
}

#[test]
fn a_route_has_the_last_word_where_no_parent_has_decided() {
    let tracer = tracer(settings());
    let enter = |fields: &[(&str, &str)], says| {
        let (mut request, mut recording) = begun(&tracer, fields, true);
        tracer.enter_route(says, &mut request, &mut recording);
        assert_eq!(recording.is_some(), request.trace.is_sampled);
        (recording.is_some(), request.trace.is_there())
    };
    assert_eq!(enter(&[], RouteTracing::Ratio(1_000_000)), (true, true));
    assert_eq!(enter(&[SAMPLED], RouteTracing::Ratio(0)), (true, true));
    assert_eq!(enter(&[UNSAMPLED], RouteTracing::Ratio(1_000_000)), (false, true));
    assert_eq!(enter(&[SAMPLED], RouteTracing::Off), (false, false));
}

#[test]
fn an_exchange_that_is_not_recorded_tells_the_endpoint_so() {
    let tracer = tracer(settings());
    for fields in [&[][..], &[UNSAMPLED, ("tracestate", "a=b")]] {
        let (mut request, _) = begun(&tracer, fields, false);
        let span = request.trace.span;
        tracer.inject(&mut request, span);
        for form in [Propagation::W3c, Propagation::B3] {
            let told = extract(&[form], &request.head).unwrap();
            assert_eq!((told.trace, told.span), (Some(request.trace.trace), Some(span)));
            assert_eq!(told.is_sampled, Some(false));
        }
        assert_eq!(request.head.get(b"tracestate").is_some(), !fields.is_empty());
    }
}

#[test]
fn spans_that_nobody_takes_any_more_are_counted() {
    let exports = Exports::new(Arc::new(NoAddresses));
    let all = || Settings { ratio_millionths: 1_000_000, ..settings() };
    for later in [None, Some(Settings { format: TraceFormat::Zipkin, ..all() })] {
        let tracer = tracer(all());
        let recording = begun(&tracer, &[], false).1.unwrap();
        tracer.turn_to(later.map(Arc::new).as_ref(), &exports);
        end(&tracer, recording);
        assert_eq!(tracer.take_dropped(), 1);
    }
    let tracer = tracer(all());
    end(&tracer, begun(&tracer, &[], false).1.unwrap());
    assert_eq!(tracer.take_dropped(), 0);
    tracer.hand_on(&exports);
    assert_eq!(tracer.take_dropped(), 1, "there is no thread that delivers them");
}

fn end(tracer: &Tracer, recording: Box<Recording>) {
    let (exchange, clock) = (Exchange::default(), Clock::new());
    let (began_us, ended_us) = (NOW_US, NOW_US + 1);
    let facts = Facts {
        exchange: &exchange,
        listener: "web",
        clock: &clock,
        began_us,
        ended_us,
        grpc_status: None,
        blame: None,
    };
    tracer.end(recording, &facts);
}
