//! A connection to an endpoint as the endpoint sees it.

use std::task::{Context, Poll, Waker};

use super::super::frame::{ACK, END_HEADERS, END_STREAM, FrameHead, Kind, write_head};
use super::super::hpack::write_status;
use super::super::outgoing::Input;
use super::super::session::Opened;
use super::*;
use crate::exchange::Method;

const LIMITS: Limits = Limits { streams: 0, stream_window: 65_535, connection_window: 1 << 20, head_bytes: 64 << 10 };
const HEAD_LIMITS: HeadLimits = HeadLimits { bytes: 64 << 10, fields: 100, target_bytes: 16 << 10 };

/// What an endpoint does about a stream.
type Act = fn(&mut Endpoint, u32);

/// A connection to an endpoint, and what the endpoint would see of it.
struct Endpoint {
    session: Session,
}

impl Endpoint {
    /// After both sides have said hello.
    fn new(settings: &[u8]) -> Self {
        let mut endpoint = Self { session: Session::asking(LIMITS, HEAD_LIMITS) };
        assert_eq!(endpoint.session.output()[..PREFACE.len()], *PREFACE);
        endpoint.session.output().drain(..PREFACE.len());
        endpoint.send(Kind::Settings, 0, 0, settings);
        endpoint.frames();
        endpoint
    }

    fn send(&mut self, kind: Kind, flags: u8, stream: u32, payload: &[u8]) {
        let mut frame = Vec::new();
        write_head(&mut frame, payload.len(), kind, flags, stream);
        frame.extend_from_slice(payload);
        self.session.receive(&frame, 1_000, &mut Vec::new());
    }

    fn answer(&mut self, stream: u32, status: u16, fields: &[(&str, &str)], ends: bool) {
        let mut block = Vec::new();
        write_status(&mut block, status);
        for (name, value) in fields {
            write_field(&mut block, Name::OTHER, name.as_bytes(), value.as_bytes());
        }
        let end = if ends { END_STREAM } else { 0 };
        self.send(Kind::Headers, END_HEADERS | end, stream, &block);
    }

    fn frames(&mut self) -> Vec<(Kind, u8, u32)> {
        let output = std::mem::take(self.session.output());
        let (mut rest, mut frames) = (&output[..], Vec::new());
        while let Some(head) = FrameHead::of(rest) {
            frames.push((head.kind, head.flags, head.stream));
            rest = &rest[9 + head.length..];
        }
        frames
    }

    fn ask(&mut self, ends_stream: bool) -> u32 {
        self.session.ask(&ask(&Head::default(), b"GET", ends_stream)).0
    }

    fn take(&mut self, stream: u32) -> Option<(Answered, Response)> {
        let mut response = Response::default();
        match self.session.poll_answer(&Context::from_waker(Waker::noop()), stream, &mut response) {
            Poll::Ready(answered) => Some((answered, response)),
            Poll::Pending => None,
        }
    }

    fn input(&mut self, stream: u32) -> (Poll<Input>, Vec<u8>) {
        let mut buffer = Vec::new();
        (self.session.poll_input(&Context::from_waker(Waker::noop()), stream, &mut buffer), buffer)
    }

    fn data(&mut self, stream: u32, bytes: &[u8]) -> Poll<Option<usize>> {
        self.session.poll_data(&Context::from_waker(Waker::noop()), stream, bytes, false)
    }
}

fn ask<'a>(head: &'a Head, method: &'a [u8], ends_stream: bool) -> Ask<'a> {
    Ask {
        method,
        is_enciphered: false,
        authority: b"orders:9001",
        target: [b"/api", b"/orders", b"?", b"a=b"],
        head,
        length: (!ends_stream).then_some(3),
        takes_trailers: true,
        ends_stream,
        is_head_request: false,
    }
}

fn is_gone(answered: Option<&(Answered, Response)>, expected: bool) -> bool {
    matches!(answered, Some((Answered::Gone { is_untouched }, _)) if *is_untouched == expected)
}

