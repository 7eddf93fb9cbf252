//! The IO thread: accepts, ticks, and takes commands until it has drained.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use penstock_plan::Protocol;
use tokio::runtime::LocalOptions;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};

use super::build::Built;
use super::context::Worker;
use super::held::Held;
use super::memory::MemoryReading;
use super::share::Share;
use super::vital;
use crate::listener::ListenerState;
use crate::resolver::FindAddresses;
use crate::telemetry::Tap;
use crate::wire::{Address, begin_turn};

/// Time between two sweeps of the deadlines.
pub const TICK_MS: u64 = 100;
/// Time between two looks whether a worker that drains is done.
const DRAIN_LOOK: Duration = Duration::from_millis(10);
/// Time before the end at which a worker that others follow says good-bye in tunnels where that can be said.
const FAREWELL: Duration = Duration::from_secs(5);

/// Time that a worker which ends gives collectors to take what is left.
const LAST_DELIVERY: Duration = Duration::from_secs(2);

/// What a worker starts with.
pub struct Setup {
    /// The first plan.
    pub built: Arc<Built>,
    /// Its listeners' sockets.
    pub sockets: Vec<Listening>,
    /// Its share of the table.
    pub share: Share,
    /// Called before the thread sleeps until something happens: gives back what it keeps for a turn of its loop.
    pub before_sleep: fn(),
    /// What the process may take of the system.
    pub system: System,
    /// Who knows the addresses of names that requests bring along.
    pub addresses: Arc<dyn FindAddresses>,
}

/// What a worker's process may take of the system.
#[derive(Default)]
pub struct System {
    /// Most descriptors that it may have; none: not known, or not the worker's alone.
    pub descriptors: Option<u64>,
    /// How short memory is, where somebody reads that.
    pub memory: Arc<MemoryReading>,
}

/// A listening socket of a listener.
pub struct Listening {
    /// The listener's name.
    pub listener: String,
    /// The socket.
    pub socket: Arc<OwnedFd>,
    /// Index of the worker that accepts from it, and for which others do while it does not; none: every worker does.
    pub owner: Option<u32>,
    /// Position among the sockets of its address, which connections of QUIC name.
    pub index: u8,
}

impl Listening {
    /// A socket that whoever holds it accepts from.
    pub fn shared(listener: &str, socket: OwnedFd) -> Self {
        Self { listener: listener.to_owned(), socket: Arc::new(socket), owner: None, index: 0 }
    }
}

/// What a worker can be told.
pub enum Command {
    /// Serve by this plan from the next request on; sockets are those of fresh listeners.
    Apply(Arc<Built>, Vec<Listening>),
    /// Accept no more, finish what runs, end after this time at the latest; said again, it can only hasten.
    Drain(Duration),
    /// The same for the sake of workers that follow: good-byes are said when the time is nearly over.
    Retire(Duration),
    /// Show requests to somebody as they come.
    Tap(Box<Tap>),
    /// End now.
    Stop,
    /// Hand over what was logged, count what waits, and answer: what was commanded before is then done.
    Flush(oneshot::Sender<()>),
}

/// The end by which other threads command a worker.
#[derive(Clone)]
pub struct Remote {
    sender: mpsc::UnboundedSender<Command>,
}

impl Remote {
    /// Sends a command; false where the worker has ended.
    pub fn send(&self, command: Command) -> bool {
        self.sender.send(command).is_ok()
    }
}

/// Both ends of a worker's commands.
pub fn remote() -> (Remote, mpsc::UnboundedReceiver<Command>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Remote { sender }, receiver)
}

