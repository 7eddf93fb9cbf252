//! Lines on a connection of TCP or TLS, or to a socket of this machine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::collector::Collector;
use super::link::Link;
use super::log_sender::Patience;
use super::syslog::{Framed, Syslog};
use crate::resolver::FindAddresses;

/// Sends lines, each as it is or as a message of syslog with its length before it.
pub(super) struct LineStream {
    collector: Arc<Collector>,
    addresses: Arc<dyn FindAddresses>,
    syslog: Option<Syslog>,
    patience: Patience,
    link: Option<Link>,
    framed: Framed,
}

impl LineStream {
    pub(super) fn new(
        collector: Arc<Collector>,
        addresses: Arc<dyn FindAddresses>,
        syslog: Option<Syslog>,
        patience: Patience,
    ) -> Self {
        Self { collector, addresses, syslog, patience, link: None, framed: Framed::default() }
    }

    /// Sends whole lines, and says how many of them are lost because there is no more time.
    ///
    /// A line of which a part was sent when its connection broke is sent whole on the next one.
    pub(super) fn send(&mut self, block: &[u8]) -> u64 {
        let mut framed = std::mem::take(&mut self.framed);
        match &self.syslog {
            Some(syslog) => framed.fill_counted(block, syslog),
            None => framed.fill(block),
        }
        let mut sent = 0;
        while sent < framed.bytes.len() {
            if let Some(count) = self.send_some(framed.bytes.get(sent..).unwrap_or_default()) {
                sent += count;
                self.patience.is_rewarded();
            } else {
                sent = framed.start_of(sent);
                if !self.patience.rest() {
                    break;
                }
            }
        }
        let lost = framed.left_from(sent);
        self.framed = framed;
        lost
    }

    /// Sends what goes out at once; none: the connection is not there, or broke.
    fn send_some(&mut self, bytes: &[u8]) -> Option<usize> {
        let deadline = Instant::now() + Duration::from_millis(self.collector.plan.timeout_ms);
        let kept = self.link.take().and_then(|mut link| (!link.has_ended()).then_some(link));
        let mut link = match kept {
            Some(link) => link,
            None => Link::open(&self.collector, &*self.addresses, Arc::clone(&self.patience.orders), deadline).ok()?,
        };
        link.set_deadline(deadline);
        let count = link.send_some(bytes).ok()?;
        self.link = Some(link);
        Some(count)
    }
}
