//! A connection's state: events of QUIC in, requests out; answers in, bytes of streams out.

use std::collections::{HashMap, VecDeque};
use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;
use foldhash::fast::RandomState;
use quinn_proto::{Connection, ConnectionError, Dir, Event, Side, StreamEvent, StreamId};

use super::control::Incoming;
use super::error::{Code, Fault, counted_as};
use super::frame::{GO_AWAY, SETTINGS, write_head, write_number};
use super::stream::Stream;
use crate::http1::HeadLimits;
use crate::http2::{Opened, Patience, Resets, Spares};
use crate::tls::Asked;

/// What a stream of settings and notices begins with (RFC 9114, section 6.2.1).
pub(super) const CONTROL: u64 = 0x0;
/// Largest head that we take (RFC 9114, section 7.2.4.1).
const MAX_FIELD_SECTION_SIZE: u64 = 0x6;
/// That a tunnel may be asked for within a stream (RFC 9220).
const ENABLE_CONNECT_PROTOCOL: u64 = 0x8;
/// A stream that no client has begun: said in a first notice, so that what is on its way is still served.
const LAST_STREAM: u64 = (1 << 62) - 4;

/// Limits that we set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Limits on request heads.
    pub(crate) head: HeadLimits,
    /// Whether requests are served that came before the handshake had ended.
    pub(crate) takes_early: bool,
    /// Streams of requests at once, after the handshake.
    pub(crate) streams: u32,
}

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// In order, or by the peer's or the network's doing.
    Quiet,
    /// For a fault of the peer, in stable words.
    Fault(&'static str),
    /// Its handshake failed, by the number of the alert where there was one.
    Handshake(Option<u8>),
}

/// The state of a connection.
pub(crate) struct Session {
    pub(super) quic: Connection,
    pub(super) limits: Limits,
    pub(super) spares: Spares,
    pub(super) streams: HashMap<u64, Stream, RandomState>,
    /// Streams of the peer on which it tells how the connection is to be used.
    pub(super) incoming: HashMap<u64, Incoming, RandomState>,
    pub(super) kinds: super::control::Kinds,
    pub(super) patience: Patience,
    /// Memory of header blocks: as they are written, and of texts in them as they are read.
    pub(super) scratch: Vec<u8>,
    /// Streams that were reset since that was last asked.
    pub(super) resets: Option<Box<Resets>>,
    /// Bytes that came in streams of requests.
    pub(super) received_bytes: u64,
    /// What the client asked for in its handshake.
    pub(crate) asked: Option<Asked>,
    /// Streams that wait for room in the connection, in the order in which they have it.
    pub(super) waiting: VecDeque<u64>,
    /// Our stream of settings and notices.
    pub(super) control: Option<StreamId>,
    /// The first stream that is not served, once no further ones are.
    first_refused: u64,
    /// The stream behind the newest of the peer.
    next: u64,
    is_connected: bool,
    /// The thread's clock, as of the last event.
    now_ms: u64,
    sender: Option<Waker>,
    end: Option<End>,
}

impl Session {
    /// A fresh connection.
    pub(crate) fn new(quic: Connection, limits: Limits, spares: Spares) -> Self {
        Self {
            quic,
            limits,
            spares,
            streams: HashMap::default(),
            incoming: HashMap::default(),
            kinds: super::control::Kinds::default(),
            patience: Patience::default(),
            scratch: Vec::new(),
            resets: None,
            received_bytes: 0,
            asked: None,
            control: None,
            waiting: VecDeque::new(),
            first_refused: u64::MAX,
            next: 0,
            is_connected: false,
            now_ms: 0,
            sender: None,
            end: None,
        }
    }

    /// The connection below; whoever makes it do something has to wake the task that sends.
    pub(crate) fn quic(&mut self) -> &mut Connection {
        &mut self.quic
    }

    /// Takes what has happened; requests are put behind `opened`.
    pub(crate) fn advance(&mut self, now_ms: u64, opened: &mut Vec<Opened>) {
        self.now_ms = now_ms;
        while let Some(event) = self.quic.poll() {
            let outcome = match event {
                Event::Connected => {
                    self.is_connected = true;
                    self.quic.set_max_concurrent_streams(Dir::Bi, self.limits.streams.into());
                    self.open_control();
                    Ok(())
                }
                Event::ConnectionLost { reason } => {
                    self.lose(&reason);
                    Ok(())
                }
                Event::Stream(event) => self.stream_event(&event, opened),
                Event::HandshakeDataReady | Event::DatagramReceived | Event::DatagramsUnblocked => Ok(()),
            };
            if let Err(Fault::Connection(code, reason)) = outcome {
                self.end(code, reason);
            }
        }
        self.flush_waiting();
    }

