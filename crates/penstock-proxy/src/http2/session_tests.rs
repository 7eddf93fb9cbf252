//! A connection of HTTP/2 as its peer sees it: frames in, frames out.

use std::task::{Context, Poll, Waker};

use super::super::frame::{ACK, END_HEADERS, END_STREAM, Kind, PADDED, write_head};
use super::super::hpack::write_field;
use super::super::outgoing::Input;
use super::*;
use crate::exchange::{Head, Name};
use crate::http1::Framing;

const LIMITS: Limits = Limits { streams: 100, stream_window: 65_535, connection_window: 1 << 20, head_bytes: 64 << 10 };
const HEAD_LIMITS: HeadLimits = HeadLimits { bytes: 64 << 10, fields: 100, target_bytes: 16 << 10 };
const NOW_MS: u64 = 1_000;

/// A session and what a client would see of it.
struct Peer {
    session: Session,
    opened: Vec<Opened>,
}

impl Peer {
    /// After both sides have said hello.
    fn new() -> Self {
        let mut peer = Self { session: Session::new(LIMITS, HEAD_LIMITS, Spares::default()), opened: Vec::new() };
        peer.send(PREFACE);
        peer.send(&frame(Kind::Settings, 0, 0, &[]));
        peer.frames();
        peer
    }

    fn send(&mut self, bytes: &[u8]) -> usize {
        self.session.receive(bytes, NOW_MS, &mut self.opened)
    }

    fn get(&mut self, stream: u32) {
        self.send(&frame(Kind::Headers, END_HEADERS | END_STREAM, stream, &GET));
    }

    fn post(&mut self, stream: u32, length: Option<&str>) {
        let mut block = POST.to_vec();
        if let Some(length) = length {
            write_field(&mut block, Name::CONTENT_LENGTH, b"content-length", length.as_bytes());
        }
        self.send(&frame(Kind::Headers, END_HEADERS, stream, &block));
    }

    /// What was sent since the last look.
    fn frames(&mut self) -> Vec<(Kind, u8, u32, Vec<u8>)> {
        let output = std::mem::take(self.session.output());
        self.session.note_sent();
        let (mut rest, mut frames) = (&output[..], Vec::new());
        while let Some(head) = FrameHead::of(rest) {
            frames.push((head.kind, head.flags, head.stream, rest[9..9 + head.length].to_vec()));
            rest = &rest[9 + head.length..];
        }
        assert!(rest.is_empty());
        frames
    }

    /// Resets that were sent, by stream.
    fn resets(&mut self) -> Vec<(u32, ErrorCode)> {
        let resets = self.frames().into_iter().filter(|frame| frame.0 == Kind::ResetStream);
        resets.map(|(_, _, stream, code)| (stream, error_code(&code))).collect()
    }

    fn end(&self) -> Option<ErrorCode> {
        self.session.ended().map(|(code, _)| code)
    }

    fn data(&mut self, stream: u32, bytes: &[u8], ends: bool) -> Poll<Option<usize>> {
        self.session.poll_data(&Context::from_waker(Waker::noop()), stream, bytes, ends)
    }

    fn input(&mut self, stream: u32) -> (Poll<Input>, Vec<u8>) {
        let mut buffer = Vec::new();
        (self.session.poll_input(&Context::from_waker(Waker::noop()), stream, &mut buffer), buffer)
    }
}

/// `GET https://a/` from the static table.
const GET: [u8; 6] = [0x82, 0x87, 0x84, 0x01, 1, b'a'];
/// `POST https://a/`
const POST: [u8; 6] = [0x83, 0x87, 0x84, 0x01, 1, b'a'];

fn frame(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_head(&mut out, payload.len(), kind, flags, stream);
    out.extend_from_slice(payload);
    out
}

fn error_code(bytes: &[u8]) -> ErrorCode {
    use ErrorCode::*;
    let codes = [
        NoError,
        Protocol,
        Internal,
        FlowControl,
        StreamClosed,
        FrameSize,
        RefusedStream,
        Cancel,
        Compression,
        EnhanceYourCalm,
    ];
    let number = u32::from_be_bytes(bytes[..4].try_into().unwrap());
    codes.into_iter().find(|code| *code as u32 == number).unwrap()
}

fn window_update(stream: u32, grant: u32) -> Vec<u8> {
    frame(Kind::WindowUpdate, 0, stream, &grant.to_be_bytes())
}

