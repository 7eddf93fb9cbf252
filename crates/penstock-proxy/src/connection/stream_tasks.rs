//! Tasks that serve one stream after the other: what each of them needs is made once.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::client::Client;
use super::client_stream::ClientStream;
use super::serve::{Connection, serve_stream};
use crate::wire::Deadline;

/// Most tasks that wait for a stream; those of a burst end with what they serve.
const MOST_IDLE: usize = 256;

/// The tasks of one thread that wait for a stream.
#[derive(Default)]
pub(crate) struct StreamTasks {
    idle: RefCell<Vec<Rc<Place>>>,
}

/// Where a task finds what it serves next.
struct Place {
    next: RefCell<Option<Connection>>,
    /// The task's own, while it waits.
    deadline: Cell<Option<Deadline>>,
    waker: RefCell<Option<Waker>>,
    is_over: Cell<bool>,
}

impl StreamTasks {
    /// Lets a task serve a stream of a connection.
    pub(super) fn serve(&self, connection: &Connection, stream: ClientStream) {
        let client = Client::Stream(Box::new(stream));
        if let Some(place) = self.idle.borrow_mut().pop()
            && let Some(deadline) = place.deadline.take()
        {
            place.next.replace(Some(connection.with_client(client, deadline)));
            place.wake();
            return;
        }
        let first = connection.with_client(client, connection.worker.deadlines.register());
        let place = Place {
            next: RefCell::new(Some(first)),
            deadline: Cell::new(None),
            waker: RefCell::new(None),
            is_over: Cell::new(false),
        };
        tokio::task::spawn_local(serve_streams(Rc::new(place)));
    }

    /// Ends all but a few of those that wait.
    pub(crate) fn trim(&self, most: usize) {
        let mut idle = self.idle.borrow_mut();
        let most = most.min(idle.len());
        for place in idle.drain(most..) {
            place.is_over.set(true);
            place.wake();
        }
    }

    /// Keeps a task for the next stream; says no where enough wait.
    fn keep(&self, place: &Rc<Place>, deadline: Deadline) -> bool {
        let mut idle = self.idle.borrow_mut();
        let has_room = idle.len() < MOST_IDLE;
        if has_room {
            place.deadline.set(Some(deadline));
            idle.push(Rc::clone(place));
        }
        has_room
    }
}

impl Place {
    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// The next stream; none once the task is to end.
    fn poll_next(&self, context: &Context<'_>) -> Poll<Option<Connection>> {
        if let Some(next) = self.next.take() {
            return Poll::Ready(Some(next));
        }
        if self.is_over.get() {
            return Poll::Ready(None);
        }
        self.waker.borrow_mut().get_or_insert_with(|| context.waker().clone());
        Poll::Pending
    }
}

async fn serve_streams(place: Rc<Place>) {
    while let Some(mut connection) = poll_fn(|context| place.poll_next(context)).await {
        serve_stream(&mut connection).await;
        // The stream ends here, before anything else begins.
        let (worker, deadline) = connection.end();
        if !worker.stream_tasks.keep(&place, deadline) {
            return;
        }
    }
}
