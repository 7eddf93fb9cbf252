//! The watchdog: a thread without Python that interrupts filter calls over their budget.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use penstock_proxy::worker::Share;

use super::guard::Guard;
use super::interrupt::Interrupt;
use super::log::LogSender;
use crate::said::Level;

/// Time between two looks while filters are called.
const LOOK: Duration = Duration::from_millis(4);
/// Looks without a call after which it sleeps until there is one.
const LOOKS_BEFORE_SLEEP: u32 = 25;
/// How far over budget a call that heeds no interrupt costs the worker.
const LARGEST_OVERRUN: Duration = Duration::from_secs(1);
/// How the process ends then; the supervisor starts another.
const EXIT_STUCK: i32 = 70;

/// Starts the watchdog of one IO thread.
///
/// # Errors
/// No thread could be started.
pub(super) fn start(guard: &Arc<Guard>, interrupt: Interrupt, log: LogSender, share: Share) -> io::Result<()> {
    let mut watch = Watch { guard: Arc::clone(guard), interrupt, log, share, seen: 0, spent: Duration::ZERO, idle: 0 };
    let thread = thread::Builder::new().name("filter-watchdog".to_owned()).spawn(move || watch.run())?;
    guard.set_watchdog(thread.thread().clone());
    Ok(())
}

struct Watch {
    guard: Arc<Guard>,
    interrupt: Interrupt,
    log: LogSender,
    share: Share,
    /// The call seen last, and for how long it has been seen.
    seen: u64,
    spent: Duration,
    idle: u32,
}

impl Watch {
    fn run(&mut self) {
        let mut looked = Instant::now();
        while !self.guard.is_stopped.load(Ordering::Relaxed) {
            thread::sleep(LOOK);
            // A look that comes late says nothing of the call: the machine may have stood still.
            let passed = looked.elapsed().min(LOOK * 2);
            looked = Instant::now();
            self.look(passed);
            if self.idle > LOOKS_BEFORE_SLEEP {
                self.sleep();
                looked = Instant::now();
            }
        }
    }

    fn look(&mut self, passed: Duration) {
        let (number, budget_ms) = self.guard.running();
        if number != self.seen {
            (self.seen, self.spent, self.idle) = (number, Duration::ZERO, 0);
            return;
        }
        if number == 0 {
            self.idle += 1;
            return;
        }
        self.spent += passed;
        let budget = Duration::from_millis(u64::from(budget_ms));
        if self.spent >= budget {
            // Again at every look: a filter may catch the exception and go on.
            self.interrupt.fire(&self.guard, number);
        }
        if self.spent >= budget + LARGEST_OVERRUN && self.interrupt.owns_process() {
            self.end_process();
        }
    }

    fn sleep(&mut self) {
        self.guard.is_asleep.store(true, Ordering::SeqCst);
        // A call that begins without seeing that shows within this time.
        thread::sleep(LOOK);
        while self.guard.running().0 == 0 && !self.guard.is_stopped.load(Ordering::Relaxed) {
            thread::park();
        }
        self.guard.is_asleep.store(false, Ordering::SeqCst);
        self.idle = 0;
    }

    fn end_process(&self) {
        self.guard.charge.count(&self.share);
        self.log.send(Level::Error, "a filter heeds no interrupt one second after its budget: the worker ends");
        thread::sleep(LOOK * 5);
        // SAFETY: `_exit` has no conditions; it runs no handlers, which might wait for the
        // thread that is stuck.
        unsafe { libc::_exit(EXIT_STUCK) }
    }
}
