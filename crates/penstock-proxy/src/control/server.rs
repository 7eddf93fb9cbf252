//! The worker's end: prepares plans on a helper thread, commits them, holds the sockets.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use penstock_plan::{Body, Listener, Plan, Protocol};
use penstock_shared::descriptors::MOST_DESCRIPTORS;
use tokio::sync::oneshot;

use super::frame;
use super::message::{PROTOCOL, Refusal, Reply, Request, SocketName};
use super::{retire, tapping};
use crate::pipeline::ForeignFilters;
use crate::telemetry::{Places, kinds};
use crate::worker::{Built, Command, Listening, Remote, Share, build};

/// Pause after a connection could not be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// Who a worker is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The supervisor's boot that started it.
    pub boot: String,
    /// Version and hash of the program.
    pub build: String,
    /// Its share of the table.
    pub share: Share,
}

/// What the world outside the core does for a worker.
pub trait Host: Send + Sync {
    /// Builds Python filters.
    fn foreign(&self) -> &dyn ForeignFilters;
    /// A plan is about to serve: opens what it names outside, such as the access log.
    fn committed(&self, built: &Built);
    /// Opens the files of access logs again, wherever their paths lead now.
    fn reopen_logs(&self);
}

/// Serves supervisors for the life of the process; each connection has a thread of its own.
///
/// # Errors
/// The thread that drops what is retired cannot be started.
pub fn serve(listener: &UnixListener, identity: &Identity, remote: &Remote, host: &Arc<dyn Host>) -> io::Result<()> {
    let (state, retired) = (Arc::new(Mutex::new(State::default())), retire::start()?);
    loop {
        let Ok((mut stream, _)) = listener.accept() else {
            // Without descriptors or memory: a worker that nobody could command again would be worse than a late one.
            thread::sleep(PAUSE);
            continue;
        };
        let worker = Control {
            state: Arc::clone(&state),
            identity: identity.clone(),
            remote: remote.clone(),
            host: Arc::clone(host),
            retired: retired.clone(),
        };
        // Without a thread for it the connection is closed, and whoever made it tries again.
        let _ = thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || while worker.exchange(&mut stream).unwrap_or(false) {});
    }
}

#[derive(Default)]
struct State {
    running: Option<Prepared>,
    prepared: Option<Prepared>,
    sockets: Vec<(SocketName, Arc<OwnedFd>)>,
}

#[derive(Clone)]
pub(super) struct Prepared {
    revision: u64,
    plan: Arc<Plan>,
    pub(super) built: Arc<Built>,
}

struct Control {
    state: Arc<Mutex<State>>,
    identity: Identity,
    remote: Remote,
    host: Arc<dyn Host>,
    retired: Sender<Prepared>,
}

impl Control {
    /// Answers one message; false where the connection is over.
    fn exchange(&self, stream: &mut UnixStream) -> io::Result<bool> {
        let Some((body, received)) = frame::read(stream)? else { return Ok(false) };
        match frame::parse(&body) {
            Err(message) => frame::write(stream, &Reply::Problem { message }, &[])?,
            Ok(Request::GiveSockets { start }) => self.give_sockets(stream, start)?,
            Ok(Request::GiveTable {}) => self.give_table(stream)?,
            Ok(Request::Tap { interest }) => return tapping::tell(stream, interest, &self.remote).map(|()| false),
            Ok(request) => {
                let reply = self.answer(request, received).unwrap_or_else(|message| Reply::Problem { message });
                frame::write(stream, &reply, &[])?;
            }
        }
        Ok(true)
    }

    fn answer(&self, request: Request, received: Vec<OwnedFd>) -> Result<Reply, String> {
        match request {
            Request::Hello { .. } => Ok(self.hello()),
            Request::Prepare { revision, base, put, drop, secrets, places } => {
                let running = self.state().running.clone();
                let Some((mut plan, mut known)) = base_plan(running.as_ref(), base) else {
                    return Ok(Reply::NeedAll {});
                };
                plan.parts.extend(put);
                plan.secrets = Some(secrets);
                known.extend(places);
                for key in drop {
                    plan.parts.remove(key.as_str());
                }
                Ok(self.prepare(revision, plan, &known, running.as_ref()))
            }
            Request::Listen { sockets } if sockets.len() == received.len() => {
                let mut state = self.state();
                state.sockets.extend(sockets.into_iter().zip(received.into_iter().map(Arc::new)));
                Ok(Reply::Ok {})
            }
            Request::Listen { .. } => Err("as many descriptors as sockets are needed".to_owned()),
            Request::Commit { revision } => self.commit(revision),
            Request::GiveSockets { .. } | Request::GiveTable {} | Request::Tap { .. } => {
                Err("answered otherwise".to_owned())
            }
            Request::Drain { grace_ms } => Ok(self.tell(Command::Drain(Duration::from_millis(grace_ms)))),
            Request::Retire { grace_ms } => Ok(self.tell(Command::Retire(Duration::from_millis(grace_ms)))),
            Request::Stop {} => Ok(self.tell(Command::Stop)),
            Request::Status {} => self.status(),
            Request::ReopenLogs {} => {
                self.host.reopen_logs();
                Ok(Reply::Ok {})
            }
        }
    }

