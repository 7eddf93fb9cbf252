//! What all connections of one IO thread share.

use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::date::http_date;
use super::memory::Memory;
use super::random::Random;
use super::run::System;
use super::share::Share;
use crate::connection::{Connection, StreamTasks, Work};
use crate::consumers::Consumers;
use crate::exchange::Name;
use crate::export::{Counts, Exports, Signal};
use crate::http2::Spares;
use crate::resolver::{FindAddresses, Resolver};
use crate::telemetry::{AccessLogs, Ended, Entry, Recorder};
use crate::tracing::{Facts, Recording, Tracer};
use crate::upstream::Upstreams;
use crate::wire::{Buffers, Clock, Deadlines, Descriptors, HandshakeTurns};

/// Part of a drain's grace in which connections that wait may still bring a request: one second of
/// the usual thirty.
const IDLE_PART_OF_GRACE: u32 = 30;
/// Longest such time.
const MOST_IDLE: Duration = Duration::from_secs(1);
/// Time that a worker which ends gives those who look at its requests to take the last of them.
const LAST_SHOWING: Duration = Duration::from_millis(500);
/// Exchanges kept for use again.
const KEPT_WORKS: usize = 256;
/// Those kept though nothing has needed them for half a second: as many as connections of a busy worker.
const WORKS_WHEN_QUIET: usize = 64;

/// The context of one IO thread.
pub(crate) struct Worker {
    pub(crate) buffers: Buffers,
    pub(crate) clock: Clock,
    pub(crate) deadlines: Deadlines,
    pub(crate) descriptors: Descriptors,
    pub(crate) memory: Memory,
    /// Whose turn it is among those that would take much of it.
    pub(crate) handshakes: HandshakeTurns,
    pub(crate) upstreams: Upstreams,
    pub(crate) resolver: Resolver,
    /// Whom the newest plan knows.
    pub(crate) consumers: RefCell<Arc<Consumers>>,
    pub(crate) recorder: Rc<Recorder>,
    pub(crate) access_logs: AccessLogs,
    pub(crate) exports: Exports,
    pub(crate) tracer: Tracer,
    pub(crate) share: Share,
    #[allow(clippy::vec_box, reason = "they are lent one by one: moving a pointer beats moving the state")]
    works: RefCell<Vec<Box<Work>>>,
    pub(crate) spare_requests: Spares,
    /// Tasks that wait for streams.
    pub(crate) stream_tasks: StreamTasks,
    random: Random,
    date: RefCell<(u64, String)>,
    /// Moment at which a drain closes connections that wait; `u64::MAX`: there is none.
    idle_until_ms: Cell<u64>,
    /// Moment from which tunnels are told good-bye; `u64::MAX`: there is none.
    farewell_ms: Cell<u64>,
}

impl Worker {
    /// With its share of the table, what its process may take of the system, and whoever knows the addresses of names.
    pub(crate) fn new(share: Share, system: System, addresses: Arc<dyn FindAddresses>) -> Self {
        let recorder = Rc::new(Recorder::new(share.clone()));
        Self {
            buffers: Buffers::default(),
            clock: Clock::new(),
            deadlines: Deadlines::default(),
            descriptors: Descriptors::new(system.descriptors),
            memory: Memory::new(system.memory),
            handshakes: HandshakeTurns::default(),
            upstreams: Upstreams::new(Rc::clone(&recorder)),
            resolver: Resolver::new(Arc::clone(&addresses)),
            consumers: RefCell::default(),
            exports: Exports::new(addresses),
            tracer: Tracer::new(),
            recorder,
            access_logs: AccessLogs::default(),
            share,
            works: RefCell::default(),
            spare_requests: Spares::default(),
            stream_tasks: StreamTasks::default(),
            random: Random::new(),
            date: RefCell::default(),
            idle_until_ms: Cell::new(u64::MAX),
            farewell_ms: Cell::new(u64::MAX),
        }
    }

    /// An exchange's state, empty.
    pub(crate) fn lend_work(&self) -> Box<Work> {
        self.works.borrow_mut().pop().unwrap_or_else(|| {
            let mut work = Box::<Work>::default();
            work.clear();
            work
        })
    }

    /// Takes it back.
    pub(crate) fn return_work(&self, mut work: Box<Work>) {
        work.clear();
        let mut works = self.works.borrow_mut();
        if works.len() < KEPT_WORKS {
            works.push(work);
        }
    }

    /// A random number.
    pub(crate) fn random(&self) -> u64 {
        self.random.next()
    }

    /// Writes a fresh request id.
    pub(crate) fn write_id(&self, id: &mut String) {
        self.random.write_id(id);
    }