#[test]
fn a_request_reads_the_same_on_the_other_side() {
    let (mut asking, mut opened) = (Session::asking(LIMITS, HEAD_LIMITS), Vec::<Opened>::new());
    let mut head = Head::default();
    for (name, value) in [("host", "other"), ("cookie", "a=b"), ("x-odd", "1"), ("connection", "close"), ("te", "x")] {
        head.add(name.as_bytes(), value.as_bytes());
    }
    let (stream, _) = asking.ask(&ask(&head, b"PUT", false));
    let limits = Limits { streams: 10, ..LIMITS };
    let mut serving = Session::new(limits, HEAD_LIMITS, Spares::default());
    let sent = std::mem::take(asking.output());
    assert_eq!(serving.receive(&sent, 0, &mut opened), sent.len());
    assert_eq!(serving.ended(), None);
    let Opened { request, info, .. } = opened.pop().unwrap();
    assert_eq!((stream, request.method, info.unwrap().framing), (1, Method::Put, Framing::Length(3)));
    assert_eq!(request.head.bytes(info.unwrap().target), b"/api/orders?a=b");
    let fields: Vec<_> = request.head.iter().map(|(name, value)| [name, b": ", value].concat()).collect();
    let expected = ["cookie: a=b", "x-odd: 1", "te: trailers", "content-length: 3", "host: orders:9001"];
    assert_eq!(fields, expected.map(|line| line.as_bytes().to_vec()));
}

#[test]
fn an_answer_comes_in_heads_body_and_trailers() {
    let mut endpoint = Endpoint::new(&[]);
    let stream = endpoint.ask(true);
    assert!(endpoint.take(stream).is_none());
    endpoint.answer(stream, 103, &[("link", "</a>")], false);
    endpoint.answer(stream, 200, &[("content-length", "3")], false);
    endpoint.send(Kind::Data, 0, stream, b"abc");
    let mut trailers = Vec::new();
    write_field(&mut trailers, Name::OTHER, b"grpc-status", b"0");
    endpoint.send(Kind::Headers, END_HEADERS | END_STREAM, stream, &trailers);
    for status in [103, 200] {
        let (answered, response) = endpoint.take(stream).unwrap();
        assert!(matches!(answered, Answered::Head(_)));
        assert_eq!(response.status, status);
    }
    assert_eq!(endpoint.input(stream), (Poll::Ready(Input::Bytes), b"abc".to_vec()));
    assert_eq!(endpoint.input(stream).0, Poll::Ready(Input::Ended));
    assert_eq!(endpoint.session.take_trailers(stream).unwrap().get(b"grpc-status"), Some(&b"0"[..]));
    endpoint.frames();
    endpoint.session.close(stream, 0);
    assert_eq!(endpoint.frames(), [], "nothing is left to be said of it");
}

#[test]
fn an_answer_that_is_none_is_refused_and_its_stream_reset() {
    let cases: [(&str, Act); 6] = [
        ("a body without a head", |endpoint, stream| endpoint.send(Kind::Data, 0, stream, b"abc")),
        ("an interim head at the end", |endpoint, stream| endpoint.answer(stream, 103, &[], true)),
        ("switched protocols", |endpoint, stream| endpoint.answer(stream, 101, &[], false)),
        ("a field of HTTP/1.1", |endpoint, stream| endpoint.answer(stream, 200, &[("connection", "close")], false)),
        ("a length and no body", |endpoint, stream| endpoint.answer(stream, 200, &[("content-length", "3")], true)),
        ("interim heads without end", |endpoint, stream| {
            (0..=MOST_HEADS).for_each(|_| endpoint.answer(stream, 103, &[], false));
        }),
    ];
    for (what, act) in cases {
        let mut endpoint = Endpoint::new(&[]);
        let stream = endpoint.ask(true);
        act(&mut endpoint, stream);
        let mut taken = std::iter::from_fn(|| endpoint.take(stream)).take(MOST_HEADS + 1);
        let end = taken.find(|(answered, _)| !matches!(answered, Answered::Head(_)));
        assert!(matches!(end, Some((Answered::Malformed(_) | Answered::Gone { is_untouched: false }, _))), "{what}");
        let resets = endpoint.frames().into_iter().filter(|frame| frame.0 == Kind::ResetStream).count();
        assert_eq!((resets, endpoint.session.ended()), (1, None), "{what}");
    }
}

#[test]
fn a_body_that_belies_its_length_ends_as_no_whole_one() {
    let mut endpoint = Endpoint::new(&[]);
    let stream = endpoint.ask(true);
    endpoint.answer(stream, 200, &[("content-length", "3")], false);
    endpoint.send(Kind::Data, END_STREAM, stream, b"ab");
    assert_eq!(endpoint.input(stream).0, Poll::Ready(Input::Reset));
}

