//! Lines as datagrams, by UDP or to a socket of this machine.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::collector::Collector;
use super::link::find;
use super::log_sender::Patience;
use super::syslog::{Framed, Syslog};
use crate::resolver::FindAddresses;

/// Time for which a socket of this machine that takes nothing is waited for at once.
const PATIENCE: Duration = Duration::from_millis(100);

/// Sends lines, each in a datagram of its own, as it is or as a message of syslog.
pub(super) struct LineDatagrams {
    collector: Arc<Collector>,
    addresses: Arc<dyn FindAddresses>,
    syslog: Option<Syslog>,
    patience: Patience,
    socket: Option<Socket>,
    framed: Framed,
}

impl LineDatagrams {
    pub(super) fn new(
        collector: Arc<Collector>,
        addresses: Arc<dyn FindAddresses>,
        syslog: Option<Syslog>,
        patience: Patience,
    ) -> Self {
        Self { collector, addresses, syslog, patience, socket: None, framed: Framed::default() }
    }

    /// Sends whole lines, and says how many of them are lost: too long for a datagram, or without time for them.
    pub(super) fn send(&mut self, block: &[u8]) -> u64 {
        let mut framed = std::mem::take(&mut self.framed);
        match &self.syslog {
            Some(syslog) => framed.fill_apart(block, syslog),
            None => framed.fill_bare(block),
        }
        let (mut lost, mut has_time) = (0, true);
        for message in framed.messages() {
            let is_sent = has_time && self.send_one(message, &mut has_time);
            lost += u64::from(!is_sent);
        }
        self.framed = framed;
        lost
    }

    fn send_one(&mut self, message: &[u8], has_time: &mut bool) -> bool {
        loop {
            match self.attempt(message) {
                Ok(()) => {
                    self.patience.is_rewarded();
                    return true;
                }
                // It will never be sent: no datagram is so long.
                Err(problem) if problem.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error()) => {
                    return false;
                }
                // Of a datagram sent before: that one is lost, if it is, and this one may arrive.
                Err(problem) if self.is_udp() && problem.kind() == ErrorKind::ConnectionRefused => {
                    return self.attempt(message).is_ok();
                }
                Err(problem) => {
                    if problem.kind() != ErrorKind::WouldBlock {
                        self.socket = None;
                    }
                    *has_time = self.patience.rest();
                    if !*has_time {
                        return false;
                    }
                }
            }
        }
    }

    fn is_udp(&self) -> bool {
        !self.collector.plan.address.starts_with("unix:")
    }

    fn attempt(&mut self, message: &[u8]) -> io::Result<()> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => open(&self.collector.plan.address, &*self.addresses)?,
        };
        let sent = socket.send(message);
        self.socket = Some(socket);
        sent.map(drop)
    }
}

fn open(address: &str, addresses: &dyn FindAddresses) -> io::Result<Socket> {
    let found = find(address, addresses)?;
    let address = found.first().ok_or(ErrorKind::AddrNotAvailable)?;
    let socket = Socket::new(address.domain(), Type::DGRAM.cloexec(), None)?;
    socket.connect(address)?;
    if address.domain() == Domain::UNIX {
        socket.set_write_timeout(Some(PATIENCE))?;
    }
    Ok(socket)
}