/// Runs a worker on this thread until it is told to end.
///
/// # Errors
/// The runtime or a listening socket could not be set up, or the thread's ticker has panicked.
pub fn run(setup: Setup, mut commands: mpsc::UnboundedReceiver<Command>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .on_thread_park(setup.before_sleep)
        .on_thread_unpark(begin_turn)
        .build_local(LocalOptions::default())?;
    runtime.block_on(async move {
        let worker = Rc::new(Worker::new(setup.share, setup.system, setup.addresses));
        let listeners = Rc::new(Listeners { worker: Rc::clone(&worker), by_name: RefCell::default() });
        listeners.apply(&setup.built, setup.sockets)?;
        let broken = Rc::default();
        let ticker = vital::spawn(&broken, tick(Rc::clone(&worker), Rc::clone(&listeners)));
        let attended = Rc::clone(&worker);
        let attendant = vital::spawn(&broken, async move { attended.handshakes.attend().await });
        vital::unless_broken(&broken, obey(&worker, &listeners, &mut commands)).await?;
        ticker.abort();
        attendant.abort();
        worker.tick(0);
        worker.finish(LAST_DELIVERY);
        Ok(())
    })
}

async fn tick(worker: Rc<Worker>, listeners: Rc<Listeners>) {
    let mut interval = tokio::time::interval(Duration::from_millis(TICK_MS));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count = 0;
    loop {
        interval.tick().await;
        count += 1;
        worker.tick(count);
        listeners.attend();
    }
}

/// Takes commands until the worker is told to end, or has drained.
async fn obey(worker: &Rc<Worker>, listeners: &Listeners, commands: &mut mpsc::UnboundedReceiver<Command>) {
    let mut drain_until = None;
    loop {
        let command = match drain_until {
            None => commands.recv().await,
            Some(deadline) => match command_while_draining(listeners, commands, deadline).await {
                Some(command) => Some(command),
                None => return,
            },
        };
        match command {
            // Who drains serves no plan but those its connections began with, and no new listener.
            Some(Command::Apply(..)) if drain_until.is_some() => {}
            Some(Command::Apply(built, sockets)) => {
                // A socket that cannot be adopted leaves its listener silent; the others serve.
                let began = Instant::now();
                let _ = listeners.apply(&built, sockets);
                worker.share.stood_still(began.elapsed());
            }
            Some(Command::Drain(grace)) => {
                worker.drain(grace, Duration::ZERO);
                drain_until = Some(end(listeners, drain_until, grace));
            }
            Some(Command::Retire(grace)) => {
                worker.drain(grace, grace.saturating_sub((grace / 2).min(FAREWELL)));
                drain_until = Some(end(listeners, drain_until, grace));
            }
            Some(Command::Flush(reply)) => {
                worker.flush();
                let _ = reply.send(());
            }
            Some(Command::Tap(tap)) => worker.access_logs.tap(*tap),
            Some(Command::Stop) | None => return,
        }
    }
}

/// Accepts no more, and says until when what runs has time: a second command to end can only hasten the first.
fn end(listeners: &Listeners, earlier: Option<Instant>, grace: Duration) -> Instant {
    listeners.stop_accepting();
    let deadline = Instant::now() + grace;
    earlier.map_or(deadline, |earlier| earlier.min(deadline))
}

/// The next command of a worker that drains; none once its connections have ended or its time is over.
async fn command_while_draining(
    listeners: &Listeners,
    commands: &mut mpsc::UnboundedReceiver<Command>,
    deadline: Instant,
) -> Option<Command> {
    while listeners.open() > 0 && Instant::now() < deadline {
        if commands.is_closed() && commands.is_empty() {
            tokio::time::sleep(DRAIN_LOOK).await;
        } else if let Ok(command) = tokio::time::timeout(DRAIN_LOOK, commands.recv()).await {
            return command;
        }
    }
    None
}

struct Listeners {
    worker: Rc<Worker>,
    by_name: RefCell<HashMap<String, ActiveListener>>,
}

struct ActiveListener {
    state: Rc<ListenerState>,
    /// Its sockets, and those of neighbours; none once this worker drains.
    sockets: RefCell<Vec<Held>>,
}

