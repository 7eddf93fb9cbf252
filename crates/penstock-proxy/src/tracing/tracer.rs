//! What one IO thread does for traces: decides, numbers, and hands on what was recorded.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use penstock_plan::{ParentSampling, TraceFormat};

use super::context::{Parent, TraceContext};
use super::recording::Recording;
use super::sampling::{Allowance, is_in_share};
use super::settings::{RouteTracing, Settings};
use super::spans::{Facts, spans};
use super::{otlp, propagation, zipkin};
use crate::exchange::Request;
use crate::export::otlp::request;
use crate::export::{Batch, Exports, Signal};
use crate::worker::Random;

/// Spans are handed on when so many bytes of them are there, or with the next second.
const HANDED_ON_BYTES: usize = 128 << 10;
/// Most bytes that are recorded between two ticks; beyond them exchanges are not recorded but counted as dropped.
const MOST_BYTES: usize = 2 << 20;

/// Traces of one IO thread.
pub(crate) struct Tracer {
    settings: RefCell<Option<Arc<Settings>>>,
    is_on: Cell<bool>,
    random: Random,
    allowance: Allowance,
    pending: RefCell<Batch>,
    dropped: Cell<u64>,
}

impl Tracer {
    /// One that does nothing before a plan wants it to.
    pub(crate) fn new() -> Self {
        Self {
            settings: RefCell::default(),
            is_on: Cell::new(false),
            random: Random::unguessable(),
            allowance: Allowance::default(),
            pending: RefCell::default(),
            dropped: Cell::new(0),
        }
    }

    /// Takes over what the newest plan says; what was recorded for the one before it goes to its collector.
    pub(crate) fn turn_to(&self, settings: Option<&Arc<Settings>>, exports: &Exports) {
        self.hand_on(exports);
        self.is_on.set(settings.is_some());
        *self.settings.borrow_mut() = settings.map(Arc::clone);
    }

    /// Whether there are traces at all.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.is_on.get()
    }

    /// Makes a request part of a trace, and begins to record it if that is wanted.
    pub(crate) fn begin(&self, now_us: u64, request: &mut Request) -> Option<Box<Recording>> {
        let settings = self.settings.borrow();
        let settings = settings.as_ref()?;
        let parent = match settings.parent {
            ParentSampling::Ignore => None,
            ParentSampling::Follow => propagation::extract(&settings.propagation, &request.head),
        };
        let own = u128::from(self.random.next()) << 64 | u128::from(self.random.next());
        let continues = parent.is_some_and(|parent| parent.trace.is_some());
        let trace = parent.and_then(|parent| parent.trace).unwrap_or(own.max(1));
        let is_strangers = continues && !request.client.is_trusted;
        let decided = parent.and_then(|parent| self.decision(parent, now_us, settings, request.client.is_trusted));
        request.trace = TraceContext {
            trace,
            span: self.span_id(),
            parent: parent.and_then(|parent| parent.span).unwrap_or(0),
            is_sampled: decided.unwrap_or_else(|| self.is_chosen(trace, is_strangers, settings.ratio_millionths)),
            continues,
            is_decided: decided.is_some(),
        };
        request.trace.is_sampled.then(|| Box::new(Recording::new(Arc::clone(settings))))
    }

    /// What the parent has decided, if that is to be followed: strangers cannot have more recorded than is allowed.
    fn decision(&self, parent: Parent, now_us: u64, settings: &Settings, is_trusted: bool) -> Option<bool> {
        let is_sampled = parent.is_sampled?;
        let is_allowed = !is_sampled || is_trusted || self.allowance.take(now_us, settings.stranger_every_us);
        is_allowed.then_some(is_sampled)
    }

    /// Whether a trace belongs to a share. A stranger who may choose its number cannot choose this.
    fn is_chosen(&self, trace: u128, is_strangers: bool, millionths: u32) -> bool {
        let number = if is_strangers { u128::from(self.random.next()) } else { trace };
        is_in_share(number, millionths)
    }

    /// Does as the chosen route says.
    pub(crate) fn enter_route(
        &self,
        says: RouteTracing,
        request: &mut Request,
        recording: &mut Option<Box<Recording>>,
    ) {
        match says {
            RouteTracing::Off => {
                // What the client says of its trace goes on as it is.
                request.trace = TraceContext::default();
                *recording = None;
            }
            RouteTracing::Ratio(millionths) if request.trace.is_there() && !request.trace.is_decided => {
                let is_strangers = request.trace.continues && !request.client.is_trusted;
                let is_sampled = self.is_chosen(request.trace.trace, is_strangers, millionths);
                request.trace.is_sampled = is_sampled;
                if !is_sampled {
                    *recording = None;
                } else if recording.is_none() {
                    let settings = self.settings.borrow();
                    *recording = settings.as_ref().map(|settings| Box::new(Recording::new(Arc::clone(settings))));
                }
            }
            RouteTracing::Ratio(_) => {}
        }
    }

    /// A fresh number of a span.
    pub(crate) fn span_id(&self) -> u64 {
        self.random.next().max(1)
    }

    /// Makes a request tell the endpoint of its trace; the endpoint's spans will belong to `span`.
    pub(crate) fn inject(&self, request: &mut Request, span: u64) {
        if let Some(settings) = self.settings.borrow().as_ref() {
            propagation::inject(&settings.propagation, &mut request.head, &request.trace, span);
        }
    }

    /// Writes the spans of an exchange that has ended.
    pub(crate) fn end(&self, mut recording: Box<Recording>, facts: &Facts<'_>) {
        recording.end(facts.ended_us);
        let (settings, spans) = (self.settings.borrow(), spans(&recording, facts));
        let settings = settings.as_ref().filter(|now| now.format == recording.settings.format);
        let mut pending = self.pending.borrow_mut();
        // Nobody takes what was recorded for another plan's collector in another form.
        let Some(settings) = settings.filter(|_| pending.body.len() <= MOST_BYTES) else {
            return self.drop_spans(spans.len() as u64);
        };
        for span in &spans {
            match settings.format {
                TraceFormat::Otlp => otlp::write_span(&mut pending.body, span),
                TraceFormat::Zipkin => zipkin::write_span(&mut pending.body, span, &settings.service),
            }
        }
        pending.items += spans.len() as u64;
    }

    fn drop_spans(&self, spans: u64) {
        self.dropped.set(self.dropped.get() + spans);
    }

    /// Whether so much was recorded that it is not to wait any longer.
    pub(crate) fn is_full(&self) -> bool {
        self.pending.borrow().body.len() >= HANDED_ON_BYTES
    }

    /// Spans that found no room, or nobody to take them, since the last call.
    pub(crate) fn take_dropped(&self) -> u64 {
        self.dropped.take()
    }

    /// Gives what was recorded to whoever delivers it.
    pub(crate) fn hand_on(&self, exports: &Exports) {
        let settings = self.settings.borrow();
        let Some(settings) = settings.as_ref() else { return };
        let Batch { mut body, items } = std::mem::take(&mut *self.pending.borrow_mut());
        if items == 0 {
            return;
        }
        match settings.format {
            TraceFormat::Otlp => body = request(&settings.resource, &body),
            TraceFormat::Zipkin => body.push(b']'),
        }
        if !exports.push(Signal::Traces, Batch { body, items }) {
            self.drop_spans(items);
        }
    }
}