#[test]
fn both_sides_say_hello_in_any_pieces() {
    let mut session = Session::new(LIMITS, HEAD_LIMITS, Spares::default());
    let mut opened = Vec::new();
    let bytes = [PREFACE, &frame(Kind::Settings, 0, 0, &[]), &frame(Kind::Headers, 5, 1, &GET)].concat();
    let mut pending = Vec::new();
    for byte in bytes {
        pending.push(byte);
        let used = session.receive(&pending, NOW_MS, &mut opened);
        pending.drain(..used);
    }
    assert_eq!((opened.len(), opened[0].stream), (1, 1));
    let mut peer = Peer { session, opened };
    let kinds: Vec<_> = peer.frames().into_iter().map(|frame| (frame.0, frame.1)).collect();
    assert_eq!(kinds, [(Kind::Settings, 0), (Kind::WindowUpdate, 0), (Kind::Settings, ACK)]);
}

#[test]
fn who_does_not_say_hello_is_refused() {
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"PRI * HTTP/2.0\r\n\r\nXX"] {
        let mut peer = Peer { session: Session::new(LIMITS, HEAD_LIMITS, Spares::default()), opened: Vec::new() };
        peer.send(bytes);
        assert_eq!(peer.end(), Some(ErrorCode::Protocol));
    }
    let mut peer = Peer { session: Session::new(LIMITS, HEAD_LIMITS, Spares::default()), opened: Vec::new() };
    peer.send(&[PREFACE, &frame(Kind::Ping, 0, 0, &[0; 8])].concat());
    assert_eq!(peer.end(), Some(ErrorCode::Protocol), "the first frame is settings");
}

#[test]
fn a_request_is_answered() {
    let mut peer = Peer::new();
    peer.get(1);
    let mut head = Head::default();
    head.add(b"X-A", b"1");
    head.add(b"Connection", b"close");
    peer.session.send_head(1, 200, &head, Some(2), false);
    assert_eq!(peer.data(1, b"ok", true), Poll::Ready(Some(2)));
    peer.session.close(1, 0);
    let frames = peer.frames();
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[0].3, [&[0x88, 0, 3][..], b"x-a", &[1, b'1', 0x0f, 13, 1, b'2']].concat());
    assert_eq!(frames[1], (Kind::Data, END_STREAM, 1, b"ok".to_vec()));
    assert_eq!(peer.session.open_streams(), 0);
}

#[test]
fn a_body_comes_as_granted_and_is_granted_again_when_used() {
    let mut peer = Peer::new();
    peer.post(1, None);
    assert_eq!(peer.opened[0].info.unwrap().framing, Framing::Stream);
    for _ in 0..4 {
        peer.send(&frame(Kind::Data, 0, 1, &[b'x'; 10_000]));
    }
    let (input, bytes) = peer.input(1);
    assert_eq!((input, bytes.len()), (Poll::Ready(Input::Bytes), 40_000));
    assert!(peer.frames().is_empty(), "nothing is granted before it is used");
    peer.session.release(1, 40_000);
    assert_eq!(peer.frames(), [(Kind::WindowUpdate, 0, 1, 40_000_u32.to_be_bytes().to_vec())]);
    assert_eq!(peer.input(1).0, Poll::Pending);
    peer.send(&frame(Kind::Data, END_STREAM, 1, &[]));
    assert_eq!(peer.input(1).0, Poll::Ready(Input::Ended));
}

#[test]
fn padding_counts_and_is_granted_again_at_once() {
    let mut peer = Peer::new();
    peer.post(1, Some("2"));
    for _ in 0..300 {
        peer.send(&frame(Kind::Data, PADDED, 1, &[&[254][..], &[0; 254]].concat()));
    }
    assert_eq!(peer.end(), None);
    peer.send(&frame(Kind::Data, PADDED | END_STREAM, 1, &[1, b'o', b'k', 0]));
    assert_eq!(peer.input(1).1, b"ok");
}

#[test]
fn what_was_not_granted_is_a_fault() {
    let mut peer = Peer::new();
    peer.post(1, None);
    for _ in 0..5 {
        peer.send(&frame(Kind::Data, 0, 1, &[0; 16_384]));
    }
    assert_eq!(peer.resets(), [(1, ErrorCode::FlowControl)]);
    assert_eq!(peer.end(), None);
}

