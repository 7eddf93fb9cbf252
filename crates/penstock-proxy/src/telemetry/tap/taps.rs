//! The taps of an IO thread, and the ends at which somebody listens.

use std::cell::RefCell;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::choice::{Interest, TapChoice};
use super::shown::Shown;
use crate::telemetry::log_line::{Logged, Scratch};

/// Taps of one worker.
const MOST_TAPS: usize = 64;
/// Batches that may wait for whoever listens; with the bound on each, what a tap takes of memory.
const MOST_WAITING: usize = 8;
/// Bytes of a batch; what comes once it has them is dropped and counted.
const MOST_BATCH_BYTES: usize = 256 << 10;
/// Times that requests are handed over in a second.
const A_SECOND: u32 = 10;
/// Time between two looks whether everything was taken.
const LOOK: Duration = Duration::from_millis(2);

/// The IO thread's end of a tap.
pub struct Tap {
    choice: TapChoice,
    sender: SyncSender<Batch>,
    listener: Weak<()>,
}

/// The end of a tap at which somebody listens; once it is dropped, the tap is given up.
pub struct Tapped {
    receiver: Receiver<Batch>,
    _is_there: Arc<()>,
}

/// Requests that a tap took in a while, and how many found no room.
#[derive(Default)]
pub struct Batch {
    requests: Vec<u8>,
    count: u64,
    dropped: u64,
}

impl Tap {
    /// Both ends of a tap.
    ///
    /// # Errors
    /// What is wrong with the interest, in words.
    pub fn new(interest: Interest) -> Result<(Self, Tapped), String> {
        let choice = TapChoice::new(interest)?;
        let ((sender, receiver), is_there) = (sync_channel(MOST_WAITING), Arc::new(()));
        let listener = Arc::downgrade(&is_there);
        Ok((Self { choice, sender, listener }, Tapped { receiver, _is_there: is_there }))
    }
}

impl Tapped {
    /// What comes next, at least an empty batch every second; none once the worker has ended or let go of the tap.
    pub fn next(&self) -> Option<Batch> {
        self.receiver.recv().ok()
    }
}

impl Batch {
    /// As a message: each request with the name of its route and what was spoken, for these need not be shown in it.
    pub fn to_json(&self) -> Vec<u8> {
        let start = format!("{{\"type\":\"requests\",\"dropped\":{},\"requests\":[", self.dropped);
        [start.as_bytes(), &self.requests, b"]}"].concat()
    }
}

/// The taps of an IO thread.
#[derive(Default)]
pub(in crate::telemetry) struct Taps {
    open: Vec<Open>,
    shown: Arc<Shown>,
}

/// A tap, and what it took since the last batch.
struct Open {
    tap: Tap,
    batch: Batch,
    /// How many more it takes for now.
    left: u32,
    /// How often nothing was handed over.
    silences: u32,
}

impl Taps {
    /// Shows requests as another plan says from here on.
    pub(in crate::telemetry) fn turn_to(&mut self, shown: &Arc<Shown>) {
        self.shown = Arc::clone(shown);
    }

    /// Whether there is none.
    pub(in crate::telemetry) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Takes requests for one more, and says so by an empty batch; lets go of one too many.
    pub(in crate::telemetry) fn add(&mut self, tap: Tap) {
        if self.open.len() < MOST_TAPS && tap.sender.try_send(Batch::default()).is_ok() {
            let left = tap.choice.per_second();
            self.open.push(Open { tap, batch: Batch::default(), left, silences: 0 });
        }
    }

    /// Shows a request to those who want to see it.
    pub(in crate::telemetry) fn write(&mut self, logged: &Logged<'_>, scratch: &RefCell<Scratch>) {
        for open in &mut self.open {
            open.take(logged, &self.shown, scratch);
        }
    }

    /// Hands over what was taken, and lets go of taps at which nobody listens any more.
    pub(in crate::telemetry) fn hand_over(&mut self) {
        self.open.retain_mut(Open::hand_over);
    }

    /// Lets go of all, and gives those who listen this time to take what waits.
    pub(in crate::telemetry) fn finish(&mut self, within: Duration) {
        self.hand_over();
        let listeners: Vec<_> = self.open.drain(..).map(|open| open.tap.listener).collect();
        let until = Instant::now() + within;
        while listeners.iter().any(|one| one.strong_count() > 0) && Instant::now() < until {
            thread::sleep(LOOK);
        }
    }
}

impl Open {
    fn take(&mut self, logged: &Logged<'_>, shown: &Shown, scratch: &RefCell<Scratch>) {
        if !self.tap.choice.takes(logged, shown, &mut scratch.borrow_mut()) {
            return;
        }
        let out = &mut self.batch.requests;
        if self.left == 0 || out.len() >= MOST_BATCH_BYTES {
            self.batch.dropped += 1;
            return;
        }
        self.left -= 1;
        self.batch.count += 1;
        if !out.is_empty() {
            out.push(b',');
        }
        let entry = logged.entry;
        // Names of routes and of protocols need no escape.
        for part in ["[\"", entry.route, "\",\"", entry.protocol, "\","] {
            out.extend_from_slice(part.as_bytes());
        }
        shown.write(out, logged, scratch);
        out.push(b']');
    }

