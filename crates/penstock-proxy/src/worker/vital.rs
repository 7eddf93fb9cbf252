//! Tasks that a worker cannot do without: should one panic, the worker ends, and another takes its place.

use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// Spawns such a task; `broken` is told if it panics.
///
/// Without this the thread would go on with nobody to sweep deadlines, and nobody would see.
pub(super) fn spawn(broken: &Rc<Notify>, task: impl Future<Output = ()> + 'static) -> AbortHandle {
    let broken = Rc::clone(broken);
    let watched = async move {
        let mut task = pin!(task);
        let outcome = poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(context))) {
            Ok(poll) => poll.map(|()| true),
            Err(_) => Poll::Ready(false),
        });
        if !outcome.await {
            broken.notify_one();
        }
    };
    tokio::task::spawn_local(watched).abort_handle()
}

/// Runs something to its end, unless a vital task panics first.
///
/// # Errors
/// One has.
pub(super) async fn unless_broken(broken: &Notify, main: impl Future<Output = ()>) -> io::Result<()> {
    let (mut main, mut broken) = (pin!(main), pin!(broken.notified()));
    poll_fn(|context| {
        if main.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let message = "a task that the worker cannot do without has panicked";
        broken.as_mut().poll(context).map(|()| Err(io::Error::other(message)))
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::runtime::{Builder, LocalOptions};

    use super::*;

    fn outcome_of(task: impl Future<Output = ()> + 'static, main: impl Future<Output = ()>) -> io::Result<()> {
        let runtime = Builder::new_current_thread().build_local(LocalOptions::default()).unwrap();
        runtime.block_on(async {
            let broken = Rc::new(Notify::new());
            spawn(&broken, task);
            unless_broken(&broken, main).await
        })
    }

    #[test]
    fn r41_a_panic_in_a_vital_task_ends_the_worker() {
        let panicking = async {
            tokio::task::yield_now().await;
            panic!("as bad as it gets");
        };
        assert!(outcome_of(panicking, pending()).is_err());
    }

    #[test]
    fn a_task_that_only_ends_or_waits_ends_nothing() {
        for _ in 0..2 {
            assert!(outcome_of(async {}, tokio::task::yield_now()).is_ok());
            assert!(outcome_of(pending(), async {}).is_ok());
        }
    }
}
