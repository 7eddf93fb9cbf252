//! Origins inside the test: each connection runs a script on a thread of its own.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::{Kind, Message, PATIENCE, Parsed, parse, text};

type Script = dyn Fn(&mut Caller) + Send + Sync;

/// A server that does as its script says with every connection.
pub(crate) struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    captures: Mutex<Vec<Vec<u8>>>,
    open: AtomicUsize,
    is_stopped: AtomicBool,
}

impl Origin {
    /// Runs a script for every connection; the connection is closed when it ends.
    pub(crate) fn running(script: impl Fn(&mut Caller) + Send + Sync + 'static) -> Self {
        Self::listening("127.0.0.1:0", script)
    }

    /// The same at a given address.
    pub(crate) fn listening(address: &str, script: impl Fn(&mut Caller) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let (shared, script): (Arc<Shared>, Arc<Script>) = (Arc::default(), Arc::new(script));
        let origin = Self { address, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.is_stopped.load(Ordering::SeqCst) {
                    break;
                }
                let (shared, script) = (Arc::clone(&shared), Arc::clone(&script));
                thread::spawn(move || serve(stream, &shared, &*script));
            }
        });
        origin
    }

    /// Answers every request with 200 and `METHOD target body` as the body.
    pub(crate) fn echoing() -> Self {
        Self::running(|caller| {
            while let Some(request) = caller.request() {
                let mut body = request.start.rsplit_once(' ').map_or_else(String::new, |(line, _)| line.to_owned());
                body.push(' ');
                body.push_str(&request.text());
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                let is_head = request.start.starts_with("HEAD ");
                caller.send(if is_head { head } else { head + &body });
            }
        })
    }

    /// Answers the head of every request with the same bytes and keeps the connection.
    pub(crate) fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::running(move |caller| {
            while caller.request().is_some() {
                caller.send(&bytes);
            }
        })
    }

    /// Answers one request with these bytes and closes.
    pub(crate) fn answering_once(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::running(move |caller| {
            if caller.request().is_some() {
                caller.send(&bytes);
            }
        })
    }

    /// An address that nobody listens at.
    pub(crate) fn nowhere() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What each connection received, in the order they were accepted.
    pub(crate) fn captures(&self) -> Vec<Vec<u8>> {
        self.shared.captures.lock().unwrap().clone()
    }

    /// Everything received, over all connections.
    pub(crate) fn captured(&self) -> Vec<u8> {
        self.captures().concat()
    }

    /// Connections that are open now.
    pub(crate) fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: TcpStream, shared: &Arc<Shared>, script: &Script) {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    let index = {
        let mut captures = shared.captures.lock().unwrap();
        captures.push(Vec::new());
        captures.len() - 1
    };
    shared.open.fetch_add(1, Ordering::SeqCst);
    let mut caller = Caller { stream, unread: Vec::new(), index, shared: Arc::clone(shared) };
    script(&mut caller);
    drop(caller);
    shared.open.fetch_sub(1, Ordering::SeqCst);
}

/// One connection of the gateway to an origin.
pub(crate) struct Caller {
    stream: TcpStream,
    unread: Vec<u8>,
    /// Its number among the origin's connections, from 0.
    pub(crate) index: usize,
    shared: Arc<Shared>,
}

impl Caller {
    /// The next request, whole and read strictly; `None` where the gateway closed.
    pub(crate) fn request(&mut self) -> Option<Message> {
        loop {
            match parse(&self.unread, Kind::Request) {
                Ok(Parsed::Whole(message, used)) => {
                    self.unread.drain(..used);
                    return Some(message);
                }
                Ok(Parsed::Part) => {}
                Err(problem) => panic!("the gateway sent {problem} in {}", text(&self.unread)),
            }
            if self.read() == 0 {
                return None;
            }
        }
    }

    /// Reads up to and with a text; false where the gateway closed before.
    pub(crate) fn read_until(&mut self, end: &str) -> bool {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|window| window == end.as_bytes()) {
                self.unread.drain(..at + end.len());
                return true;
            }
            if self.read() == 0 {
                return false;
            }
        }
    }

    /// Reads once and says how many bytes came; 0 where the gateway closed, reset or waits too long.
    pub(crate) fn read(&mut self) -> usize {
        let mut buffer = vec![0; 64 << 10];
        let count = self.stream.read(&mut buffer).unwrap_or(0);
        self.unread.extend_from_slice(&buffer[..count]);
        if let Some(capture) = self.shared.captures.lock().unwrap().get_mut(self.index) {
            capture.extend_from_slice(&buffer[..count]);
        }
        count
    }

    /// Sends bytes; a gateway that has closed is no failure of the origin.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Sends what goes without waiting and says how much that was.
    pub(crate) fn send_some(&mut self, bytes: &[u8]) -> usize {
        self.stream.set_nonblocking(true).unwrap();
        let count = self.stream.write(bytes).unwrap_or(0);
        self.stream.set_nonblocking(false).unwrap();
        count
    }

    /// Whether the gateway has closed or reset the connection.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.stream.set_nonblocking(true).unwrap();
        let peeked = self.stream.peek(&mut [0]);
        self.stream.set_nonblocking(false).unwrap();
        !matches!(peeked, Ok(1..)) && !matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// Waits.
    pub(crate) fn pause(&mut self, milliseconds: u64) -> &mut Self {
        thread::sleep(Duration::from_millis(milliseconds));
        self
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&mut self) -> &mut Self {
        let _ = self.stream.shutdown(Shutdown::Write);
        self
    }

    /// Makes the end of the script a reset.
    pub(crate) fn reset(&mut self) {
        socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
}
