//! Numbers of connections, by which the kernel finds the socket that a datagram is for.

use aws_lc_rs::rand;
use quinn_proto::{ConnectionId, ConnectionIdGenerator, InvalidCid};

/// Bytes of a number. The supervisor's program for the kernel counts on it, and on what follows.
const BYTES: usize = 12;
/// What the first four bytes are together, by exclusive or: clients make numbers of that length too, which name nothing.
const SUM: u8 = 0x5a;

/// Numbers that name a socket of the listener in their first byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identifiers {
    /// The socket's index among those of the listener.
    pub(super) socket: u8,
}

impl ConnectionIdGenerator for Identifiers {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut bytes = [0; BYTES];
        // Without random bytes no handshake would have come this far.
        let _ = rand::fill(&mut bytes);
        let [first, second, third, fourth, ..] = &mut bytes;
        *first = self.socket;
        *fourth = *first ^ *second ^ *third ^ SUM;
        ConnectionId::new(&bytes)
    }

    fn validate(&self, id: &ConnectionId) -> Result<(), InvalidCid> {
        match **id {
            [first, second, third, fourth, ..] if first ^ second ^ third ^ fourth == SUM => Ok(()),
            _ => Err(InvalidCid),
        }
    }

    fn cid_len(&self) -> usize {
        BYTES
    }

    fn cid_lifetime(&self) -> Option<std::time::Duration> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_names_its_socket_and_is_known_for_one_of_ours() {
        let mut identifiers = Identifiers { socket: 3 };
        let made: Vec<_> = (0..100).map(|_| identifiers.generate_cid()).collect();
        for id in &made {
            assert_eq!((id[0], id.len()), (3, BYTES));
            assert!(identifiers.validate(id).is_ok());
            let mut changed = id.to_vec();
            changed[1] ^= 1;
            assert!(identifiers.validate(&ConnectionId::new(&changed)).is_err());
        }
        assert_ne!(made[0], made[1]);
        assert!(identifiers.validate(&ConnectionId::new(&[])).is_err());
    }
}
