//! The least of HTTP/2 that an origin of gRPC can do with: each call is answered with one small message.

/// What a client begins with.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const HEAD_BYTES: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
/// `:status: 200` and `content-type: application/grpc`, the latter by the name that both ends know.
const HEAD: &[u8] = b"\x88\x0f\x10\x10application/grpc";
/// `grpc-status: 0`
const TRAILERS: &[u8] = b"\x00\x0bgrpc-status\x010";
/// A message of 32 bytes.
const MESSAGE: &[u8] = b"\0\0\0\0\x20xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
/// Bytes of bodies after which as many are granted again.
const GRANT: usize = 16 << 10;

/// The state of one connection: what has come and is no whole frame, and what is to be granted.
#[derive(Default)]
pub struct Calls {
    unread: Vec<u8>,
    used: usize,
    is_greeted: bool,
}

impl Calls {
    /// Takes what came, and puts what is to be said behind `out`.
    pub fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.unread.extend_from_slice(bytes);
        let mut at = 0;
        if !self.is_greeted {
            if self.unread.len() < PREFACE.len() {
                return;
            }
            at = PREFACE.len();
            self.is_greeted = true;
            frame(out, SETTINGS, 0, 0, &[]);
        }
        while let Some(&[a, b, c, kind, flags, s, t, u, v]) =
            self.unread.get(at..at + HEAD_BYTES).and_then(|head| head.first_chunk::<HEAD_BYTES>())
        {
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            let Some(payload) = self.unread.get(at + HEAD_BYTES..at + HEAD_BYTES + length) else { break };
            at += HEAD_BYTES + length;
            match kind {
                SETTINGS if flags & ACK == 0 => frame(out, SETTINGS, ACK, 0, &[]),
                PING if flags & ACK == 0 => frame(out, PING, ACK, 0, payload),
                DATA => self.used += length,
                _ => {}
            }
            if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
                answer(out, u32::from_be_bytes([s, t, u, v]));
            }
        }
        self.unread.drain(..at);
        if self.used >= GRANT {
            frame(out, WINDOW_UPDATE, 0, 0, &u32::try_from(self.used).unwrap_or(0).to_be_bytes());
            self.used = 0;
        }
    }
}

fn answer(out: &mut Vec<u8>, stream: u32) {
    frame(out, HEADERS, END_HEADERS, stream, HEAD);
    frame(out, DATA, 0, stream, MESSAGE);
    frame(out, HEADERS, END_HEADERS | END_STREAM, stream, TRAILERS);
}

fn frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let [_, length @ ..] = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_answered_when_it_has_ended_however_it_is_cut() {
        let mut sent = PREFACE.to_vec();
        frame(&mut sent, SETTINGS, 0, 0, &[]);
        frame(&mut sent, HEADERS, END_HEADERS, 1, b"\x83");
        frame(&mut sent, DATA, END_STREAM, 1, MESSAGE);
        for size in [1, 7, 1000] {
            let (mut calls, mut out) = (Calls::default(), Vec::new());
            sent.chunks(size).for_each(|piece| calls.take(piece, &mut out));
            let mut expected = Vec::new();
            frame(&mut expected, SETTINGS, 0, 0, &[]);
            frame(&mut expected, SETTINGS, ACK, 0, &[]);
            answer(&mut expected, 1);
            assert_eq!(out, expected, "{size}");
        }
    }
}
