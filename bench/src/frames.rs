//! Frames of WebSocket, as far as an echo needs them.

/// A request that opens a connection; its key is the standard's example (RFC 6455, section 1.3).
pub const HANDSHAKE: &[u8] = b"GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// The answer to it.
pub const SWITCHED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A whole binary message of 126 to 65,535 bytes, as a client sends it.
///
/// # Panics
/// The payload has another length.
#[must_use]
pub fn masked(payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mut frame = head(payload.len(), 0x80);
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// The same, as a server sends it.
///
/// # Panics
/// The payload has another length.
#[must_use]
pub fn plain(payload: &[u8]) -> Vec<u8> {
    let mut frame = head(payload.len(), 0);
    frame.extend(payload);
    frame
}

fn head(length: usize, mask: u8) -> Vec<u8> {
    let length = u16::try_from(length).ok().filter(|length| *length > 125).expect("126 to 65,535 bytes");
    let mut head = vec![0x82, mask | 0x7e];
    head.extend(length.to_be_bytes());
    head
}

/// Moves whole frames of a client behind `out` as a server's, and leaves what is not whole.
pub fn echo(unread: &mut Vec<u8>, out: &mut Vec<u8>) {
    let mut done = 0;
    while let Some(length) = echo_one(&unread[done..], out) {
        done += length;
    }
    unread.drain(..done);
}

fn echo_one(bytes: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let (first, second) = (*bytes.first()?, *bytes.get(1)?);
    let (head_bytes, length) = match second & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
        short => (2, usize::from(short)),
    };
    let mask = bytes.get(head_bytes..head_bytes + 4)?;
    let payload = bytes.get(head_bytes + 4..head_bytes + 4 + length)?;
    out.push(first);
    out.push(second & 0x7f);
    out.extend_from_slice(&bytes[2..head_bytes]);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    Some(head_bytes + 4 + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_sends_comes_back_as_a_server_sends_it_however_it_is_cut() {
        let payload: Vec<u8> = (0..1024).map(|index| u8::try_from(index % 251).unwrap()).collect();
        let sent = [masked(&payload, [1, 2, 3, 4]), vec![0x81, 0x82, 9, 9, 9, 9, 9, 8]].concat();
        let (mut unread, mut out) = (Vec::new(), Vec::new());
        for byte in sent {
            unread.push(byte);
            echo(&mut unread, &mut out);
        }
        assert_eq!(out, [plain(&payload), vec![0x81, 2, 0, 1]].concat());
        assert!(unread.is_empty());
    }
}