    /// Whether somebody still listens.
    fn hand_over(&mut self) -> bool {
        let per_second = self.tap.choice.per_second();
        self.left = (self.left + per_second.div_ceil(A_SECOND)).min(per_second);
        self.silences += 1;
        // Silence would not tell whether anybody is there, on either side.
        if self.batch.count + self.batch.dropped == 0 && self.silences < A_SECOND {
            return true;
        }
        self.silences = 0;
        match self.tap.sender.try_send(std::mem::take(&mut self.batch)) {
            Ok(()) => true,
            Err(TrySendError::Full(batch)) => {
                self.batch.dropped = batch.count + batch.dropped;
                true
            }
            Err(TrySendError::Disconnected(_)) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::exchange::Exchange;
    use crate::telemetry::Entry;
    use crate::telemetry::log_line::tests::ENTRY;

    fn tapped(interest: Value) -> (Taps, Tapped) {
        let (tap, tapped) = Tap::new(serde_json::from_value(interest).unwrap()).unwrap();
        let mut taps = Taps::default();
        taps.add(tap);
        assert_eq!(told(&tapped), (0, Vec::new()), "an empty batch says that it was taken");
        (taps, tapped)
    }

    fn write(taps: &mut Taps, entry: &Entry<'_>) {
        let (exchange, second) = (&Exchange::default(), "2023-11-14T22:13:20");
        taps.write(&Logged { entry, exchange, second }, &RefCell::default());
    }

    fn told(tapped: &Tapped) -> (u64, Vec<Value>) {
        let told: Value = serde_json::from_slice(&tapped.next().unwrap().to_json()).unwrap();
        (told["dropped"].as_u64().unwrap(), told["requests"].as_array().unwrap().clone())
    }

    #[test]
    fn requests_come_in_batches_with_their_route_and_what_was_spoken() {
        let (mut taps, tapped) = tapped(json!({}));
        write(&mut taps, &ENTRY);
        write(&mut taps, &Entry { route: "", status: 404, ..ENTRY });
        taps.hand_over();
        let (dropped, requests) = told(&tapped);
        assert_eq!((dropped, requests.len()), (0, 2));
        assert_eq!((&requests[0][0], &requests[0][1]), (&json!("r"), &json!("HTTP/1.1")));
        assert_eq!((&requests[0][2]["path"], &requests[1][2]["status"]), (&json!("/a\"b"), &json!(404)));
    }

    #[test]
    fn silence_is_told_every_second() {
        let (mut taps, tapped) = tapped(json!({}));
        (0..2 * A_SECOND).for_each(|_| taps.hand_over());
        drop(taps);
        assert_eq!(std::iter::from_fn(|| tapped.next()).count(), 2);
    }

    #[test]
    fn g13_more_than_a_second_may_have_is_counted_and_not_shown() {
        let (mut taps, tapped) = tapped(json!({"per_second": 20}));
        (0..30).for_each(|_| write(&mut taps, &ENTRY));
        taps.hand_over();
        let (dropped, requests) = told(&tapped);
        assert_eq!((dropped, requests.len()), (10, 20));
        (0..5).for_each(|_| write(&mut taps, &ENTRY));
        taps.hand_over();
        let (dropped, requests) = told(&tapped);
        assert_eq!((dropped, requests.len()), (3, 2), "a tenth of a second later a tenth may come");
    }

    #[test]
    fn g13_whoever_stands_still_costs_a_bounded_memory_and_hears_how_much_was_lost() {
        let (mut taps, tapped) = tapped(json!({"per_second": 1_000_000}));
        let path = "x".repeat(MOST_BATCH_BYTES / 4);
        let all = 100 * (MOST_WAITING as u64 + 3);
        for _ in 0..MOST_WAITING + 3 {
            (0..100).for_each(|_| write(&mut taps, &Entry { path: &path, ..ENTRY }));
            taps.hand_over();
            let waiting = taps.open[0].batch.requests.len();
            assert!(waiting < 2 * MOST_BATCH_BYTES, "{waiting} bytes wait");
        }
        let (mut shown, mut lost) = (0, 0);
        for _ in 0..MOST_WAITING {
            let (dropped, requests) = told(&tapped);
            (shown, lost) = (shown + requests.len() as u64, lost + dropped);
        }
        taps.hand_over();
        let (dropped, requests) = told(&tapped);
        assert_eq!((shown + lost + dropped + requests.len() as u64, requests.len()), (all, 0));
    }

    #[test]
    fn a_tap_at_which_nobody_listens_any_more_is_given_up() {
        let (mut taps, listener) = tapped(json!({}));
        let (other, staying) = Tap::new(Interest::default()).unwrap();
        taps.add(other);
        drop(listener);
        write(&mut taps, &ENTRY);
        taps.hand_over();
        assert_eq!(taps.open.len(), 1);
        assert_eq!(told(&staying), (0, Vec::new()));
        assert_eq!(told(&staying).1.len(), 1);
    }

    #[test]
    fn one_tap_too_many_is_let_go() {
        let mut taps = Taps::default();
        let listeners: Vec<_> = (0..=MOST_TAPS)
            .map(|_| {
                let (tap, tapped) = Tap::new(Interest::default()).unwrap();
                taps.add(tap);
                tapped
            })
            .collect();
        assert!(listeners[..MOST_TAPS].iter().all(|one| one.next().is_some()));
        assert!(listeners[MOST_TAPS].next().is_none());
    }

    #[test]
    fn a_worker_that_ends_waits_for_those_who_listen_and_for_nobody_else() {
        let (mut taps, tapped) = tapped(json!({}));
        write(&mut taps, &ENTRY);
        let listener = thread::spawn(move || std::iter::from_fn(|| tapped.next()).count());
        taps.finish(Duration::from_secs(60));
        assert_eq!(listener.join().unwrap(), 1);
        let (mut taps, _standing) = self::tests::tapped(json!({}));
        taps.finish(Duration::ZERO);
        assert!(taps.is_empty());
    }
}
