//! Sends the lines of an access log over the network, on a thread of its own that no request waits for.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use penstock_plan::LogSpeech;

use super::collector::Collector;
use super::line_batches::LineBatches;
use super::line_datagrams::LineDatagrams;
use super::line_stream::LineStream;
use super::queue::{Counts, Queue};
use super::syslog::Syslog;
use crate::resolver::FindAddresses;
use crate::telemetry::{LogQueue, count_lines};

/// Time between two looks for lines.
const LOOK: Duration = Duration::from_millis(100);
/// Time that a log which no plan has any more waits for its last lines.
const LINGER: Duration = Duration::from_secs(10);
/// Pause behind the first failed attempt; it doubles from one to the next, until something was sent.
const FIRST_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 5 } else { 100 });
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Who takes the lines of an access log over the network, ready to be sent to.
#[derive(Debug, Clone)]
pub struct LogReceiver {
    pub(crate) speech: LogSpeech,
    pub(crate) collector: Arc<Collector>,
}

/// What a sender needs to know of the world.
#[derive(Clone)]
pub struct LogSenderSetup {
    /// Who knows the addresses of names.
    pub addresses: Arc<dyn FindAddresses>,
    /// What syslog calls this machine.
    pub host_name: String,
}

/// The end by which the thread is told what to do. Dropped, it lets the thread end once all is sent.
pub struct LogSender {
    lines: Arc<LogQueue>,
    orders: Arc<Queue>,
}

/// What a connection, or the lack of one, has to do with the thread that waits for it.
pub(super) struct Patience {
    pub(super) orders: Arc<Queue>,
    pause: Duration,
}

impl Patience {
    pub(super) fn new(orders: Arc<Queue>) -> Self {
        Self { orders, pause: FIRST_PAUSE }
    }

    /// Something was sent: the next failure is a first one.
    pub(super) fn is_rewarded(&mut self) {
        self.pause = FIRST_PAUSE;
    }

    /// Waits behind a failure; false: there is no time for another attempt.
    pub(super) fn rest(&mut self) -> bool {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        self.orders.rest(pause)
    }
}

/// How lines travel.
trait Carrier {
    /// Sends a block of whole lines, and says what became of lines since the last time.
    fn send(&mut self, block: &[u8]) -> Counts;

    /// Sends what was kept back for others to come, all of it if `is_last`, and says the same.
    fn settle(&mut self, _is_last: bool) -> Counts {
        Counts::default()
    }
}

impl Carrier for LineStream {
    fn send(&mut self, block: &[u8]) -> Counts {
        sent(block, Self::send(self, block))
    }
}

impl Carrier for LineDatagrams {
    fn send(&mut self, block: &[u8]) -> Counts {
        sent(block, Self::send(self, block))
    }
}

impl Carrier for LineBatches {
    fn send(&mut self, block: &[u8]) -> Counts {
        Self::send(self, block)
    }

    fn settle(&mut self, is_last: bool) -> Counts {
        Self::settle(self, is_last)
    }
}

/// What became of a block that is gone, but for some lines of it.
fn sent(block: &[u8], lost: u64) -> Counts {
    Counts { delivered: count_lines(block).saturating_sub(lost), dropped: 0, failed: lost }
}

impl LogSender {
    /// Starts the thread.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn start(receiver: &LogReceiver, lines: Arc<LogQueue>, setup: &LogSenderSetup) -> io::Result<Self> {
        let orders = Arc::<Queue>::default();
        let (receiver, setup) = (receiver.clone(), setup.clone());
        let (taken, told) = (Arc::clone(&lines), Arc::clone(&orders));
        let run = move || {
            // Without a thread of its own for batches, lines wait and are dropped once they are too many.
            if let Ok(mut carrier) = carrier(&receiver, &setup, Patience::new(Arc::clone(&told))) {
                run(&mut *carrier, &taken, &told);
            }
            told.close();
        };
        thread::Builder::new().name("access-log".to_owned()).spawn(run)?;
        Ok(Self { lines, orders })
    }

    /// Whether it sends the lines of a queue.
    pub fn sends(&self, lines: &Arc<LogQueue>) -> bool {
        Arc::ptr_eq(&self.lines, lines)
    }

    /// Lets what waits be sent until then, and no longer.
    pub fn end_at(&self, end: Instant) {
        self.orders.end_at(end);
    }

    /// Waits until that is done, or until then.
    pub fn wait(&self, until: Instant) {
        self.orders.wait_closed(until);
    }
}

impl Drop for LogSender {
    fn drop(&mut self) {
        self.orders.end_at(Instant::now() + LINGER);
    }
}

fn carrier(receiver: &LogReceiver, setup: &LogSenderSetup, patience: Patience) -> io::Result<Box<dyn Carrier>> {
    let (collector, addresses) = (Arc::clone(&receiver.collector), Arc::clone(&setup.addresses));
    let syslog = |plan: &penstock_plan::LogSyslog| Syslog::new(plan, &setup.host_name);
    Ok(match &receiver.speech {
        LogSpeech::Stream(plan) => {
            Box::new(LineStream::new(collector, addresses, plan.syslog.as_ref().map(syslog), patience))
        }
        LogSpeech::Datagrams(plan) => {
            Box::new(LineDatagrams::new(collector, addresses, plan.syslog.as_ref().map(syslog), patience))
        }
        LogSpeech::Batches(form) => Box::new(LineBatches::start(collector, *form, addresses)?),
    })
}

/// Sends until it is told to end, or until nobody fills the queue any more.
fn run(carrier: &mut dyn Carrier, lines: &Arc<LogQueue>, orders: &Queue) {
    loop {
        // Whoever fills the queue holds it, so that nothing comes once nobody else does.
        let is_over = orders.end().is_some_and(|end| end <= Instant::now() || Arc::strong_count(lines) == 1);
        match lines.take_one() {
            Some(block) => {
                lines.account(carrier.send(&block));
                lines.keep(block);
            }
            None if is_over => break,
            None => {
                lines.account(carrier.settle(false));
                if !orders.rest(LOOK) {
                    thread::sleep(LOOK / 10);
                }
            }
        }
    }
    lines.account(carrier.settle(true));
}
