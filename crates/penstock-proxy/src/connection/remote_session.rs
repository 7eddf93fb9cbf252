//! The task that moves the bytes of a connection of HTTP/2 to an endpoint.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

use super::pulse::{Call, Pulse, Signs};
use crate::http1::HeadLimits;
use crate::http2::{ErrorCode, Limits, Session};
use crate::upstream::Multiplexed;
use crate::wire::{Deadline, Wire};
use crate::worker::{TICK_MS, Worker};

/// Reads in one turn; further ones wait until others had theirs.
const MOST_READS: u32 = 4;
/// What an endpoint may send before it is granted more: of one answer's body, and of all.
const STREAM_WINDOW: u32 = 64 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
/// Largest head of an answer, and the most fields in one.
const HEAD_LIMITS: HeadLimits = HeadLimits { bytes: 64 << 10, fields: 256, target_bytes: 0 };

/// Makes a fresh connection one that carries many requests, and serves it until it ends.
pub(super) fn begin_session(
    worker: &Rc<Worker>,
    wire: Box<Wire>,
    plan: &penstock_plan::Upstream,
    among: &Rc<Multiplexed>,
) -> Rc<RefCell<Session>> {
    let limits = Limits {
        streams: 0,
        stream_window: STREAM_WINDOW,
        connection_window: CONNECTION_WINDOW,
        head_bytes: HEAD_LIMITS.bytes,
    };
    let session = Rc::new(RefCell::new(Session::asking(limits, HEAD_LIMITS)));
    let (timeouts, now_ms) = (&plan.timeouts, worker.clock.coarse_ms());
    let mut turn = Turn {
        worker: Rc::clone(worker),
        wire,
        deadline: worker.deadlines.register(),
        progress: u64::MAX,
        late_at_ms: u64::MAX,
        unheard_until_ms: now_ms + timeouts.connect_ms + TICK_MS,
        send_ms: timeouts.send_ms,
        is_heard: false,
        pulse: Pulse::new(plan.ping, now_ms),
        among: Rc::downgrade(among),
    };
    let task = Rc::clone(&session);
    tokio::task::spawn_local(async move {
        poll_fn(|context| turn.poll(context, &task)).await;
        task.borrow_mut().end(ErrorCode::NoError, "");
        turn.tell_those_who_wait();
        turn.wire.discard(&turn.worker.buffers);
    });
    session
}

/// What the task keeps from turn to turn.
struct Turn {
    worker: Rc<Worker>,
    wire: Box<Wire>,
    deadline: Deadline,
    progress: u64,
    late_at_ms: u64,
    /// When the endpoint has to have said that it speaks HTTP/2.
    unheard_until_ms: u64,
    send_ms: u64,
    is_heard: bool,
    pulse: Pulse,
    /// Where others wait for it; gone with the endpoint.
    among: Weak<Multiplexed>,
}

impl Turn {
    /// Ready when the connection is over and what was to be said has been.
    fn poll(&mut self, context: &mut Context<'_>, session: &RefCell<Session>) -> Poll<()> {
        session.borrow_mut().set_sender(context.waker());
        self.deadline.watch(context);
        if self.read(context, session) {
            return Poll::Ready(());
        }
        let Some(look_at_ms) = self.feel(&mut session.borrow_mut()) else { return Poll::Ready(()) };
        if self.write(context, session) {
            return Poll::Ready(());
        }
        if !self.is_heard && session.borrow().is_heard() {
            self.is_heard = true;
            self.tell_those_who_wait();
        }
        let mut session = session.borrow_mut();
        if let Some(resets) = session.take_resets() {
            self.worker.recorder.streams_reset(&resets, true);
        }
        if session.open_streams() > 0 {
            session.note_use(self.worker.clock.coarse_ms());
        }
        let is_over = session.ended().is_some() || session.is_spent();
        if is_over && self.wire.is_flushed() || self.is_late(&session, look_at_ms) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    fn tell_those_who_wait(&self) {
        if let Some(among) = self.among.upgrade() {
            among.look();
        }
    }

    /// Asks an endpoint that is silent whether it is there, and says when to look again; none: it is gone.
    fn feel(&mut self, session: &mut Session) -> Option<u64> {
        let signs = Signs {
            received_bytes: self.wire.received_bytes,
            served: session.served(),
            is_used: session.open_streams() > 0,
            is_flushed: self.wire.is_flushed(),
        };
        let (call, look_at_ms) = self.pulse.check(self.worker.clock.coarse_ms(), signs);
        match call {
            Call::Gone => return None,
            Call::Ask => session.ask_presence(),
            Call::Nothing => {}
        }
        Some(look_at_ms)
    }

    /// Takes what came; says whether the endpoint has closed.
    fn read(&mut self, context: &mut Context<'_>, session: &RefCell<Session>) -> bool {
        for turn in 0.. {
            let now_ms = self.worker.clock.coarse_ms();
            let used = session.borrow_mut().receive(self.wire.unread(), now_ms, &mut Vec::new());
            self.wire.consume(used);
            if session.borrow().ended().is_some() {
                break;
            }
            if turn == MOST_READS {
                context.waker().wake_by_ref();
                break;
            }
            match self.wire.poll_fill(context, &self.worker.buffers) {
                Poll::Ready(Ok(count)) if count > 0 => {}
                Poll::Ready(_) => return true,
                Poll::Pending => break,
            }
        }
        false
    }

    /// Sends what can be sent; says whether the endpoint takes no more.
    fn write(&mut self, context: &mut Context<'_>, session: &RefCell<Session>) -> bool {
        while !self.wire.is_flushed() || !session.borrow_mut().output().is_empty() {
            if self.wire.is_flushed() {
                std::mem::swap(self.wire.output(&self.worker.buffers), session.borrow_mut().output());
            }
            match self.wire.poll_flush(context, &self.worker.buffers) {
                Poll::Ready(Ok(())) => session.borrow_mut().note_sent(),
                Poll::Ready(Err(_)) => return true,
                Poll::Pending => break,
            }
        }
        false
    }

    /// Whether the endpoint took nothing, or said nothing, for as long as it may; else the task is woken when it did.
    fn is_late(&mut self, session: &Session, look_at_ms: u64) -> bool {
        let now_ms = self.worker.clock.coarse_ms();
        let progress = self.wire.sent_bytes ^ (u64::from(self.wire.is_flushed()) << 63);
        if progress != self.progress {
            self.progress = progress;
            let is_waiting = !self.wire.is_flushed();
            self.late_at_ms = if is_waiting { now_ms + self.send_ms + TICK_MS } else { u64::MAX };
        }
        let unheard_until_ms = if session.is_heard() { u64::MAX } else { self.unheard_until_ms };
        let late_at_ms = self.late_at_ms.min(unheard_until_ms);
        self.deadline.arm(late_at_ms.min(look_at_ms));
        late_at_ms <= now_ms
    }
}
