//! Addresses of names, as a test has them.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::thread;

use penstock_proxy::resolver::FindAddresses;

use super::PATIENCE;

/// The name whose look-up does not end.
pub(crate) const HANGS: &str = "hangs.test";

/// What each name has, one answer after the other; the last stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    answers: Arc<Mutex<BTreeMap<String, VecDeque<Vec<IpAddr>>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Names {
    /// Adds an answer.
    pub(crate) fn add(&self, name: &str, addresses: &[&str]) {
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        self.answers.lock().unwrap().entry(name.to_owned()).or_default().push_back(addresses);
    }

    /// Names that were looked up, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl FindAddresses for Names {
    fn find(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap().push(name.to_owned());
        if name == HANGS {
            thread::sleep(PATIENCE);
        }
        let mut answers = self.answers.lock().unwrap();
        let known = answers.get_mut(name).ok_or(io::ErrorKind::NotFound)?;
        let next = if known.len() > 1 { known.pop_front() } else { known.front().cloned() };
        next.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}
