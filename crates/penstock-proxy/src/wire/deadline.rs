//! Coarse deadlines: one sweep per tick instead of a timer per wait.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Waker};

/// No deadline.
const NEVER: u64 = u64::MAX;

/// All deadlines of one IO thread.
#[derive(Default)]
pub(crate) struct Deadlines {
    entries: RefCell<Vec<Rc<Entry>>>,
}

struct Entry {
    at_ms: Cell<u64>,
    waker: RefCell<Option<Waker>>,
    is_released: Cell<bool>,
}

impl Deadlines {
    /// A deadline for one task, disarmed.
    pub(crate) fn register(&self) -> Deadline {
        let entry = Entry { at_ms: Cell::new(NEVER), waker: RefCell::new(None), is_released: Cell::new(false) };
        let entry = Rc::new(entry);
        self.entries.borrow_mut().push(Rc::clone(&entry));
        Deadline { entry }
    }

    /// Wakes every task, whatever its deadline.
    pub(crate) fn wake_all(&self) {
        for entry in self.entries.borrow().iter() {
            if let Some(waker) = &*entry.waker.borrow() {
                waker.wake_by_ref();
            }
        }
    }

    /// Wakes every task whose deadline has passed and forgets those of tasks that ended.
    pub(crate) fn sweep(&self, now_ms: u64) {
        self.entries.borrow_mut().retain(|entry| {
            if entry.at_ms.get() <= now_ms
                && let Some(waker) = &*entry.waker.borrow()
            {
                waker.wake_by_ref();
            }
            !entry.is_released.get()
        });
    }
}

/// The deadline of one task: armed for one wait after the other.
pub(crate) struct Deadline {
    entry: Rc<Entry>,
}

impl Deadline {
    /// Sets the moment at which the task is woken, in milliseconds of the thread's clock.
    pub(crate) fn arm(&self, at_ms: u64) {
        self.entry.at_ms.set(at_ms);
    }

    /// Takes the moment back.
    pub(crate) fn disarm(&self) {
        self.entry.at_ms.set(NEVER);
    }

    /// Sets the moment if it is earlier than the one that is set.
    pub(crate) fn arm_earlier(&self, at_ms: u64) {
        self.entry.at_ms.set(self.entry.at_ms.get().min(at_ms));
    }

    /// Whether the moment has passed; to be asked in every poll that may wait.
    pub(crate) fn has_passed(&self, now_ms: u64) -> bool {
        self.entry.at_ms.get() <= now_ms
    }

    /// Makes the task the one to be woken.
    pub(crate) fn watch(&self, context: &Context<'_>) {
        let mut waker = self.entry.waker.borrow_mut();
        match &mut *waker {
            Some(known) => known.clone_from(context.waker()),
            None => *waker = Some(context.waker().clone()),
        }
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.entry.is_released.set(true);
        self.entry.at_ms.set(NEVER);
        self.entry.waker.borrow_mut().take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_passes_once_its_time_has_come_and_not_after_it_was_moved() {
        let deadlines = Deadlines::default();
        let deadline = deadlines.register();
        assert!(!deadline.has_passed(u64::MAX - 1));
        deadline.arm(100);
        assert!(!deadline.has_passed(99));
        assert!(deadline.has_passed(100));
        deadline.arm(2000);
        assert!(!deadline.has_passed(1000));
    }

    #[test]
    fn the_sweep_forgets_deadlines_of_tasks_that_ended() {
        let deadlines = Deadlines::default();
        drop(deadlines.register());
        let kept = deadlines.register();
        deadlines.sweep(0);
        assert_eq!(deadlines.entries.borrow().len(), 1);
        drop(kept);
    }
}
