//! Datagrams: those of one client go to one endpoint, and its answers back, for as long as some come.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdUdpSocket};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use foldhash::fast::RandomState;
use socket2::SockRef;
use tokio::net::UdpSocket;

use super::session::{Session, log};
use crate::connection::choose;
use crate::failure::Failure;
use crate::listener::{BuiltStreamRoute, ListenSocket, ListenerState, OpenConnection};
use crate::telemetry::Forwarded;
use crate::upstream::{InFlight, Upstream};
use crate::wire::{Address, Deadline};
use crate::worker::{TICK_MS, Worker};

/// Pause after a listening socket has failed.
const PAUSE: Duration = Duration::from_millis(50);

/// The sessions of one listening socket.
struct Sessions {
    worker: Rc<Worker>,
    listener: Rc<ListenerState>,
    socket: Rc<ListenSocket>,
    by_client: RefCell<HashMap<SocketAddr, Rc<Session>, RandomState>>,
}

/// Takes datagrams until the task is ended; sessions that are open then still hear what endpoints answer.
pub(crate) async fn carry_datagrams(worker: Rc<Worker>, listener: Rc<ListenerState>, socket: Rc<ListenSocket>) {
    let mut buffer = worker.buffers.lend_read();
    let sessions = Rc::new(Sessions { worker, listener, socket, by_client: RefCell::default() });
    loop {
        let failed = poll_fn(|context| sessions.poll_receive(context, &mut buffer)).await;
        if failed.is_err() {
            sessions.worker.recorder.count(sessions.listener.meter.get().accept_failures, 1);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

impl Sessions {
    /// Ready only when the socket fails.
    fn poll_receive(self: &Rc<Self>, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<()>> {
        let ListenSocket::Udp(socket) = &*self.socket else { return Poll::Ready(Ok(())) };
        loop {
            ready!(socket.poll_recv_ready(context))?;
            match socket.try_recv_from(buffer) {
                Ok((count, client)) => self.hand_on(client, buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn hand_on(self: &Rc<Self>, client: SocketAddr, datagram: &[u8]) {
        let now_ms = self.worker.clock.coarse_ms();
        let known = self.by_client.borrow().get(&client).map(Rc::clone);
        let is_new = known.is_none();
        let Some(session) = known.or_else(|| self.open(client)) else { return };
        if session.send(datagram, now_ms) || is_new {
            return;
        }
        // The endpoint of earlier datagrams is not there; this one has not left.
        session.give_up();
        self.forget(&session);
        if let Some(session) = self.open(client) {
            session.send(datagram, now_ms);
        }
    }

    /// Lets the next datagram of a client open another session.
    fn forget(&self, session: &Rc<Session>) {
        let mut by_client = self.by_client.borrow_mut();
        if by_client.get(&session.client).is_some_and(|known| Rc::ptr_eq(known, session)) {
            by_client.remove(&session.client);
        }
    }

    /// A session for a client that has none; none where there is no room or no endpoint.
    fn open(self: &Rc<Self>, client: SocketAddr) -> Option<Rc<Session>> {
        let routes = self.listener.routes();
        let (route, meter) = routes.streams.of_all()?;
        let open = OpenConnection::enter(&self.worker, &self.listener)?;
        let upstream = choose(&self.worker, &route.to)?;
        let made = connect(&self.worker, &upstream);
        let now_us = self.worker.clock.now_us();
        let outcome = if made.is_some() { Forwarded::Answered(0) } else { Forwarded::Failed };
        self.worker.recorder.forwarded(&upstream.meter.get(), 1, outcome);
        let (socket, in_flight) = made?;
        self.worker.recorder.answered(&in_flight.endpoint().meter(), super::session::CARRIED, 0);
        let began = (now_us, self.worker.clock.coarse_ms());
        let session = Session::new(client, socket, (upstream, in_flight), (*meter, routes.plan_number), began);
        session.active.set(Some(self.worker.recorder.entered(meter.active)));
        let session = Rc::new(session);
        self.by_client.borrow_mut().insert(client, Rc::clone(&session));
        tokio::task::spawn_local(Rc::clone(self).serve(Rc::clone(&session), Arc::clone(route), open));
        Some(session)
    }

    /// Hands answers back until the session has been quiet for long enough.
    async fn serve(self: Rc<Self>, session: Rc<Session>, route: Arc<BuiltStreamRoute>, open: OpenConnection) {
        let deadline = self.worker.deadlines.register();
        let end = poll_fn(|context| {
            deadline.watch(context);
            self.poll_session(context, &session, &deadline, route.idle_ms)
        })
        .await;
        self.forget(&session);
        log(&self.worker, &self.listener, &session, &route, end);
        drop(open);
    }

    fn poll_session(
        &self,
        context: &mut Context<'_>,
        session: &Session,
        deadline: &Deadline,
        idle_ms: u64,
    ) -> Poll<Option<Failure>> {
        if session.is_given_up(context) || self.poll_answers(context, session).is_ready() {
            return Poll::Ready(Some(Failure::ConnectFailed));
        }
        let late_at_ms = session.moved_ms.get().saturating_add(idle_ms + TICK_MS).min(self.worker.idle_until_ms());
        if self.worker.clock.coarse_ms() >= late_at_ms {
            return Poll::Ready(None);
        }
        deadline.arm(late_at_ms);
        // A drain that begins wakes the task; only then is this asked again.
        Poll::Pending
    }

    fn poll_answers(&self, context: &mut Context<'_>, session: &Session) -> Poll<io::Result<()>> {
        let ListenSocket::Udp(socket) = &*self.socket else { return Poll::Ready(Ok(())) };
        loop {
            ready!(session.socket.poll_recv_ready(context))?;
            // Held only while there is something to put in: there may be very many sessions.
            let mut buffer = self.worker.buffers.lend_read();
            let outcome = match session.socket.try_recv(&mut buffer) {
                Ok(count) => {
                    // What finds no room is lost, as anywhere on the way.
                    let datagram = buffer.get(..count).unwrap_or_default();
                    let sent = SockRef::from(socket).send_to(datagram, &session.client.into());
                    session.note_sent(sent.unwrap_or(0), self.worker.clock.coarse_ms());
                    Ok(())
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
                Err(error) => Err(error),
            };
            self.worker.buffers.return_read(buffer);
            outcome?;
        }
    }
}

/// A socket that hears nobody but an endpoint.
fn connect(worker: &Rc<Worker>, upstream: &Rc<Upstream>) -> Option<(UdpSocket, InFlight)> {
    let endpoint = upstream.endpoints.get(upstream.pick(0, worker.random())?)?;
    let address = endpoint.addresses().into_iter().find_map(|address| match address {
        Address::Ip(address) => Some(address),
        Address::Unix(_) => None,
    })?;
    let any: SocketAddr =
        if address.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() };
    let socket = StdUdpSocket::bind(any).ok()?;
    worker.descriptors.admit_connecting(&socket).ok()?;
    socket.connect(address).ok()?;
    socket.set_nonblocking(true).ok()?;
    Some((UdpSocket::from_std(socket).ok()?, endpoint.enter()))
}
