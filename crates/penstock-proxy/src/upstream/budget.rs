//! The retry budget: repetitions are a share of the requests, so that a failing upstream is not
//! made to fail under several times its load (R25).

use std::cell::Cell;

/// What one repetition costs; a request earns the budget's percentage of it.
const COST: u32 = 100;
/// Repetitions that may be saved up, so that a quiet upstream can still be retried at all.
const SAVED: u32 = 10;

/// The repetitions that one upstream has left.
#[derive(Debug)]
pub(crate) struct Budget {
    percent: u32,
    balance: Cell<u32>,
}

impl Budget {
    /// A budget of `percent` of the requests, with a full purse.
    pub(crate) fn new(percent: u32) -> Self {
        Self { percent, balance: Cell::new(SAVED * COST) }
    }

    /// A request came.
    pub(crate) fn earn(&self) {
        self.balance.set((self.balance.get() + self.percent.min(COST)).min(SAVED * COST));
    }

    /// Whether a repetition can be paid.
    pub(crate) fn has_room(&self) -> bool {
        self.balance.get() >= COST
    }

    /// Pays a repetition.
    pub(crate) fn spend(&self) {
        self.balance.set(self.balance.get().saturating_sub(COST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r25_repetitions_stay_within_their_share_however_many_requests_fail() {
        let budget = Budget::new(20);
        let mut repetitions = 0;
        for _ in 0..1000 {
            budget.earn();
            if budget.has_room() {
                budget.spend();
                repetitions += 1;
            }
        }
        assert!((200..=200 + SAVED).contains(&repetitions), "{repetitions}");
    }
}