    /// The date of now, for answers that the gateway makes.
    pub(crate) fn http_date(&self) -> Ref<'_, str> {
        let second = self.clock.wall_us(self.clock.coarse_ms() * 1000) / 1_000_000;
        if self.date.borrow().0 != second {
            *self.date.borrow_mut() = (second, http_date(second));
        }
        Ref::map(self.date.borrow(), |date| date.1.as_str())
    }

    /// Whether connections end after the exchange they carry.
    pub(crate) fn is_draining(&self) -> bool {
        self.idle_until_ms.get() != u64::MAX
    }

    /// The moment at which a connection that waits for a request is closed by a drain.
    pub(crate) fn idle_until_ms(&self) -> u64 {
        self.idle_until_ms.get()
    }

    /// Whether it is time to say good-bye in tunnels where that can be said.
    pub(crate) fn is_parting(&self) -> bool {
        self.farewell_ms.get() <= self.clock.coarse_ms()
    }

    /// Begins to drain: connections end with the exchange they carry, or their next one; those that
    /// bring none are closed after a small part of the grace, and tunnels are told good-bye after `patience`.
    pub(crate) fn drain(&self, grace: Duration, patience: Duration) {
        let idle = (grace / IDLE_PART_OF_GRACE).min(MOST_IDLE);
        for (moment, wait) in [(&self.idle_until_ms, idle), (&self.farewell_ms, patience)] {
            moment.set(moment.get().min(self.clock.coarse_ms() + wait.as_millis() as u64));
        }
        self.deadlines.wake_all();
    }

    /// What is due every tick.
    pub(crate) fn tick(&self, count: u64) {
        self.share.beat();
        let was_parting = self.is_parting();
        self.clock.tick();
        self.memory.tick();
        self.deadlines.sweep(self.clock.coarse_ms());
        if self.is_parting() && !was_parting {
            self.deadlines.wake_all();
        }
        self.hand_over();
        if count.is_multiple_of(10) || self.tracer.is_full() {
            self.tracer.hand_on(&self.exports);
        }
        if count.is_multiple_of(5) {
            self.buffers.trim();
            self.keep_works(WORKS_WHEN_QUIET);
        }
        if self.memory.is_scarce() {
            self.buffers.clear();
            self.keep_works(0);
        }
        if count.is_multiple_of(10) {
            self.upstreams.sweep(self.clock.coarse_ms());
        }
    }

    /// Lets go of what is kept for use again, but for so many of each.
    fn keep_works(&self, most: usize) {
        self.works.borrow_mut().truncate(most);
        self.spare_requests.trim(most);
        self.stream_tasks.trim(most);
    }

    /// Does now what is due at the next ticks for log and numbers.
    pub(crate) fn flush(&self) {
        self.hand_over();
        self.tracer.hand_on(&self.exports);
        self.upstreams.sweep(self.clock.coarse_ms());
    }

    /// Hands on what was recorded, and counts what became of what was handed on before.
    fn hand_over(&self) {
        self.recorder.dropped_log_lines(self.access_logs.hand_over());
        self.exports.take_counts(|signal, counts| self.recorder.exported(signal, counts));
        self.recorder.exported(Signal::Traces, Counts { dropped: self.tracer.take_dropped(), ..Counts::default() });
        self.recorder.exported(Signal::Logs, self.access_logs.take_sent());
    }

    /// Delivers what was recorded and not sent away yet, as far as that takes no longer.
    pub(crate) fn finish(&self, within: Duration) {
        self.tracer.hand_on(&self.exports);
        self.exports.finish(within);
        self.hand_over();
        self.access_logs.end_taps(LAST_SHOWING);
    }

    /// Writes the spans of an exchange that ended.
    pub(crate) fn trace(&self, connection: &Connection, work: &Work, recording: Box<Recording>) {
        let facts = Facts {
            exchange: &work.exchange,
            listener: &connection.listener.name,
            clock: &self.clock,
            began_us: work.record.started_us,
            ended_us: self.clock.now_us(),
            grpc_status: work.record.grpc_status,
            blame: work.record.blame,
        };
        self.tracer.end(recording, &facts);
    }

    /// Counts an exchange that ended, writes its line and shows it to whoever looks.
    pub(crate) fn log(&self, connection: &Connection, work: &Work) {
        let (record, exchange) = (&work.record, &work.exchange);
        if record.started_us == 0 {
            return;
        }
        let ended_us = self.clock.now_us();
        let duration_us = ended_us.saturating_sub(record.started_us);
        let (bytes_in, bytes_out) =
            (connection.client.received_bytes() - record.base.0, connection.client.sent_bytes() - record.base.1);
        self.recorder.ended(&Ended {
            listener: &connection.listener.meter.get(),
            route: exchange.route.as_ref().map(|route| (&*route.name, &record.route.0, record.route.1)),
            status: exchange.response.status,
            is_tunnel: record.is_tunnel,
            duration_us,
            bytes_in,
            bytes_out,
            reason: exchange.reason,
        });
        if let Some(status) = record.grpc_status {
            self.recorder.called(status);
        }
        if !self.access_logs.are_on() {
            return;
        }
        let request = &exchange.request;
        let entry = Entry {
            wall_us: self.clock.wall_us(ended_us),
            id: &request.id,
            listener: &connection.listener.name,
            route: exchange.route.as_ref().map_or("", |route| &route.name),
            client: request.client.ip,
            method: request.head.bytes(request.method_span),
            host: &request.host,
            path: &request.path,
            protocol: request.version.text(),
            status: exchange.response.status,
            bytes_in,
            bytes_out,
            duration_us,
            upstream: record.upstream.as_ref().map_or("", |upstream| &upstream.plan.name),
            endpoint: record.endpoint.as_ref().map_or("", |endpoint| &endpoint.name),
            attempts: record.attempts,
            upstream_us: record.upstream_us.1.saturating_sub(record.upstream_us.0),
            reason: exchange.reason,
            user_agent: request.head.first(Name::USER_AGENT).unwrap_or_default(),
            session: request.session.as_deref(),
            consumer: request.consumer.as_ref().or(request.forbidden.as_ref()).map_or("", |one| &one.name),
            grpc_status: record.grpc_status,
            trace: request.trace.texts(),
            query: request.query_text(),
        };
        self.access_logs.write(&entry, exchange);
    }
}
