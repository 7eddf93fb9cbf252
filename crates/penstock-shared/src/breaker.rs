//! Circuit breakers: a state in one 64-bit word, one compare-and-swap per decision.
//!
//! Closed, it counts; open, it refuses until a time; then half-open, one caller gets the
//! probe, as a lease with a deadline, so a caller that dies with it blocks nobody for long.
//! Each failed probe doubles the time until the next. The all-zero word is closed and has
//! counted nothing.
//!
//! | state | bits 62-63 | rest |
//! |---|---|---|
//! | closed | 0 | 16 bits failures, 16 bits calls, 30 bits start of the window in 16 ms |
//! | open | 1 | 6 bits failed probes, 56 bits ms: refuses until |
//! | half-open | 2 | 6 bits failed probes, 56 bits ms: the probe's deadline |

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire};

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// What opens it.
    pub trip: Trip,
    /// How long it refuses after opening.
    pub open_ms: u64,
    /// Longest time it refuses, however many probes have failed.
    pub longest_open_ms: u64,
    /// How long a probe may take before another caller gets it.
    pub probe_ms: u64,
}

/// What opens a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trip {
    /// So many failures in a row.
    Consecutive(u16),
    /// So many failures in a window; successes do not matter.
    Failures {
        /// How many.
        count: u16,
        /// The window begins with the first call after the last one's end.
        window_ms: u64,
    },
    /// This share of the calls of a window.
    Share {
        /// Share that opens it.
        percent: u8,
        /// Calls that must have been made before the share counts.
        least: u16,
        /// The window begins with the first call after the last one's end.
        window_ms: u64,
    },
}

/// What a breaker says to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Go on, and report what became of it with this permit.
    Allowed(Permit),
    /// Do not call.
    Refused {
        /// When asking again makes sense.
        retry_after_ms: u64,
    },
}

/// Leave for one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    /// The word of the lease, for a probe.
    lease: Option<u64>,
}

impl Permit {
    /// The permit as one word, for whoever reports instead of a caller that does not come back.
    pub fn word(self) -> u64 {
        self.lease.unwrap_or(0)
    }

    /// The permit that gave this word.
    pub fn of_word(word: u64) -> Self {
        // A lease is a half-open state, never 0.
        Self { lease: (word != 0).then_some(word) }
    }

    /// Whether this call decides if the breaker closes again.
    pub fn is_probe(self) -> bool {
        self.lease.is_some()
    }
}

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It went well.
    Succeeded,
    /// It counts against the endpoint.
    Failed,
    /// It says nothing about the endpoint, as when the client left.
    Unknown,
}

/// A change of state that a report brought about, for logs and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It refuses from now on.
    Opened,
    /// A probe went well.
    Closed,
}

/// Asks whether a call may be made now.
pub fn admit(word: &AtomicU64, policy: &Policy, now_ms: u64) -> Admission {
    let mut found = word.load(Acquire);
    loop {
        let (failed_probes, wait_ms) = match State::from_word(found) {
            State::Closed(_) => return Admission::Allowed(Permit { lease: None }),
            State::Open { failed_probes, until_ms } => {
                (failed_probes, wait(until_ms, policy.open_ms.max(policy.longest_open_ms), now_ms))
            }
            State::HalfOpen { failed_probes, until_ms } => (failed_probes, wait(until_ms, policy.probe_ms, now_ms)),
        };
        if wait_ms > 0 {
            return Admission::Refused { retry_after_ms: wait_ms };
        }
        let lease = State::HalfOpen { failed_probes, until_ms: later(now_ms, policy.probe_ms) }.word();
        match word.compare_exchange_weak(found, lease, AcqRel, Acquire) {
            Ok(_) => return Admission::Allowed(Permit { lease: Some(lease) }),
            Err(changed) => found = changed,
        }
    }
}

/// Leave for a call if the breaker is closed, as it mostly is: a look that needs no clock.
#[inline]
pub fn admit_if_closed(word: &AtomicU64) -> Option<Permit> {
    (!is_open(word)).then_some(Permit { lease: None })
}

/// Whether it refuses calls, or lets one probe through.
pub fn is_open(word: &AtomicU64) -> bool {
    word.load(Acquire) >> STATE_SHIFT != 0
}

/// Reports what became of a call.
///
/// A call that began before the breaker opened, and a probe whose lease went to another,
/// change nothing any more.
pub fn report(word: &AtomicU64, policy: &Policy, permit: Permit, outcome: Outcome, now_ms: u64) -> Option<Change> {
    match permit.lease {
        Some(lease) => report_probe(word, policy, lease, outcome, now_ms),
        None => report_call(word, policy, outcome, now_ms),
    }
}

fn report_probe(word: &AtomicU64, policy: &Policy, lease: u64, outcome: Outcome, now_ms: u64) -> Option<Change> {
    let State::HalfOpen { failed_probes, .. } = State::from_word(lease) else { return None };
    let (next, change) = match outcome {
        Outcome::Succeeded => (State::default(), Some(Change::Closed)),
        Outcome::Failed => (opened(policy, failed_probes.saturating_add(1), now_ms), Some(Change::Opened)),
        Outcome::Unknown => (State::Open { failed_probes, until_ms: now_ms }, None),
    };
    word.compare_exchange(lease, next.word(), AcqRel, Acquire).ok().and(change)
}

fn report_call(word: &AtomicU64, policy: &Policy, outcome: Outcome, now_ms: u64) -> Option<Change> {
    let mut found = word.load(Acquire);
    loop {
        let State::Closed(counts) = State::from_word(found) else { return None };
        let counts = counts.after(policy.trip, outcome, now_ms);
        let (next, change) = if outcome == Outcome::Failed && counts.reach(policy.trip) {
            (opened(policy, 0, now_ms), Some(Change::Opened))
        } else {
            (State::Closed(counts), None)
        };
        let next = next.word();
        if next == found {
            return None;
        }
        match word.compare_exchange_weak(found, next, AcqRel, Acquire) {
            Ok(_) => return change,
            Err(changed) => found = changed,
        }
    }
}