#[test]
fn b7_no_more_is_sent_than_the_peer_grants() {
    let mut peer = Peer::new();
    peer.send(&frame(Kind::Settings, 0, 0, &[&4_u16.to_be_bytes()[..], &10_u32.to_be_bytes()].concat()));
    peer.get(1);
    assert_eq!(peer.data(1, &[b'x'; 100], true), Poll::Ready(Some(10)));
    assert_eq!(peer.data(1, &[b'x'; 90], true), Poll::Pending);
    peer.send(&window_update(1, 5));
    assert_eq!(peer.data(1, &[b'x'; 90], true), Poll::Ready(Some(5)));
    // Smaller settings take back what was granted; larger ones give it.
    for size in [0_u32, 20] {
        peer.send(&frame(Kind::Settings, 0, 0, &[&4_u16.to_be_bytes()[..], &size.to_be_bytes()].concat()));
    }
    assert_eq!(peer.data(1, &[b'x'; 85], true), Poll::Ready(Some(10)));
    let sent: usize = peer.frames().iter().filter(|frame| frame.0 == Kind::Data).map(|frame| frame.3.len()).sum();
    assert_eq!(sent, 25);
}

#[test]
fn b7_what_nobody_reads_is_bounded_and_the_connections_window_holds_for_all() {
    let mut peer = Peer::new();
    peer.send(&frame(Kind::Settings, 0, 0, &[&4_u16.to_be_bytes()[..], &(1_u32 << 20).to_be_bytes()].concat()));
    peer.send(&window_update(0, 1 << 20));
    peer.get(1);
    assert!(matches!(peer.data(1, &vec![b'x'; 1 << 20], true), Poll::Ready(Some(sent)) if sent <= 64 << 10));
    assert_eq!(peer.data(1, &[b'x'; 1000], true), Poll::Pending);
    peer.frames();
    assert!(matches!(peer.data(1, &[b'x'; 1000], true), Poll::Ready(Some(1000))));
}

#[test]
fn b8_a_stream_too_many_is_refused_and_the_others_live() {
    let mut peer = Peer::new();
    for number in 0..101 {
        peer.get(number * 2 + 1);
    }
    assert_eq!(peer.opened.len(), 100);
    assert_eq!(peer.resets(), [(201, ErrorCode::RefusedStream)]);
    assert_eq!(peer.session.open_streams(), 100);
}

#[test]
fn b1_who_resets_without_end_is_stopped() {
    let mut peer = Peer::new();
    let mut sent = 0;
    while peer.end().is_none() {
        peer.get(sent * 2 + 1);
        peer.send(&frame(Kind::ResetStream, 0, sent * 2 + 1, &8_u32.to_be_bytes()));
        sent += 1;
        assert!(sent <= 1_000);
    }
    assert_eq!(peer.end(), Some(ErrorCode::EnhanceYourCalm));
    assert!(peer.opened.len() <= 100, "no more than may be open at once");
}

#[test]
fn b2_who_makes_us_reset_is_stopped_alike() {
    type Fault = fn(&mut Peer, u32);
    let faults: [(&str, Fault); 5] = [
        ("no grant", |peer, id| {
            peer.send(&window_update(id, 0));
        }),
        ("too large a grant", |peer, id| {
            peer.send(&window_update(id, u32::MAX >> 1));
        }),
        ("more than was declared", |peer, id| {
            peer.send(&frame(Kind::Data, 0, id, b"four"));
        }),
        ("less than was declared", |peer, id| {
            peer.send(&frame(Kind::Data, END_STREAM, id, b"1"));
        }),
        ("a priority on itself", |peer, id| {
            peer.send(&frame(Kind::Priority, 0, id, &[&id.to_be_bytes()[..], &[0]].concat()));
        }),
    ];
    for (name, fault) in faults {
        let mut peer = Peer::new();
        let mut sent = 0;
        while peer.end().is_none() {
            let id = sent * 2 + 1;
            peer.post(id, Some("3"));
            fault(&mut peer, id);
            assert!(peer.session.watch(&Context::from_waker(Waker::noop()), id), "{name}");
            peer.session.close(id, 0);
            peer.frames();
            sent += 1;
            assert!(sent <= 1_000, "{name}");
        }
        assert_eq!(peer.end(), Some(ErrorCode::EnhanceYourCalm), "{name}");
    }
}

#[test]
fn b3_b4_a_block_without_end_is_stopped() {
    for payload in [&[0; 16_000][..], &[0; 1], &[]] {
        let mut peer = Peer::new();
        peer.send(&frame(Kind::Headers, END_STREAM, 1, &GET));
        let sent = (0..40).take_while(|_| {
            peer.send(&frame(Kind::Continuation, 0, 1, payload));
            peer.end().is_none()
        });
        assert!(sent.count() < 32);
        assert_eq!(peer.end(), Some(ErrorCode::EnhanceYourCalm));
    }
}