impl Listeners {
    /// Swaps the plan: known listeners take over what is new, fresh ones accept, others stop.
    fn apply(&self, built: &Built, sockets: Vec<Listening>) -> io::Result<()> {
        self.worker.recorder.turn_to(built.number, &built.places);
        self.worker.upstreams.replace(built.upstreams(), &|name| addresses(name, &built.names));
        self.worker.access_logs.turn_to(&built.logs, &built.shown);
        self.worker.tracer.turn_to(built.tracing.as_ref(), &self.worker.exports);
        self.worker.exports.turn_to(&built.exports);
        *self.worker.consumers.borrow_mut() = Arc::clone(&built.consumers);
        let mut by_name = self.by_name.borrow_mut();
        by_name.retain(|name, active| {
            let address = &active.state.current().plan.address;
            let stays = built.listeners.get(name).is_some_and(|listener| listener.built.plan.address == *address);
            if !stays {
                active.stop(&self.worker);
                active.state.meter.set(self.worker.recorder.other_listeners());
            }
            stays
        });
        for (name, listener) in &built.listeners {
            let (built, routes) = (Arc::clone(&listener.built), Arc::clone(&listener.routes));
            if let Some(active) = by_name.get(name) {
                active.state.replace(built, routes);
                active.stop_quic(&self.worker);
            } else {
                let state = Rc::new(ListenerState::new(port(&built.plan.address), built, routes));
                by_name.insert(name.clone(), ActiveListener::new(state));
            }
        }
        drop(by_name);
        let outcome = sockets.into_iter().try_for_each(|listening| self.listen(listening));
        self.worker.share.set_accepting(!built.listeners.is_empty());
        outcome
    }

    fn listen(&self, listening: Listening) -> io::Result<()> {
        let by_name = self.by_name.borrow();
        let Some(active) = by_name.get(&listening.listener) else { return Ok(()) };
        let held = Held::new(listening);
        let is_ours = held.owner.is_none_or(|owner| owner == self.worker.share.index);
        let outcome = held.attend(is_ours, &self.worker, &active.state);
        active.sockets.borrow_mut().push(held);
        outcome
    }

    /// Accepts for neighbours that do not or have too many connections, and leaves own sockets to who does that here.
    fn attend(&self) {
        let Some(turn) = self.worker.share.take_turn(self.open()) else { return };
        for active in self.by_name.borrow().values() {
            let are_datagrams = active.state.speaks(Protocol::Udp);
            for held in active.sockets.borrow().iter() {
                let owner = held.owner;
                let is_needed =
                    if are_datagrams || held.is_datagrams { turn.takes_datagrams(owner) } else { turn.accepts(owner) };
                if held.attend(is_needed, &self.worker, &active.state).is_err() {
                    self.worker.recorder.count(active.state.meter.get().accept_failures, 1);
                }
            }
        }
    }

    fn stop_accepting(&self) {
        self.worker.share.set_accepting(false);
        self.by_name.borrow().values().for_each(|active| active.stop(&self.worker));
    }

    fn open(&self) -> u64 {
        self.by_name.borrow().values().map(|active| active.state.open.get()).sum()
    }
}

impl ActiveListener {
    fn new(state: Rc<ListenerState>) -> Self {
        Self { state, sockets: RefCell::default() }
    }

    /// Takes no more connections of QUIC where the newest plan has none.
    fn stop_quic(&self, worker: &Rc<Worker>) {
        if !self.state.speaks(Protocol::H3) && !self.state.speaks(Protocol::Udp) {
            let mut sockets = self.sockets.borrow_mut();
            sockets.extract_if(.., |held| held.is_datagrams).for_each(|held| held.stop(worker, &self.state));
        }
    }

    /// Accepts no more than what waits already.
    fn stop(&self, worker: &Rc<Worker>) {
        self.sockets.borrow_mut().drain(..).for_each(|held| held.stop(worker, &self.state));
    }
}

fn port(address: &str) -> u16 {
    address.rsplit(':').next().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Where an endpoint is, by the plan's names.
fn addresses(endpoint: &str, names: &HashMap<String, Vec<IpAddr>>) -> Vec<Address> {
    if let Some(path) = endpoint.strip_prefix("unix:") {
        return vec![Address::Unix(PathBuf::from(path))];
    }
    if let Ok(address) = endpoint.parse::<SocketAddr>() {
        return vec![Address::Ip(address)];
    }
    let Some((name, port)) = endpoint.rsplit_once(':') else { return Vec::new() };
    let Ok(port) = port.parse::<u16>() else { return Vec::new() };
    let known = names.get(name).into_iter().flatten();
    known.map(|ip| Address::Ip(SocketAddr::new(*ip, port))).collect()
}
