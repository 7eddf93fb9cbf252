//! How much of a turn of the thread's loop handshakes may take.
//!
//! A handshake costs what ten requests cost. Of many that come at once a few are gone through in each turn, in the
//! order in which they came, so that requests wait for a few and not for all of them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// Time of a turn that handshakes may take: what a request may have to wait longer for them.
const TURN: Duration = Duration::from_micros(500);
/// Most steps of handshakes that begin a turn, however short they are.
const MOST_STEPS: u32 = 8;
/// A guess at a step's time before the first: a key exchange and a signature by an elliptic curve.
const FIRST_GUESS: Duration = Duration::from_micros(100);

/// The handshakes of one thread that wait for their turn.
pub(crate) struct HandshakeTurns {
    /// Time that steps have taken since the last turn began.
    spent: Cell<Duration>,
    /// What a step takes, over the last of them.
    usual: Cell<Duration>,
    waiting: RefCell<VecDeque<Rc<Place>>>,
    attendant: RefCell<Option<Waker>>,
}

impl Default for HandshakeTurns {
    fn default() -> Self {
        let (spent, usual) = (Cell::default(), Cell::new(FIRST_GUESS));
        Self { spent, usual, waiting: RefCell::default(), attendant: RefCell::default() }
    }
}

/// The place of a handshake in the queue; who gives it up drops it.
pub(crate) struct Place {
    may_go: Cell<bool>,
    waker: RefCell<Waker>,
}

impl HandshakeTurns {
    /// Ready once a handshake with something to do may do it; until then it keeps its place.
    pub(crate) fn poll_turn(&self, place: &mut Option<Rc<Place>>, context: &Context<'_>) -> Poll<()> {
        if let Some(held) = place {
            if held.may_go.get() {
                *place = None;
                return Poll::Ready(());
            }
            held.waker.borrow_mut().clone_from(context.waker());
            return Poll::Pending;
        }
        if self.waiting.borrow().is_empty() && self.spent.get() < TURN {
            return Poll::Ready(());
        }
        let waker = RefCell::new(context.waker().clone());
        let taken = Rc::new(Place { may_go: Cell::new(false), waker });
        self.waiting.borrow_mut().push_back(Rc::clone(&taken));
        *place = Some(taken);
        if let Some(attendant) = self.attendant.take() {
            attendant.wake();
        }
        Poll::Pending
    }

    /// Notes what a step took.
    pub(crate) fn spent(&self, took: Duration) {
        self.spent.set(self.spent.get() + took);
        self.usual.set((self.usual.get() * 7 + took) / 8);
    }

    /// Begins turns for as long as somebody waits; never ends.
    pub(crate) async fn attend(&self) {
        loop {
            poll_fn(|context| self.poll_waiting(context)).await;
            // Comes back when all that was ready has run, and what has come since is ready too.
            tokio::task::yield_now().await;
            self.begin();
        }
    }

    fn poll_waiting(&self, context: &Context<'_>) -> Poll<()> {
        if self.waiting.borrow().is_empty() {
            *self.attendant.borrow_mut() = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Lets as many go as a turn has time for, and one at least.
    fn begin(&self) {
        self.spent.set(Duration::ZERO);
        let fitting = TURN.as_nanos() / self.usual.get().as_nanos().max(1);
        let mut left = u32::try_from(fitting).unwrap_or(MOST_STEPS).clamp(1, MOST_STEPS);
        while left > 0
            && let Some(next) = self.waiting.borrow_mut().pop_front()
        {
            // Whoever has left needs no turn.
            if Rc::strong_count(&next) > 1 {
                next.may_go.set(true);
                next.waker.borrow().wake_by_ref();
                left -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::{Builder, LocalOptions};

    use super::*;

    async fn turn(turns: &HandshakeTurns) {
        let mut place = None;
        poll_fn(|context| turns.poll_turn(&mut place, context)).await;
    }

    const STEP: Duration = Duration::from_micros(100);

    fn in_a_loop(run: impl Future<Output = ()>) {
        let runtime = Builder::new_current_thread().build_local(LocalOptions::default()).unwrap();
        runtime.block_on(run);
    }

    /// Handshakes that come at once, and in which order they were gone through, with what else ran between.
    async fn flood(turns: &Rc<HandshakeTurns>, count: usize, step: Duration) -> Vec<Option<usize>> {
        let order = Rc::new(RefCell::new(Vec::new()));
        let attendant = Rc::clone(turns);
        let attendant = tokio::task::spawn_local(async move { attendant.attend().await });
        for number in 0..count {
            let (turns, order) = (Rc::clone(turns), Rc::clone(&order));
            tokio::task::spawn_local(async move {
                turn(&turns).await;
                turns.spent(step);
                order.borrow_mut().push(Some(number));
            });
        }
        while order.borrow().iter().flatten().count() < count {
            // Somebody else's request, which is ready in every turn.
            order.borrow_mut().push(None);
            tokio::task::yield_now().await;
        }
        attendant.abort();
        Rc::into_inner(order).unwrap_or_default().into_inner()
    }

    #[test]
    fn g10_of_a_flood_a_few_are_gone_through_in_each_turn_in_their_order() {
        in_a_loop(async {
            let turns = Rc::new(HandshakeTurns::default());
            let order = flood(&turns, 200, STEP).await;
            let numbers: Vec<usize> = order.iter().copied().flatten().collect();
            assert!(numbers.is_sorted(), "{numbers:?}");
            let longest = order.split(Option::is_none).map(<[_]>::len).max();
            assert!(longest <= Some(8), "{longest:?} between two turns of somebody else");
        });
    }

    #[test]
    fn g10_steps_that_take_long_go_one_by_one() {
        in_a_loop(async {
            let turns = Rc::new(HandshakeTurns::default());
            for _ in 0..20 {
                turns.spent(Duration::from_millis(4));
            }
            let order = flood(&turns, 50, Duration::from_millis(4)).await;
            let longest = order.split(Option::is_none).map(<[_]>::len).max();
            assert!(longest <= Some(2), "{longest:?}");
        });
    }

    #[test]
    fn a_handshake_alone_waits_for_nobody_and_one_that_left_holds_up_nobody() {
        let turns = HandshakeTurns::default();
        let context = Context::from_waker(Waker::noop());
        assert!(turns.poll_turn(&mut None, &context).is_ready());
        turns.spent(TURN);
        let (mut gone, mut next) = (None, None);
        assert!(turns.poll_turn(&mut gone, &context).is_pending());
        assert!(turns.poll_turn(&mut next, &context).is_pending());
        drop(gone);
        turns.begin();
        assert!(turns.poll_turn(&mut next, &context).is_ready());
        assert!(turns.poll_turn(&mut None, &context).is_ready());
    }

    #[test]
    fn who_comes_later_goes_behind_those_who_wait() {
        let turns = HandshakeTurns::default();
        let context = Context::from_waker(Waker::noop());
        turns.spent(TURN);
        let mut places: Vec<Option<Rc<Place>>> = vec![None; 10];
        for place in &mut places {
            assert!(turns.poll_turn(place, &context).is_pending());
        }
        turns.begin();
        assert!(turns.poll_turn(&mut None, &context).is_pending(), "others wait");
        let gone = places.iter_mut().map(|place| turns.poll_turn(place, &context)).take_while(Poll::is_ready).count();
        assert!((1..=8).contains(&gone), "{gone}");
    }
}