#[test]
fn b5_a_head_that_grows_when_decoded_is_answered_and_the_table_stays_right() {
    let mut peer = Peer::new();
    let mut block = GET.to_vec();
    let value = [b'v'; 3_900];
    block.extend([0x40, 1, b'x', 0x7f, 0xbd, 0x1d]);
    block.extend(value);
    block.extend([0xbe; 10_000]);
    peer.send(&frame(Kind::Headers, END_HEADERS | END_STREAM, 1, &block));
    assert_eq!(peer.opened[0].info.map(|_| ()), Err(Malformed::HeadTooLarge));
    assert_eq!(peer.resets(), [], "it is answered with 431");
    peer.send(&frame(Kind::Headers, END_HEADERS | END_STREAM, 3, &[&GET[..], &[0xbe]].concat()));
    assert_eq!(peer.opened[1].request.head.get(b"x"), Some(&value[..]));
}

#[test]
fn b6_frames_that_serve_nobody_are_stopped() {
    let idle: [(&str, Vec<u8>); 6] = [
        ("settings", frame(Kind::Settings, 0, 0, &[])),
        ("ping", frame(Kind::Ping, 0, 0, &[0; 8])),
        ("priority", frame(Kind::Priority, 0, 9, &[0; 5])),
        ("window update", window_update(0, 1)),
        ("empty data", frame(Kind::Data, 0, 1, &[])),
        ("unknown", vec![0, 0, 0, 99, 0, 0, 0, 0, 0]),
    ];
    for (name, bytes) in idle {
        let mut peer = Peer::new();
        peer.post(1, None);
        let mut sent = 0;
        while peer.end().is_none() {
            peer.send(&bytes);
            peer.frames();
            sent += 1;
            assert!(sent <= 10_000, "{name}");
        }
        assert_eq!(peer.end(), Some(ErrorCode::EnhanceYourCalm), "{name}");
    }
}

#[test]
fn b6_b9_who_asks_and_does_not_read_is_stopped_before_much_is_kept() {
    let mut peer = Peer::new();
    for number in 0..20_000 {
        peer.send(&frame(Kind::Ping, 0, 0, &[0; 8]));
        peer.send(&frame(Kind::Headers, 5, number * 2 + 1, &[0x82, 0x87, 0x84, 0, 1, b'A', 0]));
    }
    assert_eq!(peer.end(), Some(ErrorCode::EnhanceYourCalm));
    assert!(peer.session.output().len() <= 257 << 10);
}

#[test]
fn b11_b12_what_is_malformed_is_reset_and_told_for_the_log() {
    let mut peer = Peer::new();
    peer.send(&frame(Kind::Headers, END_HEADERS | END_STREAM, 1, &[0x82, 0x87, 0x84, 0, 1, b'A', 0]));
    assert_eq!(peer.resets(), [(1, ErrorCode::Protocol)]);
    assert_eq!(peer.opened[0].info.map(|_| ()), Err(Malformed::FieldName));
    peer.get(3);
    assert!(peer.opened[1].info.is_ok(), "other streams go on");
}

#[test]
fn b15_a_length_that_is_not_true_resets_the_stream() {
    for (declared, body) in [("5", &b"abc"[..]), ("5", b"abcdefghi")] {
        let mut peer = Peer::new();
        peer.post(1, Some(declared));
        peer.send(&frame(Kind::Data, END_STREAM, 1, body));
        assert_eq!(peer.resets(), [(1, ErrorCode::Protocol)], "{declared}");
        assert_eq!(peer.input(1).0, Poll::Ready(Input::Reset));
    }
}

#[test]
fn b19_nothing_of_a_stream_is_given_after_it_was_reset() {
    let mut peer = Peer::new();
    peer.post(1, None);
    let data = frame(Kind::Data, 0, 1, b"late");
    peer.send(&[&data[..], &frame(Kind::ResetStream, 0, 1, &8_u32.to_be_bytes()), &data].concat());
    assert_eq!(peer.input(1).0, Poll::Ready(Input::Reset));
    assert_eq!(peer.data(1, b"x", true), Poll::Ready(None));
    assert_eq!(peer.end(), None);
}