    fn hello(&self) -> Reply {
        let Identity { boot, build, share } = self.identity.clone();
        let revision = self.state().running.as_ref().map(|running| running.revision);
        Reply::Hello { protocol: PROTOCOL, build, boot, revision, pid: std::process::id(), index: share.index }
    }

    /// Builds off the IO thread; requests are served by the old plan meanwhile.
    fn prepare(&self, revision: u64, plan: Plan, places: &Places, running: Option<&Prepared>) -> Reply {
        let previous = running.map(|running| &*running.built);
        match build(&plan, self.host.foreign(), places, Some(&self.identity.share), previous) {
            Ok(built) => {
                self.state().prepared = Some(Prepared { revision, plan: Arc::new(plan), built: Arc::new(built) });
                Reply::Ready { revision }
            }
            Err(problems) => {
                let refusal =
                    |problem: crate::worker::BuildProblem| Refusal { part: problem.part, message: problem.message };
                Reply::Refused { problems: problems.into_iter().map(refusal).collect() }
            }
        }
    }

    fn commit(&self, revision: u64) -> Result<Reply, String> {
        let mut state = self.state();
        let prepared = state.prepared.take().filter(|prepared| prepared.revision == revision);
        let prepared = prepared.ok_or_else(|| format!("revision {revision} has not been prepared"))?;
        let fresh = Self::fresh_sockets(&mut state, &prepared.plan);
        self.host.committed(&prepared.built);
        self.tell(Command::Apply(Arc::clone(&prepared.built), fresh));
        if let Some(replaced) = state.running.replace(prepared) {
            let _ = self.retired.send(replaced);
        }
        Ok(Reply::Committed { revision })
    }

    /// Sockets of listeners that the running plan lacks, to be accepted from; those that the
    /// new plan lacks are let go.
    fn fresh_sockets(state: &mut State, plan: &Plan) -> Vec<Listening> {
        let has = |plan: &Plan, name: &SocketName| {
            matches!(plan.parts.get(format!("listener/{}", name.listener).as_str()).map(|part| &part.body),
                Some(Body::Listener(listener)) if is_of(listener, name))
        };
        state.sockets.retain(|(name, _)| has(plan, name));
        let running = state.running.as_ref();
        let mut fresh = Vec::new();
        for (name, socket) in &state.sockets {
            if !name.is_spare && !running.is_some_and(|running| has(&running.plan, name)) {
                let (listener, socket) = (name.listener.clone(), Arc::clone(socket));
                fresh.push(Listening { listener, socket, owner: name.worker, index: name.index });
            }
        }
        fresh
    }

    /// Gives as many sockets as one message of the kernel takes; whoever asks asks again for the rest.
    fn give_sockets(&self, stream: &mut UnixStream, start: usize) -> io::Result<()> {
        let state = self.state();
        let given = || state.sockets.iter().skip(start).take(MOST_DESCRIPTORS);
        let sockets = given().map(|(name, _)| name.clone()).collect();
        let descriptors: Vec<_> = given().map(|(_, socket)| socket.as_fd()).collect();
        frame::write(stream, &Reply::Sockets { sockets, total: state.sockets.len() }, &descriptors)
    }

    fn give_table(&self, stream: &mut UnixStream) -> io::Result<()> {
        let places = self.state().running.as_ref().map(|running| (*running.built.places).clone()).unwrap_or_default();
        let table = &self.identity.share.table;
        frame::write(stream, &Reply::Table { boot_id: table.boot_id(), kinds: kinds(), places }, &[table.descriptor()])
    }

    /// Answers when the IO thread has: a worker whose loop stands still is silent.
    fn status(&self) -> Result<Reply, String> {
        let (sender, receiver) = oneshot::channel();
        if !self.remote.send(Command::Flush(sender)) {
            return Err("the worker is ending".to_owned());
        }
        receiver.blocking_recv().map_err(|_| "the worker is ending".to_owned())?;
        let revision = self.state().running.as_ref().map(|running| running.revision);
        Ok(Reply::Status { revision, pid: std::process::id() })
    }

    fn tell(&self, command: Command) -> Reply {
        self.remote.send(command);
        Reply::Ok {}
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a socket is one of a listener's.
fn is_of(listener: &Listener, socket: &SocketName) -> bool {
    match socket.address.strip_prefix("quic:") {
        Some(address) => address == listener.address && listener.protocols.contains(&Protocol::H3),
        None => socket.address == listener.address,
    }
}

/// The plan that a change starts from, and its places: none, or those that run.
fn base_plan(running: Option<&Prepared>, base: Option<u64>) -> Option<(Plan, Places)> {
    match (base, running) {
        (None, _) => Some((Plan::default(), Places::new())),
        (Some(base), Some(running)) if running.revision == base => {
            Some(((*running.plan).clone(), (*running.built.places).clone()))
        }
        _ => None,
    }
}