#[test]
fn b21_only_streams_behind_the_last_that_is_named_may_be_sent_again() {
    let mut endpoint = Endpoint::new(&[]);
    let (first, second, third) = (endpoint.ask(true), endpoint.ask(true), endpoint.ask(true));
    assert_eq!((first, second, third), (1, 3, 5));
    endpoint.answer(third, 103, &[], false);
    endpoint.send(Kind::GoAway, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]);
    assert!(!endpoint.session.may_ask());
    assert!(endpoint.take(first).is_none(), "it is still to be answered");
    assert!(is_gone(endpoint.take(second).as_ref(), true));
    assert!(matches!(endpoint.take(third), Some((Answered::Head(_), _))));
    assert!(is_gone(endpoint.take(third).as_ref(), false), "the endpoint did something about it");
    endpoint.answer(first, 200, &[], true);
    assert!(matches!(endpoint.take(first), Some((Answered::Head(_), _))));
    for stream in [first, second, third] {
        endpoint.session.close(stream, 0);
    }
    assert!(endpoint.session.is_spent());
}

#[test]
fn a_refused_stream_may_be_sent_again_and_another_reset_may_not() {
    let mut endpoint = Endpoint::new(&[]);
    let (refused, other) = (endpoint.ask(true), endpoint.ask(true));
    endpoint.send(Kind::ResetStream, 0, refused, &(ErrorCode::RefusedStream as u32).to_be_bytes());
    endpoint.send(Kind::ResetStream, 0, other, &(ErrorCode::Internal as u32).to_be_bytes());
    assert!(is_gone(endpoint.take(refused).as_ref(), true));
    assert!(is_gone(endpoint.take(other).as_ref(), false));
    endpoint.frames();
    for stream in [refused, other] {
        endpoint.session.close(stream, 0);
    }
    assert_eq!(endpoint.frames(), [], "what the endpoint has reset is not reset again");
}

#[test]
fn a_whole_answer_outlives_the_end_of_the_connection_and_a_reset() {
    let mut endpoint = Endpoint::new(&[]);
    let (first, second) = (endpoint.ask(false), endpoint.ask(false));
    for stream in [first, second] {
        endpoint.answer(stream, 413, &[], false);
        endpoint.send(Kind::Data, END_STREAM, stream, b"too large");
    }
    endpoint.send(Kind::ResetStream, 0, first, &(ErrorCode::NoError as u32).to_be_bytes());
    assert_eq!(endpoint.data(first, b"more"), Poll::Ready(None), "the endpoint wants no more");
    endpoint.session.end(ErrorCode::NoError, "");
    for stream in [first, second] {
        assert!(matches!(endpoint.take(stream), Some((Answered::Head(_), _))));
        assert_eq!(endpoint.input(stream), (Poll::Ready(Input::Bytes), b"too large".to_vec()));
        assert_eq!(endpoint.input(stream).0, Poll::Ready(Input::Ended));
    }
}

#[test]
fn as_many_streams_are_begun_as_the_endpoint_allows() {
    let unheard = Session::asking(LIMITS, HEAD_LIMITS);
    assert!(unheard.may_ask() && !unheard.is_heard());
    let mut endpoint = Endpoint::new(&[0, 3, 0, 0, 0, 2]);
    assert!(endpoint.session.is_heard());
    let first = endpoint.ask(true);
    endpoint.ask(true);
    assert!(!endpoint.session.may_ask());
    endpoint.session.close(first, 0);
    assert!(endpoint.session.may_ask());
    assert!(endpoint.frames().contains(&(Kind::ResetStream, 0, first)), "nobody waits for its answer any more");
    endpoint.answer(first, 200, &[], true);
    assert_eq!(endpoint.session.ended(), None, "the endpoint could not know of that");
}

#[test]
fn an_endpoint_that_begins_streams_of_its_own_is_left() {
    for (kind, flags, stream) in [
        (Kind::Headers, END_HEADERS, 2),
        (Kind::Headers, END_HEADERS, 3),
        (Kind::PushPromise, END_HEADERS, 1),
        (Kind::Settings, ACK, 1),
    ] {
        let mut endpoint = Endpoint::new(&[]);
        endpoint.ask(true);
        endpoint.send(kind, flags, stream, &[0x88]);
        assert!(matches!(endpoint.session.ended(), Some((ErrorCode::Protocol, _))), "{kind:?} {stream}");
    }
}

#[test]
fn what_speaks_no_http2_is_seen_by_its_first_bytes() {
    let mut session = Session::asking(LIMITS, HEAD_LIMITS);
    let (stream, _) = session.ask(&ask(&Head::default(), b"GET", true));
    session.receive(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", 0, &mut Vec::new());
    assert!(session.ended().is_some() && !session.is_heard());
    let polled = session.poll_answer(&Context::from_waker(Waker::noop()), stream, &mut Response::default());
    assert!(matches!(polled, Poll::Ready(Answered::Gone { is_untouched: false })));
}