#[test]
fn trailers_end_a_body_and_hold_no_pseudo_fields() {
    let mut peer = Peer::new();
    peer.post(1, None);
    peer.send(&frame(Kind::Headers, END_HEADERS | END_STREAM, 1, &[0, 1, b't', 1, b'1']));
    assert_eq!(peer.input(1).0, Poll::Ready(Input::Ended));
    assert_eq!(peer.session.take_trailers(1).unwrap().get(b"t"), Some(&b"1"[..]));
    peer.post(3, None);
    peer.send(&frame(Kind::Headers, END_HEADERS | END_STREAM, 3, &[0x84]));
    peer.post(5, None);
    peer.send(&frame(Kind::Headers, END_HEADERS, 5, &[0, 1, b't', 1, b'1']));
    assert_eq!(peer.resets(), [(3, ErrorCode::Protocol), (5, ErrorCode::Protocol)]);
}

#[test]
fn faults_of_the_connection_end_it() {
    let cases: [(&str, Vec<u8>, ErrorCode); 13] = [
        ("data on an idle stream", frame(Kind::Data, 0, 1, b"x"), ErrorCode::Protocol),
        ("data on no stream", frame(Kind::Data, 0, 0, b"x"), ErrorCode::Protocol),
        ("an even stream", frame(Kind::Headers, 5, 2, &GET), ErrorCode::Protocol),
        ("too large a frame", frame(Kind::Data, 0, 1, &vec![0; 16_385]), ErrorCode::FrameSize),
        ("settings on a stream", frame(Kind::Settings, 0, 1, &[]), ErrorCode::Protocol),
        ("an acknowledgement with a payload", frame(Kind::Settings, ACK, 0, &[0; 6]), ErrorCode::FrameSize),
        ("a short ping", frame(Kind::Ping, 0, 0, &[0; 7]), ErrorCode::FrameSize),
        ("a push", frame(Kind::PushPromise, 0, 1, &[0; 4]), ErrorCode::Protocol),
        ("no grant", window_update(0, 0), ErrorCode::Protocol),
        ("too large a grant", window_update(0, u32::MAX >> 1), ErrorCode::FlowControl),
        ("a reset of an idle stream", frame(Kind::ResetStream, 0, 1, &[0; 4]), ErrorCode::Protocol),
        ("a continuation of nothing", frame(Kind::Continuation, 4, 1, &GET), ErrorCode::Protocol),
        ("a block that cannot be decoded", frame(Kind::Headers, 5, 1, &[0x80]), ErrorCode::Compression),
    ];
    for (name, bytes, code) in cases {
        let mut peer = Peer::new();
        peer.send(&bytes);
        assert_eq!(peer.end(), Some(code), "{name}");
        let last = peer.frames().pop().unwrap();
        assert_eq!((last.0, error_code(&last.3[4..])), (Kind::GoAway, code), "{name}");
    }
    let mut peer = Peer::new();
    peer.send(&frame(Kind::Headers, 0, 1, &GET));
    peer.send(&frame(Kind::Ping, 0, 0, &[0; 8]));
    assert_eq!(peer.end(), Some(ErrorCode::Protocol), "a frame within a block");
}

#[test]
fn a_drain_serves_what_has_begun() {
    let mut peer = Peer::new();
    peer.get(1);
    peer.session.go_away(false);
    peer.get(3);
    assert_eq!(peer.opened.len(), 2, "what was on its way is served");
    peer.session.go_away(true);
    peer.get(5);
    assert_eq!(peer.opened.len(), 2);
    let last: Vec<_> =
        peer.frames().iter().filter(|frame| frame.0 == Kind::GoAway).map(|frame| frame.3[..4].to_vec()).collect();
    assert_eq!(last, [(u32::MAX >> 1).to_be_bytes().to_vec(), 3_u32.to_be_bytes().to_vec()]);
}

#[test]
fn no_bytes_make_it_panic_or_keep_much() {
    let mut state = 7_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32
    };
    for _ in 0..2_000 {
        let mut peer = Peer::new();
        for _ in 0..60 {
            let mut payload: Vec<u8> = match random() % 3 {
                0 => GET.to_vec(),
                1 => POST.to_vec(),
                _ => Vec::new(),
            };
            payload.extend((0..random() % 12).map(|byte| (byte.wrapping_mul(random()) >> 3) as u8));
            let head = [
                0,
                0,
                payload.len() as u8,
                (random() % 11) as u8,
                (random() % 64) as u8,
                0,
                0,
                0,
                (random() % 9) as u8,
            ];
            peer.send(&[&head[..], &payload].concat());
            if random() % 4 == 0 {
                let _ = peer.data(random() % 9, b"abc", random() % 2 == 0);
                peer.session.close(random() % 9, 0);
            }
        }
        assert!(peer.session.output().len() <= 257 << 10);
        peer.frames();
    }
}