    fn stream_event(&mut self, event: &StreamEvent, opened: &mut Vec<Opened>) -> Result<(), Fault> {
        match *event {
            StreamEvent::Opened { dir: Dir::Bi } => self.accept(opened),
            StreamEvent::Opened { dir: Dir::Uni } => {
                while let Some(id) = self.quic.streams().accept(Dir::Uni) {
                    self.incoming.insert(id.into(), Incoming::default());
                    self.read_incoming(id)?;
                }
                Ok(())
            }
            StreamEvent::Readable { id } if id.dir() == Dir::Uni => self.read_incoming(id),
            StreamEvent::Readable { id } => self.readable(id.into(), opened),
            StreamEvent::Stopped { id, .. } if self.control == Some(id) => {
                Err(Fault::Connection(Code::ClosedCriticalStream, "http3_closed_critical_stream"))
            }
            StreamEvent::Stopped { id, error_code } => {
                self.note_peer_reset(id.into(), error_code.into_inner());
                let _ = self.quic.send_stream(id).reset(error_code);
                self.note_reset()
            }
            StreamEvent::Writable { id } => {
                self.flush(id.into());
                if let Some(stream) = self.streams.get_mut(&id.into()) {
                    stream.wake();
                }
                Ok(())
            }
            StreamEvent::Available { .. } => {
                self.open_control();
                Ok(())
            }
            StreamEvent::Finished { .. } => Ok(()),
        }
    }

    fn accept(&mut self, opened: &mut Vec<Opened>) -> Result<(), Fault> {
        while let Some(id) = self.quic.streams().accept(Dir::Bi) {
            self.next = u64::from(id) + 4;
            if u64::from(id) >= self.first_refused {
                self.refuse(id, Code::RequestRejected);
                continue;
            }
            let is_early = self.quic.is_handshaking();
            if is_early && !self.limits.takes_early {
                self.refuse(id, Code::RequestRejected);
                continue;
            }
            self.streams.insert(id.into(), Stream::new(id, self.now_ms, is_early));
            self.readable(id.into(), opened)?;
        }
        Ok(())
    }

    /// Sends settings, on a stream that stays open for as long as the connection.
    fn open_control(&mut self) {
        if self.control.is_some() || !self.is_connected {
            return;
        }
        let Some(id) = self.quic.streams().open(Dir::Uni) else { return };
        self.control = Some(id);
        let (mut settings, mut out) = (Vec::new(), Vec::new());
        write_number(&mut settings, MAX_FIELD_SECTION_SIZE);
        write_number(&mut settings, self.limits.head.bytes as u64);
        write_number(&mut out, CONTROL);
        write_number(&mut settings, ENABLE_CONNECT_PROTOCOL);
        write_number(&mut settings, 1);
        write_head(&mut out, SETTINGS, settings.len());
        out.extend_from_slice(&settings);
        self.tell(&out);
    }

    /// Sends a notice. The few there are fit into what any client grants.
    fn tell(&mut self, frame: &[u8]) {
        if let Some(id) = self.control {
            let _ = self.quic.send_stream(id).write(frame);
            self.wake_sender();
        }
    }

    /// Says that no further stream will be served; with `at_once`, that those on their way are not either.
    pub(crate) fn go_away(&mut self, at_once: bool) {
        let last = if at_once { self.next } else { LAST_STREAM };
        self.first_refused = if at_once { last } else { u64::MAX };
        let (mut number, mut out) = (Vec::new(), Vec::new());
        write_number(&mut number, last);
        write_head(&mut out, GO_AWAY, number.len());
        out.extend_from_slice(&number);
        self.tell(&out);
    }

    /// Ends the connection and every stream of it.
    pub(crate) fn end(&mut self, code: Code, reason: &'static str) {
        if self.end.is_some() {
            return;
        }
        self.end = Some(if code == Code::NoError { End::Quiet } else { End::Fault(reason) });
        self.quic.close(Instant::now(), code.into(), Bytes::from_static(reason.as_bytes()));
        self.reset_all();
    }