fn opened(policy: &Policy, failed_probes: u8, now_ms: u64) -> State {
    let doubled = policy.open_ms.saturating_mul(1_u64.checked_shl(u32::from(failed_probes)).unwrap_or(u64::MAX));
    let open_ms = doubled.min(policy.longest_open_ms.max(policy.open_ms));
    State::Open { failed_probes, until_ms: later(now_ms, open_ms) }
}

/// At least a millisecond on, so that a lease differs from every earlier one.
fn later(now_ms: u64, span_ms: u64) -> u64 {
    now_ms.saturating_add(span_ms.max(1)).min(MS_MASK)
}

/// How long is left until then; nothing if the policy could not have set it so far ahead,
/// as when the configuration has changed.
fn wait(until_ms: u64, longest_ms: u64, now_ms: u64) -> u64 {
    let left = until_ms.saturating_sub(now_ms);
    if left > longest_ms.saturating_add(CLOCK_SLACK_MS) { 0 } else { left }
}

/// How far one worker's cached clock may be ahead of another's.
const CLOCK_SLACK_MS: u64 = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed(Counts),
    Open { failed_probes: u8, until_ms: u64 },
    HalfOpen { failed_probes: u8, until_ms: u64 },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed(Counts::default())
    }
}

const STATE_SHIFT: u32 = 62;
const OPEN: u64 = 1;
const HALF_OPEN: u64 = 2;
const PROBES_SHIFT: u32 = 56;
const PROBES_MASK: u64 = 0x3f;
const MS_MASK: u64 = (1 << PROBES_SHIFT) - 1;
const FAILURES_SHIFT: u32 = 46;
const CALLS_SHIFT: u32 = 30;
const TICK_MASK: u64 = (1 << CALLS_SHIFT) - 1;
/// A tick is 16 ms, so the window's start repeats only after 198 days.
const TICK_MS: u64 = 16;

impl State {
    fn from_word(word: u64) -> Self {
        let failed_probes = (word >> PROBES_SHIFT & PROBES_MASK) as u8;
        let until_ms = word & MS_MASK;
        match word >> STATE_SHIFT {
            OPEN => Self::Open { failed_probes, until_ms },
            HALF_OPEN => Self::HalfOpen { failed_probes, until_ms },
            _ => Self::Closed(Counts {
                failures: (word >> FAILURES_SHIFT) as u16,
                calls: (word >> CALLS_SHIFT) as u16,
                started: word & TICK_MASK,
            }),
        }
    }

    fn word(self) -> u64 {
        let timed = |state: u64, failed_probes: u8, until_ms: u64| {
            state << STATE_SHIFT | u64::from(failed_probes).min(PROBES_MASK) << PROBES_SHIFT | until_ms.min(MS_MASK)
        };
        match self {
            Self::Open { failed_probes, until_ms } => timed(OPEN, failed_probes, until_ms),
            Self::HalfOpen { failed_probes, until_ms } => timed(HALF_OPEN, failed_probes, until_ms),
            Self::Closed(counts) => {
                u64::from(counts.failures) << FAILURES_SHIFT | u64::from(counts.calls) << CALLS_SHIFT | counts.started
            }
        }
    }
}

/// What a closed breaker has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    failures: u16,
    calls: u16,
    started: u64,
}

impl Counts {
    fn after(self, trip: Trip, outcome: Outcome, now_ms: u64) -> Self {
        match (trip, outcome) {
            (_, Outcome::Unknown) | (Trip::Failures { .. }, Outcome::Succeeded) => self,
            (Trip::Consecutive(_), Outcome::Succeeded) => Self::default(),
            (Trip::Consecutive(_), Outcome::Failed) => Self { failures: self.failures.saturating_add(1), ..self },
            (Trip::Failures { window_ms, .. }, Outcome::Failed) => {
                let window = self.within(window_ms, now_ms);
                Self { failures: window.failures.saturating_add(1), ..window }
            }
            (Trip::Share { window_ms, .. }, outcome) => {
                let window = self.within(window_ms, now_ms).with_room();
                let failures = window.failures + u16::from(outcome == Outcome::Failed);
                Self { failures, calls: window.calls + 1, ..window }
            }
        }
    }

    fn reach(self, trip: Trip) -> bool {
        match trip {
            Trip::Consecutive(count) | Trip::Failures { count, .. } => self.failures >= count,
            Trip::Share { percent, least, .. } => {
                self.calls >= least && u64::from(self.failures) * 100 >= u64::from(self.calls) * u64::from(percent)
            }
        }
    }

    /// These counts, or none if their window is over.
    fn within(self, window_ms: u64, now_ms: u64) -> Self {
        let tick = (now_ms / TICK_MS) & TICK_MASK;
        let elapsed = tick.wrapping_sub(self.started) & TICK_MASK;
        // The upper half of the circle is the past: this worker's clock is a little behind.
        let is_behind = elapsed > TICK_MASK / 2;
        let is_running = self.failures != 0 || self.calls != 0;
        if is_running && (is_behind || elapsed * TICK_MS < window_ms) {
            return self;
        }
        Self { started: tick, ..Self::default() }
    }

    /// Halved where they would overflow: the share stays the same.
    fn with_room(self) -> Self {
        if self.calls == u16::MAX {
            return Self { failures: self.failures / 2, calls: self.calls / 2, ..self };
        }
        self
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
