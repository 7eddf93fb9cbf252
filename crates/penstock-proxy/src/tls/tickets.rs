//! Session tickets: under keys that all workers share, that roll on by themselves, and that are a listener's own.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hmac, rand};
use penstock_plan::TicketSeed;
use rustls::server::ProducesTickets;

/// Seconds for which a key makes tickets; for as long again it still reads them, so that none lives longer than a
/// day (L10). The supervisor counts periods of the same length.
const PERIOD_SECONDS: u32 = 12 * 60 * 60;
/// Periods that a clock may run ahead; beyond it is wrong, and following it would take long.
const MOST_PERIODS: u64 = 100_000;
/// Bytes by which a ticket names its key.
const NAME_BYTES: usize = 8;

type Key = [u8; 32];

/// The keys of this period and the one before, from which those of each listener are made.
///
/// Each key is made of the one before and leads back to none, so that whoever learns it reads no older tickets;
/// workers that began with the same one agree without a word.
pub(crate) struct TicketKeys(Mutex<Chain>);

struct Chain {
    period: u64,
    current: Key,
    previous: Option<Key>,
}

impl TicketKeys {
    /// Keys that follow from a seed that others have too; without one they are nobody else's.
    ///
    /// # Errors
    /// One sentence where the system gives no random bytes.
    pub(crate) fn new(seed: Option<TicketSeed>) -> Result<Self, String> {
        let TicketSeed { period, key } = match seed {
            Some(seed) => seed,
            None => Self::fresh()?,
        };
        Ok(Self(Mutex::new(Chain { period, current: key, previous: None })))
    }

    fn fresh() -> Result<TicketSeed, String> {
        let mut key = Key::default();
        rand::fill(&mut key).map_err(|_| "the system gives no random bytes".to_owned())?;
        Ok(TicketSeed { period: period_now(), key })
    }

    /// The keys of a period, the newest first. A clock that goes back brings no key back.
    fn at(&self, period: u64) -> (Key, Option<Key>) {
        let mut chain = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = period.min(chain.period.saturating_add(MOST_PERIODS));
        while chain.period < last {
            let next = derived(&chain.current, &[b"next"]);
            chain.previous = Some(std::mem::replace(&mut chain.current, next));
            chain.period += 1;
        }
        (chain.current, chain.previous)
    }
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TicketKeys")
    }
}

/// The tickets of one listener: what another one made, or it itself under another policy, is unreadable (L10, F13).
#[derive(Debug)]
pub(super) struct Tickets {
    keys: Arc<TicketKeys>,
    policy: String,
}

impl Tickets {
    /// Tickets that are good for a policy: the listener's name and all that it asks of clients.
    pub(super) fn new(keys: Arc<TicketKeys>, policy: String) -> Self {
        Self { keys, policy }
    }

