//! The thread that delivers batches, and the end by which the IO thread has it do so.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::collector::{Collector, Intake};
use super::link::Link;
use super::queue::{Batch, Counts, Queue};
use super::{call, post};
use crate::resolver::FindAddresses;

/// Attempts to deliver one batch.
const MOST_ATTEMPTS: u32 = 6;
/// Pause behind the first failed attempt; it doubles from one to the next.
const FIRST_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 5 } else { 500 });
/// Longest pause, whatever a collector asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// It was taken, but for so many of its records.
    Taken { rejected: u64 },
    /// It will not be taken.
    Refused,
    /// It may be taken later: after this time, where the collector has named one.
    Later(Option<Duration>),
}

/// The IO thread's end: batches go in here.
pub(crate) struct Exporter {
    queue: Arc<Queue>,
}

impl Exporter {
    /// Starts the thread.
    ///
    /// # Errors
    /// No thread could be started.
    pub(crate) fn start(
        collector: Arc<Collector>,
        intake: Intake,
        addresses: Arc<dyn FindAddresses>,
    ) -> io::Result<Self> {
        let queue = Arc::<Queue>::default();
        let of_thread = Arc::clone(&queue);
        let run = move || Deliverer { queue: of_thread, collector, intake, addresses, link: None }.run();
        thread::Builder::new().name("export".to_owned()).spawn(run)?;
        Ok(Self { queue })
    }

    /// Takes a batch; where there is no room, it is dropped and counted.
    pub(crate) fn push(&self, batch: Batch) {
        self.queue.push(batch);
    }

    /// What became of records since the last call.
    pub(crate) fn counts(&self) -> Counts {
        self.queue.counts()
    }

    /// Whether the thread has ended, and counts nothing more.
    pub(super) fn is_over(&self) -> bool {
        self.queue.is_over()
    }

    /// Says until when what waits may be delivered.
    pub(crate) fn end_at(&self, end: Instant) {
        self.queue.end_at(end);
    }

    /// Waits until that is done, or until then.
    pub(crate) fn wait(&self, until: Instant) {
        self.queue.wait_closed(until);
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.queue.end_at(Instant::now());
    }
}

/// What the thread works with.
struct Deliverer {
    queue: Arc<Queue>,
    collector: Arc<Collector>,
    intake: Intake,
    addresses: Arc<dyn FindAddresses>,
    /// The connection that is kept from batch to batch.
    link: Option<Link>,
}

impl Deliverer {
    fn run(mut self) {
        while let Some(batch) = self.queue.next() {
            let delivered = self.deliver(&batch);
            self.queue.settle(&batch, delivered);
        }
        self.queue.close();
    }

    /// Tries until the batch is taken, refused, or tried too often, and says how many of its records were taken.
    fn deliver(&mut self, batch: &Batch) -> u64 {
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=MOST_ATTEMPTS {
            let wished = match self.attempt(batch) {
                Delivery::Taken { rejected } => return batch.items.saturating_sub(rejected),
                Delivery::Refused => return 0,
                Delivery::Later(wished) => wished,
            };
            let time = wished.unwrap_or(pause).min(LONGEST_PAUSE);
            if attempt == MOST_ATTEMPTS || !self.queue.rest(time) {
                break;
            }
            pause *= 2;
        }
        0
    }

    /// One attempt; a kept connection that the collector has closed meanwhile costs none.
    fn attempt(&mut self, batch: &Batch) -> Delivery {
        let deadline = Instant::now() + Duration::from_millis(self.collector.plan.timeout_ms);
        if let Some(link) = self.link.take() {
            match self.send(link, batch, deadline) {
                Ok(delivery) => return delivery,
                Err(problem) if problem.kind() == io::ErrorKind::TimedOut => return Delivery::Later(None),
                Err(_) => {}
            }
        }
        let queue = Arc::clone(&self.queue);
        let opened = Link::open(&self.collector, &*self.addresses, queue, deadline);
        let sent = opened.and_then(|link| self.send(link, batch, deadline));
        sent.unwrap_or(Delivery::Later(None))
    }

    /// Sends a batch on a connection, which is kept where it can carry another.
    fn send(&mut self, mut link: Link, batch: &Batch, deadline: Instant) -> io::Result<Delivery> {
        link.set_deadline(deadline);
        let (delivery, is_kept) = if self.collector.is_called() {
            call::call(&mut link, &self.collector, self.intake, &batch.body)?
        } else {
            post::post(&mut link, &self.collector, self.intake, &batch.body)?
        };
        if is_kept {
            self.link = Some(link);
        }
        Ok(delivery)
    }
}
