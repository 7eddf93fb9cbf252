//! Addresses of names, and the name of this machine, as the system knows them.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};

use penstock_proxy::resolver::FindAddresses;

/// The system's resolver: what it reads and whom it asks is the machine's affair.
pub(crate) struct SystemAddresses;

impl FindAddresses for SystemAddresses {
    fn find(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        (name, 0).to_socket_addrs().map(|addresses| addresses.map(|address| address.ip()).collect())
    }
}

/// What the machine calls itself.
pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
