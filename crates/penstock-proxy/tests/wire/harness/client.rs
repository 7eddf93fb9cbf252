//! A raw client: bytes in, bytes out, and a limit on every wait.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::{Kind, Message, PATIENCE, Parsed, parse, text};

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The gateway closed it.
    Closed,
    /// The gateway reset it.
    Reset,
}

/// A connection to the gateway.
pub(crate) struct Client {
    stream: Box<dyn Stream>,
    unread: Vec<u8>,
}

/// A socket that a client may use.
pub(crate) trait Stream: Read + Write + Send {
    /// A second handle on the same socket, for a thread that only sends.
    fn second(&self) -> Box<dyn Write + Send>;
    /// Sets how long a read may wait.
    fn wait_at_most(&self, time: Duration);
    /// Says that nothing more will be sent; a gateway that has closed meanwhile is no failure of the client.
    fn finish(&self);
}

impl Stream for TcpStream {
    fn second(&self) -> Box<dyn Write + Send> {
        Box::new(self.try_clone().unwrap())
    }

    fn wait_at_most(&self, time: Duration) {
        self.set_read_timeout(Some(time)).unwrap();
    }

    fn finish(&self) {
        let _ = self.shutdown(Shutdown::Write);
    }
}

impl Stream for UnixStream {
    fn second(&self) -> Box<dyn Write + Send> {
        Box::new(self.try_clone().unwrap())
    }

    fn wait_at_most(&self, time: Duration) {
        self.set_read_timeout(Some(time)).unwrap();
    }

    fn finish(&self) {
        let _ = self.shutdown(Shutdown::Write);
    }
}

impl Client {
    /// Connects over TCP.
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(Box::new(stream))
    }

    /// Connects over a unix socket.
    pub(crate) fn connect_unix(path: &Path) -> Self {
        Self::over(Box::new(UnixStream::connect(path).unwrap()))
    }

    /// Uses a connected socket.
    pub(crate) fn over(stream: Box<dyn Stream>) -> Self {
        stream.wait_at_most(PATIENCE);
        Self { stream, unread: Vec::new() }
    }

    /// Sends bytes; a gateway that has closed meanwhile is no failure of the client.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let _ = self.stream.write_all(bytes.as_ref());
        self
    }

    /// Sends bytes and says whether the gateway took them.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// A second handle on the same socket, for a thread that only sends.
    pub(crate) fn second_handle(&self) -> Box<dyn Write + Send> {
        self.stream.second()
    }

    /// Sends a GET for a path.
    pub(crate) fn get(&mut self, path: &str) -> &mut Self {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n"))
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&mut self) -> &mut Self {
        self.stream.finish();
        self
    }

    /// Waits.
    pub(crate) fn pause(&mut self, milliseconds: u64) -> &mut Self {
        thread::sleep(Duration::from_millis(milliseconds));
        self
    }

    /// The next answer, read strictly.
    pub(crate) fn answer(&mut self) -> Message {
        self.next(Kind::Answer)
    }

    /// The next answer, to a HEAD.
    pub(crate) fn answer_to_head(&mut self) -> Message {
        self.next(Kind::HeadAnswer)
    }

    /// Bytes of a given number.
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        while self.unread.len() < count {
            assert!(self.fill().is_some(), "closed after {}", text(&self.unread));
        }
        self.unread.drain(..count).collect()
    }

    /// Bytes up to and with a text.
    pub(crate) fn take_until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|window| window == end.as_bytes()) {
                return String::from_utf8_lossy(&self.take(at + end.len())).into_owned();
            }
            assert!(self.fill().is_some(), "closed after {}", text(&self.unread));
        }
    }

    /// The next head as text; what came instead, where the connection ends before.
    pub(crate) fn head_or_end(&mut self) -> String {
        while !self.unread.windows(4).any(|window| window == b"\r\n\r\n") && self.fill().is_some() {}
        let end =
            self.unread.windows(4).position(|window| window == b"\r\n\r\n").map_or(self.unread.len(), |at| at + 4);
        String::from_utf8_lossy(&self.unread.drain(..end).collect::<Vec<_>>()).into_owned()
    }

    /// Takes the body whose length a head declares; false where the connection ends before or will end.
    pub(crate) fn body_or_end(&mut self, head: &str) -> bool {
        let declared =
            head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let Some(length) = declared else { return false };
        while self.unread.len() < length {
            if self.fill().is_none() {
                return false;
            }
        }
        self.unread.drain(..length);
        !head.contains("connection: close")
    }

    /// Everything up to the end of the connection, and how it ended.
    pub(crate) fn rest(&mut self) -> (Vec<u8>, End) {
        let end = loop {
            match self.read_once() {
                Ok(0) => break End::Closed,
                Ok(_) => {}
                Err(error) if is_wait(&error) => panic!("still open after {}", text(&self.unread)),
                Err(_) => break End::Reset,
            }
        };
        (std::mem::take(&mut self.unread), end)
    }

    /// Whether nothing comes for a while and the connection stays open.
    pub(crate) fn is_silent_for(&mut self, milliseconds: u64) -> bool {
        self.stream.wait_at_most(Duration::from_millis(milliseconds));
        let is_silent = self.unread.is_empty() && matches!(self.read_once(), Err(error) if is_wait(&error));
        self.stream.wait_at_most(PATIENCE);
        is_silent
    }

    /// How long the connection stays open and silent.
    pub(crate) fn time_to_end(&mut self) -> Duration {
        let started = Instant::now();
        self.rest();
        started.elapsed()
    }

    fn next(&mut self, kind: Kind) -> Message {
        loop {
            match parse(&self.unread, kind) {
                Ok(Parsed::Whole(message, used)) => {
                    self.unread.drain(..used);
                    return message;
                }
                Ok(Parsed::Part) => {}
                Err(problem) => panic!("{problem} in {}", text(&self.unread)),
            }
            assert!(self.fill().is_some(), "closed after {}", text(&self.unread));
        }
    }

    fn fill(&mut self) -> Option<usize> {
        match self.read_once() {
            Ok(0) => None,
            Ok(count) => Some(count),
            Err(error) if is_wait(&error) => panic!("nothing came after {}", text(&self.unread)),
            Err(_) => None,
        }
    }

    fn read_once(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 16 << 10];
        let count = self.stream.read(&mut buffer)?;
        self.unread.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}

fn is_wait(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
