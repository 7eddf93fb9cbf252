//! Addresses of names that requests bring along: looked up on threads of their own, a few at a time, kept for moments.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;

use foldhash::fast::RandomState;

/// Threads that look up at once: as many names as may hang.
const MOST_THREADS: usize = 4;
/// Names that may wait for a thread.
const MOST_WAITING: usize = 256;
/// Names kept; a name of which nothing is known any more is one.
const MOST_KEPT: usize = 1024;
/// Addresses used of one name (G11).
const MOST_ADDRESSES: usize = 16;
/// Time that the addresses of a name are used. What is asked tells no time of its own.
const FOUND_MS: u64 = 10_000;
/// Time that a name is taken for one without addresses.
const NOT_FOUND_MS: u64 = 2_000;

/// Finds the addresses of names, as the system or whoever else knows them.
pub trait FindAddresses: Send + Sync {
    /// The addresses of a name, in order of preference. It may take its time.
    ///
    /// # Errors
    /// There are none, or nobody could be asked.
    fn find(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// For those who look up no name.
pub struct NoAddresses;

impl FindAddresses for NoAddresses {
    fn find(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// What came of a look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// These, in order of preference; none: there are none.
    Addresses(Arc<[IpAddr]>),
    /// Too many names are being looked up.
    Busy,
}

/// A look-up that several may wait for.
#[derive(Default)]
struct LookUp {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    addresses: Option<Arc<[IpAddr]>>,
    waiting: Vec<Waker>,
}

impl LookUp {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, found: io::Result<Vec<IpAddr>>) {
        let mut addresses = found.unwrap_or_default();
        addresses.truncate(MOST_ADDRESSES);
        let waiting = {
            let mut state = self.state();
            state.addresses = Some(addresses.into());
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Arc<[IpAddr]>> {
        let mut state = self.state();
        if let Some(addresses) = &state.addresses {
            return Poll::Ready(Arc::clone(addresses));
        }
        if !state.waiting.iter().any(|known| known.will_wake(context.waker())) {
            state.waiting.push(context.waker().clone());
        }
        Poll::Pending
    }
}

struct Known {
    look_up: Arc<LookUp>,
    /// When it is asked anew, if it was answered.
    until_ms: u64,
}

impl Known {
    fn is_old(&self, now_ms: u64) -> bool {
        self.until_ms <= now_ms && self.look_up.state().addresses.is_some()
    }
}

struct Job {
    name: Box<str>,
    look_up: Arc<LookUp>,
}

/// The look-ups of one IO thread.
pub(crate) struct Resolver {
    finder: Arc<dyn FindAddresses>,
    known: RefCell<HashMap<Box<str>, Known, RandomState>>,
    jobs: SyncSender<Job>,
    queue: Arc<Mutex<Receiver<Job>>>,
    threads: Cell<usize>,
}

impl Resolver {
    pub(crate) fn new(finder: Arc<dyn FindAddresses>) -> Self {
        let (jobs, queue) = sync_channel(MOST_WAITING);
        let queue = Arc::new(Mutex::new(queue));
        Self { finder, known: RefCell::default(), jobs, queue, threads: Cell::new(0) }
    }

    /// The addresses of a name, once they are known. Whoever asks for the same name meanwhile waits for the same answer.
    pub(crate) fn poll(&self, context: &Context<'_>, name: &str, now_ms: u64) -> Poll<Found> {
        let mut known = self.known.borrow_mut();
        if known.get(name).is_some_and(|one| one.is_old(now_ms)) {
            known.remove(name);
        }
        make_room(&mut known, now_ms);
        let one = match known.entry(name.into()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => match self.begin(name) {
                Some(look_up) => entry.insert(Known { look_up, until_ms: now_ms + FOUND_MS }),
                None => return Poll::Ready(Found::Busy),
            },
        };
        one.look_up.poll(context).map(|addresses| {
            if addresses.is_empty() {
                one.until_ms = one.until_ms.min(now_ms + NOT_FOUND_MS);
            }
            Found::Addresses(addresses)
        })
    }

    /// Hands a name to a thread; none where too many names wait.
    fn begin(&self, name: &str) -> Option<Arc<LookUp>> {
        let look_up = Arc::<LookUp>::default();
        self.jobs.try_send(Job { name: name.into(), look_up: Arc::clone(&look_up) }).ok()?;
        if self.threads.get() < MOST_THREADS && self.spawn() {
            self.threads.set(self.threads.get() + 1);
        }
        (self.threads.get() > 0).then_some(look_up)
    }

    /// A thread that looks up until the IO thread is gone.
    fn spawn(&self) -> bool {
        let (finder, queue) = (Arc::clone(&self.finder), Arc::clone(&self.queue));
        let next = move || queue.lock().unwrap_or_else(PoisonError::into_inner).recv().ok();
        let work = move || {
            while let Some(job) = next() {
                job.look_up.answer(finder.find(&job.name));
            }
        };
        thread::Builder::new().name("names".to_owned()).spawn(work).is_ok()
    }
}

/// Forgets names that are to be asked anew, and all that were answered where that is not enough.
fn make_room(known: &mut HashMap<Box<str>, Known, RandomState>, now_ms: u64) {
    if known.len() >= MOST_KEPT {
        known.retain(|_, one| !one.is_old(now_ms));
    }
    if known.len() >= MOST_KEPT {
        known.retain(|_, one| one.look_up.state().addresses.is_none());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::{Sender, channel};
    use std::task::Wake;

    use super::*;

    /// Answers when it is told to, and counts.
    struct Told {
        go: Mutex<Receiver<()>>,
        asked: AtomicUsize,
    }

    impl FindAddresses for Told {
        fn find(&self, name: &str) -> io::Result<Vec<IpAddr>> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let _ = self.go.lock().unwrap().recv();
            match name.strip_prefix("many.") {
                Some(count) => Ok(vec![IpAddr::from([9, 9, 9, 9]); count.parse().unwrap()]),
                None => Err(io::ErrorKind::NotFound.into()),
            }
        }
    }

    struct Woken(Sender<()>);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            let _ = self.0.send(());
        }
    }

    struct Bench {
        resolver: Resolver,
        finder: Arc<Told>,
        go: Sender<()>,
        woken: Receiver<()>,
        waker: Waker,
    }

    fn bench() -> Bench {
        let ((go, told), (wake, woken)) = (channel(), channel());
        let finder = Arc::new(Told { go: Mutex::new(told), asked: AtomicUsize::new(0) });
        let resolver = Resolver::new(Arc::clone(&finder) as Arc<dyn FindAddresses>);
        Bench { resolver, finder, go, woken, waker: Waker::from(Arc::new(Woken(wake))) }
    }

    impl Bench {
        fn poll(&self, name: &str, now_ms: u64) -> Poll<usize> {
            match self.resolver.poll(&Context::from_waker(&self.waker), name, now_ms) {
                Poll::Ready(Found::Addresses(addresses)) => Poll::Ready(addresses.len()),
                Poll::Ready(Found::Busy) => Poll::Ready(usize::MAX),
                Poll::Pending => Poll::Pending,
            }
        }

        /// Asks until it is told.
        fn found(&self, name: &str, now_ms: u64) -> usize {
            loop {
                match self.poll(name, now_ms) {
                    Poll::Ready(count) => return count,
                    Poll::Pending => {
                        self.go.send(()).unwrap();
                        self.woken.recv().unwrap();
                    }
                }
            }
        }

        fn asked(&self) -> usize {
            self.finder.asked.load(Ordering::SeqCst)
        }
    }

    #[test]
    fn g11_a_name_is_asked_once_for_all_who_wait_and_again_after_a_while() {
        let bench = bench();
        assert!((0..100).all(|_| bench.poll("many.3", 0).is_pending()));
        assert_eq!((bench.found("many.3", 0), bench.asked()), (3, 1));
        assert_eq!((bench.found("many.3", 9_999), bench.asked()), (3, 1));
        assert_eq!((bench.found("many.3", 10_000), bench.asked()), (3, 2));
        assert_eq!((bench.found("none", 10_000), bench.asked()), (0, 3));
        assert_eq!((bench.found("none", 11_999), bench.asked()), (0, 3));
        assert_eq!((bench.found("none", 12_000), bench.asked()), (0, 4));
    }

    #[test]
    fn g11_of_very_many_addresses_a_few_are_used() {
        assert_eq!(bench().found("many.1000", 0), MOST_ADDRESSES);
    }

    #[test]
    fn g11_names_that_hang_are_bounded_and_what_is_kept_too() {
        let bench = bench();
        let hanging = (0..1000).take_while(|number| bench.poll(&format!("many.{number}"), 0).is_pending()).count();
        assert!((MOST_WAITING..=MOST_WAITING + MOST_THREADS).contains(&hanging), "{hanging}");
        for number in 0..hanging {
            assert_eq!(bench.found(&format!("many.{number}"), 0), number.min(MOST_ADDRESSES));
        }
        for number in 0..2 * MOST_KEPT {
            assert_eq!(bench.found(&format!("none.{number}"), 0), 0);
        }
        assert!(bench.resolver.known.borrow().len() <= MOST_KEPT);
    }
}
