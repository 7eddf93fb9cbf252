//! The first message of a client, read without an answer: for which host it asks.
//!
//! Source: RFC 8446, sections 4.1.2 and 5.1; RFC 6066, section 3.

use std::borrow::Cow;

/// Most bytes that it may take, its records included: far more than any client sends.
pub(crate) const MOST_HELLO_BYTES: usize = 16 << 10;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;
/// Largest payload of a record, and largest legacy session id.
const MOST_RECORD: usize = 1 << 14;
const MOST_SESSION_ID: usize = 32;
/// Longest host name (RFC 1035, section 2.3.4).
const MOST_NAME: usize = 253;

/// What is wrong with a first message: all that can be said of it to its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoHello;

/// The host that a client asks for, in small letters and empty where it names none; nothing while more has to come.
///
/// # Errors
/// What came is not the beginning of such a message.
pub(crate) fn asked_host(bytes: &[u8]) -> Result<Option<Box<str>>, NoHello> {
    match first_message(bytes)? {
        Some(message) => host_of(&message).map(Some),
        None if bytes.len() >= MOST_HELLO_BYTES => Err(NoHello),
        None => Ok(None),
    }
}

/// The first message, joined where it came in several records.
fn first_message(bytes: &[u8]) -> Result<Option<Cow<'_, [u8]>>, NoHello> {
    let (mut joined, mut rest) = (Cow::Borrowed(&[][..]), bytes);
    loop {
        if let Some(whole) = message(&mut joined)? {
            return Ok(Some(whole));
        }
        check_beginning(rest)?;
        let Some(([_, _, _, high, low], payload)) = rest.split_first_chunk::<5>() else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        if length == 0 || length > MOST_RECORD {
            return Err(NoHello);
        }
        let Some((payload, after)) = payload.split_at_checked(length) else { return Ok(None) };
        if joined.is_empty() {
            joined = Cow::Borrowed(payload);
        } else {
            joined.to_mut().extend_from_slice(payload);
        }
        rest = after;
    }
}

/// Refuses what cannot become a record of a handshake as early as it shows.
fn check_beginning(record: &[u8]) -> Result<(), NoHello> {
    let kind = record.first().is_none_or(|kind| *kind == HANDSHAKE);
    let version = record.get(1).is_none_or(|major| *major == 3);
    if kind && version { Ok(()) } else { Err(NoHello) }
}

/// The message whose records have been joined, once it is whole. Nothing may follow it in its last record.
fn message<'a>(joined: &mut Cow<'a, [u8]>) -> Result<Option<Cow<'a, [u8]>>, NoHello> {
    if joined.first().is_some_and(|kind| *kind != CLIENT_HELLO) {
        return Err(NoHello);
    }
    let Some(([_, high, middle, low], body)) = joined.split_first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes([0, *high, *middle, *low]) as usize;
    if length > MOST_HELLO_BYTES || body.len() > length {
        return Err(NoHello);
    }
    if body.len() < length {
        return Ok(None);
    }
    Ok(Some(match std::mem::take(joined) {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(4..).unwrap_or_default()),
        Cow::Owned(bytes) => Cow::Owned(bytes.get(4..).unwrap_or_default().to_vec()),
    }))
}

fn host_of(body: &[u8]) -> Result<Box<str>, NoHello> {
    let mut body = Reader(body);
    let _version = body.take(2)?;
    let _random = body.take(32)?;
    let session = body.vector8()?;
    let suites = body.vector16()?;
    let compressions = body.vector8()?;
    let is_sound = session.len() <= MOST_SESSION_ID && !suites.is_empty() && suites.len().is_multiple_of(2);
    if !is_sound || compressions.is_empty() {
        return Err(NoHello);
    }
    // Old clients know of no extensions.
    let mut extensions = Reader(if body.0.is_empty() { &[] } else { body.vector16()? });
    let mut host = None;
    while !extensions.0.is_empty() {
        let (kind, data) = (extensions.number()?, extensions.vector16()?);
        if kind == SERVER_NAME && host.replace(listed_host(data)?).is_some() {
            return Err(NoHello);
        }
    }
    if body.0.is_empty() { Ok(host.unwrap_or_default()) } else { Err(NoHello) }
}

/// The one host of a list that may have one.
fn listed_host(data: &[u8]) -> Result<Box<str>, NoHello> {
    let mut data = Reader(data);
    let mut list = Reader(data.vector16()?);
    let is_host = list.take(1)? == [HOST_NAME];
    let name = list.vector16()?;
    let is_spelled = name.iter().all(|letter| letter.is_ascii_alphanumeric() || b"-_.".contains(letter));
    let is_name = !name.is_empty() && name.len() <= MOST_NAME && name.first() != Some(&b'.');
    if !is_host || !is_spelled || !is_name || !list.0.is_empty() || !data.0.is_empty() {
        return Err(NoHello);
    }
    let name = std::str::from_utf8(name).map_err(|_| NoHello)?;
    Ok(name.to_ascii_lowercase().into())
}

/// What is left of a message.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], NoHello> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(NoHello)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u16, NoHello> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(NoHello)?;
        self.0 = rest;
        Ok(u16::from_be_bytes(*bytes))
    }

    fn vector8(&mut self) -> Result<&'a [u8], NoHello> {
        let length = *self.take(1)?.first().ok_or(NoHello)?;
        self.take(usize::from(length))
    }

    fn vector16(&mut self) -> Result<&'a [u8], NoHello> {
        let length = self.number()?;
        self.take(usize::from(length))
    }
}

#[cfg(test)]
#[path = "client_hello_tests.rs"]
mod tests;