    fn sealed(&self, plain: &[u8], period: u64) -> Option<Vec<u8>> {
        let (name, key) = self.named(&self.keys.at(period).0)?;
        let mut ticket = Vec::with_capacity(NAME_BYTES + NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        let mut sealed = plain.to_vec();
        let nonce = key.seal_in_place_append_tag(Aad::from(name), &mut sealed).ok()?;
        ticket.extend_from_slice(&name);
        ticket.extend_from_slice(nonce.as_ref());
        ticket.extend_from_slice(&sealed);
        Some(ticket)
    }

    fn opened(&self, ticket: &[u8], period: u64) -> Option<Vec<u8>> {
        let (name, rest) = ticket.split_at_checked(NAME_BYTES)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        let (current, previous) = self.keys.at(period);
        let mut named = [Some(current), previous].into_iter().flatten().filter_map(|key| self.named(&key));
        let (name, key) = named.find(|(of_key, _)| of_key == name)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut plain = sealed.to_vec();
        let length = key.open_in_place(nonce, Aad::from(name), &mut plain).ok()?.len();
        plain.truncate(length);
        Some(plain)
    }

    /// The listener's own key of a period, and the name of it.
    fn named(&self, key: &Key) -> Option<([u8; NAME_BYTES], RandomizedNonceKey)> {
        let policy = self.policy.as_bytes();
        let name = derived(key, &[b"name", policy]);
        let key = RandomizedNonceKey::new(&AES_256_GCM, &derived(key, &[b"seal", policy])).ok()?;
        Some((*name.first_chunk()?, key))
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        PERIOD_SECONDS
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.sealed(plain, period_now())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.opened(cipher, period_now())
    }
}

/// A key made of another for a use of its own.
///
/// Source: RFC 5869, section 2.3, of which this is the first block.
fn derived(key: &Key, use_of_it: &[&[u8]]) -> Key {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in use_of_it {
        context.update(part);
    }
    let mut made = Key::default();
    for (to, from) in made.iter_mut().zip(context.sign().as_ref()) {
        *to = *from;
    }
    made
}

fn period_now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_secs() / u64::from(PERIOD_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: u64 = 40_000;

    fn worker(seed: u8) -> Arc<TicketKeys> {
        Arc::new(TicketKeys::new(Some(TicketSeed { period: PERIOD, key: [seed; 32] })).unwrap())
    }

    fn tickets(keys: &Arc<TicketKeys>, policy: &str) -> Tickets {
        Tickets::new(Arc::clone(keys), policy.to_owned())
    }

    #[test]
    fn l10_a_ticket_is_read_by_every_worker_for_one_more_period_and_no_longer() {
        let (one, other) = (tickets(&worker(1), "web"), tickets(&worker(1), "web"));
        let ticket = one.sealed(b"session", PERIOD + 1).unwrap();
        assert_eq!(other.opened(&ticket, PERIOD + 1).as_deref(), Some(&b"session"[..]));
        assert_eq!(other.opened(&ticket, PERIOD + 2).as_deref(), Some(&b"session"[..]));
        assert_eq!(other.opened(&ticket, PERIOD + 3), None);
        // The clock goes back: what was given up stays so.
        assert_eq!(other.opened(&ticket, PERIOD + 1), None);
    }

    #[test]
    fn l10_a_ticket_of_another_listener_policy_or_gateway_is_unreadable() {
        let keys = worker(1);
        let ticket = tickets(&keys, "web").sealed(b"session", PERIOD).unwrap();
        assert!(tickets(&keys, "web").opened(&ticket, PERIOD).is_some());
        for other in [tickets(&keys, "inner"), tickets(&keys, "web with clients"), tickets(&worker(2), "web")] {
            assert_eq!(other.opened(&ticket, PERIOD), None);
        }
    }

    #[test]
    fn a_ticket_that_was_changed_anywhere_is_unreadable() {
        let tickets = tickets(&worker(1), "web");
        let ticket = tickets.sealed(b"session", PERIOD).unwrap();
        for index in 0..ticket.len() {
            let mut changed = ticket.clone();
            changed[index] ^= 1;
            assert_eq!(tickets.opened(&changed, PERIOD), None, "byte {index}");
            assert_eq!(tickets.opened(&ticket[..index], PERIOD), None, "{index} bytes");
        }
    }

    #[test]
    fn r52_a_clock_that_runs_far_ahead_is_followed_in_bounded_time() {
        let keys = worker(1);
        let ticket = tickets(&keys, "web").sealed(b"session", PERIOD).unwrap();
        assert_eq!(tickets(&keys, "web").opened(&ticket, u64::MAX), None);
        let ticket = tickets(&keys, "web").sealed(b"session", PERIOD).unwrap();
        assert!(tickets(&keys, "web").opened(&ticket, PERIOD).is_some());
    }

    #[test]
    fn keys_without_a_seed_are_nobody_elses() {
        let [one, other] = [(), ()].map(|()| tickets(&Arc::new(TicketKeys::new(None).unwrap()), "web"));
        let ticket = one.encrypt(b"session").unwrap();
        assert!(one.decrypt(&ticket).is_some());
        assert_eq!(other.decrypt(&ticket), None);
    }
}
