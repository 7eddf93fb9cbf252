//! The worker under test, on a thread of its own.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use penstock_proxy::telemetry::{LogSink, OwnDirectory};
use penstock_proxy::worker::{Built, Command, Listening, Remote, Setup, Share, System, build, remote, run};
use penstock_shared::WorkerSlot;
use serde_json::Value;

use super::filters::TestFilters;
use super::{Client, Config, PATIENCE};

/// A running worker; it is stopped when this is dropped.
pub(crate) struct Gateway {
    /// Where it listens; unspecified for a unix socket.
    pub(crate) address: SocketAddr,
    config: Config,
    built: Arc<Built>,
    remote: Remote,
    thread: Option<JoinHandle<io::Result<()>>>,
    share: Share,
    directory: Arc<OwnDirectory>,
    lines: Arc<Mutex<Vec<u8>>>,
}

impl Gateway {
    /// Starts a worker with a plan.
    pub(crate) fn start(config: Config) -> Self {
        Self::start_with(config, || {})
    }

    /// The same, with something that the worker's thread does first.
    pub(crate) fn start_with(config: Config, first: impl FnOnce() + Send + 'static) -> Self {
        Self::start_in(config, Share::alone().unwrap(), Arc::default(), first)
    }

    /// Another worker of the same gateway: what the plan names has the same places in the same table.
    pub(crate) fn neighbour(&self, config: Config) -> Self {
        let column = WorkerSlot::new(self.share.column.number() + 1).unwrap();
        let share = Share::take(Arc::clone(&self.share.table), column, column.number()).unwrap();
        Self::start_in(config, share, Arc::clone(&self.directory), || {})
    }

    fn start_in(
        mut config: Config,
        share: Share,
        directory: Arc<OwnDirectory>,
        first: impl FnOnce() + Send + 'static,
    ) -> Self {
        let (socket, address) = listen(&config.listener.address);
        if let Some(address) = address {
            config.listener.address = address.to_string();
        }
        let built = build(&config.plan(), &TestFilters, &*directory, Some(&share), None);
        let built = built.unwrap_or_else(|problems| panic!("{problems:?}"));
        let built = Arc::new(built);
        let (remote, commands) = remote();
        let sockets = vec![Listening::shared(&config.listener.name, socket)];
        let setup = Setup {
            built: Arc::clone(&built),
            sockets,
            share: share.clone(),
            before_sleep: || (),
            system: System { descriptors: None, memory: Arc::clone(&config.memory) },
            addresses: Arc::new(config.names.clone()),
        };
        let thread = Some(thread::spawn(move || {
            first();
            run(setup, commands)
        }));
        let address = address.unwrap_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)));
        Self { address, config, built, remote, thread, share, directory, lines: Arc::default() }
    }

    /// A worker before one origin.
    pub(crate) fn before(origin: &super::Origin) -> Self {
        Self::start(Config::to(&[origin.address()]))
    }

    /// A fresh client.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// Another plan for the same listener.
    pub(crate) fn apply(&mut self, change: impl FnOnce(Config) -> Config) {
        let address = self.config.listener.address.clone();
        self.config = change(self.config.clone());
        self.config.listener.address = address;
        let built = build(&self.config.plan(), &TestFilters, &*self.directory, Some(&self.share), Some(&self.built))
            .unwrap_or_else(|problems| panic!("{problems:?}"));
        self.built = Arc::new(built);
        self.tell(Command::Apply(Arc::clone(&self.built), Vec::new()));
        // The worker answers commands in order, so the plan serves once this is answered.
        self.flush();
    }

    /// A plan without any listener.
    pub(crate) fn remove_listener(&mut self) {
        self.tell(Command::Apply(Arc::default(), Vec::new()));
    }

    /// Gives the worker a command.
    pub(crate) fn tell(&self, command: Command) {
        assert!(self.remote.send(command), "the worker has ended");
    }

    /// Returns when the worker has counted all that has happened.
    pub(crate) fn flush(&self) {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.tell(Command::Flush(sender));
        receiver.blocking_recv().expect("the worker has ended");
    }

    /// What the table says now of a metric, over all subjects and labels.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        self.flush();
        super::metrics::sum(&self.share.table, &self.directory.places(), name, &[])
    }

    /// The same of those whose key or label is among these.
    pub(crate) fn metric_of(&self, name: &str, of: &[&str]) -> u64 {
        self.flush();
        super::metrics::sum(&self.share.table, &self.directory.places(), name, of)
    }

    /// Requests in flight at all endpoints.
    pub(crate) fn in_flight(&self) -> u64 {
        self.metric("penstock_requests_in_flight")
    }

    /// Access-log lines so far, once there are this many.
    pub(crate) fn log(&self, count: usize) -> Vec<Value> {
        eventually("the log has its lines", || {
            let mut sink = LogSink::file(Lines(Arc::clone(&self.lines)));
            self.built.logs().iter().for_each(|log| drop(log.queue.drain(&mut sink)));
            let lines = self.lines.lock().unwrap();
            let parsed = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            let parsed: Vec<Value> = parsed.map(|line| serde_json::from_slice(line).unwrap()).collect();
            (parsed.len() >= count).then_some(parsed)
        })
    }

    /// Waits for the worker's end.
    pub(crate) fn ended(&mut self) -> Duration {
        let started = Instant::now();
        let thread = self.thread.take().expect("waited for once");
        eventually("the worker ends", || thread.is_finished().then_some(()));
        thread.join().expect("the worker does not panic").expect("the worker ends well");
        started.elapsed()
    }

    /// Asserts that another connection still gets its own answer.
    pub(crate) fn assert_canary(&self) {
        let answer = self.client().get("/canary").answer();
        assert_eq!(answer.status(), 200, "{answer:?}");
        assert!(answer.text().starts_with("GET /canary"), "{answer:?}");
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.remote.send(Command::Stop);
        if let Some(thread) = self.thread.take() {
            let outcome = thread.join();
            assert!(thread::panicking() || outcome.is_ok(), "the worker panicked");
        }
    }
}

struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn listen(address: &str) -> (OwnedFd, Option<SocketAddr>) {
    if let Some(path) = address.strip_prefix("unix:") {
        return (UnixListener::bind(PathBuf::from(path)).unwrap().into(), None);
    }
    let listener = TcpListener::bind(address).unwrap();
    // The usual backlog is too short for thousands of clients at once.
    socket2::SockRef::from(&listener).listen(4096).unwrap();
    let address = listener.local_addr().unwrap();
    (listener.into(), Some(address))
}

/// Asks until there is an answer, or patience ends.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let late = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < late, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