    fn lose(&mut self, reason: &ConnectionError) {
        if self.end.is_none() {
            self.end = Some(match reason {
                ConnectionError::TransportError(error) if !self.is_connected => {
                    // An alert of the handshake is sent as such a code (RFC 9001, section 4.8).
                    let alert = u64::from(error.code).checked_sub(0x100).and_then(|alert| u8::try_from(alert).ok());
                    End::Handshake(alert)
                }
                ConnectionError::TransportError(_) => End::Fault("quic_violation"),
                _ => End::Quiet,
            });
        }
        self.reset_all();
    }

    fn reset_all(&mut self) {
        for stream in self.streams.values_mut() {
            stream.is_reset = true;
            stream.wake();
        }
        self.wake_sender();
    }

    /// Gives a stream up that nobody serves.
    pub(super) fn refuse(&mut self, id: StreamId, code: Code) {
        let _ = self.quic.send_stream(id).reset(code.into());
        let _ = self.quic.recv_stream(id).stop(code.into());
        Resets::count(&mut self.resets.get_or_insert_default().by_gateway, counted_as(u64::from(code as u32)) as u32);
        self.wake_sender();
    }

    /// Resets a stream that is served, or read, unless it was.
    pub(super) fn reset(&mut self, id: u64, code: Code) {
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| !stream.is_reset) else { return };
        stream.is_reset = true;
        stream.wake();
        let id = stream.id;
        self.refuse(id, code);
    }

    /// Notes that the peer has given a stream up.
    pub(super) fn note_peer_reset(&mut self, id: u64, code: u64) {
        Resets::count(&mut self.resets.get_or_insert_default().by_peer, counted_as(code) as u32);
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.is_reset = true;
            stream.wake();
        }
    }

    /// Counts a stream that did not reach its end.
    pub(super) fn note_reset(&mut self) -> Result<(), Fault> {
        if self.patience.reset(self.now_ms) {
            Ok(())
        } else {
            Err(Fault::Connection(Code::ExcessiveLoad, "http3_too_many_resets"))
        }
    }

    /// Counts a frame, or a stream, that served nobody.
    pub(super) fn note_idle_frame(&mut self) -> Result<(), Fault> {
        if self.patience.idle_frame() {
            Ok(())
        } else {
            Err(Fault::Connection(Code::ExcessiveLoad, "http3_too_many_frames"))
        }
    }

    /// Why the connection ended, once it has.
    pub(crate) fn ended(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Whether the handshake has ended well.
    pub(crate) fn is_connected(&self) -> bool {
        self.is_connected
    }

    /// Streams that are read or served.
    pub(crate) fn open_streams(&self) -> usize {
        self.streams.len()
    }

    /// Gives up streams whose heads have not come within a time, however slowly they go on coming.
    pub(crate) fn give_up_late_heads(&mut self, now_ms: u64, most_ms: u64) {
        let is_late = |stream: &Stream| !stream.is_opened && now_ms.saturating_sub(stream.began_ms) >= most_ms;
        let late: Vec<u64> = self.streams.iter().filter(|(_, stream)| is_late(stream)).map(|(id, _)| *id).collect();
        for id in late {
            self.reset(id, Code::RequestIncomplete);
            self.streams.remove(&id);
        }
    }

    /// Whether the peer has all that was sent to it.
    pub(crate) fn is_delivered(&mut self) -> bool {
        self.quic.streams().send_streams() <= usize::from(self.control.is_some())
    }

    /// Bytes that came in streams of requests.
    pub(crate) fn received_bytes(&self) -> u64 {
        self.received_bytes
    }

    /// Streams that were reset since the last call.
    pub(crate) fn take_resets(&mut self) -> Option<Box<Resets>> {
        self.resets.take()
    }

    /// Makes the task the one that is woken when there is something to send.
    pub(crate) fn set_sender(&mut self, waker: &Waker) {
        match &mut self.sender {
            Some(known) => known.clone_from(waker),
            None => self.sender = Some(waker.clone()),
        }
    }

    /// Wakes the task that sends.
    pub(crate) fn wake_sender(&self) {
        if let Some(waker) = &self.sender {
            waker.wake_by_ref();
        }
    }

    /// The stream of a number.
    pub(super) fn stream_id(id: u64) -> StreamId {
        StreamId::new(Side::Client, Dir::Bi, id >> 2)
    }
}
