//! The smuggling judge, in its short form: whatever is sent, and however it is split, every
//! reader finds the same requests in what the origin received.

use crate::duplicates::Numbers;
use crate::harness::{
    Client, Gateway, Kind, Message, Origin, Parsed, lenient_requests, own_requests, parse, strict_requests, text,
};

const INNER: &str = "GET /inner HTTP/1.1\r\nHost: a.test\r\n\r\n";

/// Requests that other proxies and servers have disagreed about.
fn payloads() -> Vec<Vec<u8>> {
    let heads = [
        "Content-Length: 6\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 6",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding:\tchunked",
        "Transfer-Encoding: \x0bchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity\r\nContent-Length: 5",
        "X: y\rTransfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        "Transfer-Encoding\n : chunked",
        "transfer_encoding: chunked",
        "Content-Length: 0\r\nContent-Length: 5",
        "Content-Length: +5",
        "Content-Length: 5 ",
        "Content-Length: 005",
        "Content-Length: 0x5",
        "Content-Length:\r\n 5",
        "Content_Length: 5",
        "Connection: Content-Length\r\nContent-Length: 5",
        "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked",
        "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMA",
        "Expect: 100-continue\r\nContent-Length: 5",
        "Expect: y 100-continue\r\nContent-Length: 5",
    ];
    let bodies =
        ["", "hello", "0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "5;\nxx\r\nhello\r\n0\r\n\r\n", "5\nhello\n0\n\n"];
    let mut payloads = Vec::new();
    for head in heads {
        for body in bodies {
            payloads.push(format!("POST /outer HTTP/1.1\r\nHost: a.test\r\n{head}\r\n\r\n{body}{INNER}").into_bytes());
        }
    }
    payloads
}

/// What one connection's worth of bytes does: the answers, and what each connection of the
/// gateway to the origin carried.
fn run(pieces: &[&[u8]], pause_ms: u64) -> (Vec<u8>, Vec<Vec<u8>>) {
    let origin = Origin::running(|caller| {
        while let Some(request) = caller.request() {
            let body = request.target().to_owned();
            caller.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        }
    });
    let gateway = Gateway::before(&origin);
    let mut client: Client = gateway.client();
    for piece in pieces {
        client.send(piece).pause(pause_ms);
    }
    let received = client.finish().rest().0;
    assert_eq!(gateway.client().get("/canary").answer().text(), "/canary");
    (received, origin.captures())
}

fn judge(payload: &[u8], pieces: &[&[u8]], pause_ms: u64) {
    let (forwarded, answers) = judge_forwarded(payload, pieces, pause_ms);
    let believed = strict_requests_at_start(payload);
    assert!(forwarded <= believed, "{}: {forwarded} forwarded, a strict reader sees {believed}", text(payload));
    assert!(answers <= believed + 1, "{}: {answers} answers", text(payload));
}

/// The requests that were forwarded, in which all readers must agree, and the number of answers.
fn judge_forwarded(payload: &[u8], pieces: &[&[u8]], pause_ms: u64) -> (usize, usize) {
    let (received, captures) = run(pieces, pause_ms);
    let mut forwarded = 0;
    for capture in &captures {
        let shown = format!("{} became {}", text(payload), text(capture));
        let own = own_requests(capture);
        let strict = strict_requests(capture);
        let (Ok(own), Ok(strict)) = (own, strict) else {
            // The upload was cut off: no reader may take it for a request, and nothing follows it.
            assert!(lenient_requests(capture).len() <= 1, "{shown}");
            continue;
        };
        let strict: Vec<(String, Vec<u8>)> =
            strict.iter().map(|message| (message.target().to_owned(), message.body.clone())).collect();
        assert_eq!(own, strict, "{shown}");
        assert_eq!(lenient_requests(capture), strict, "{shown}");
        forwarded += strict.iter().filter(|(target, _)| target != "/canary").count();
    }
    (forwarded, answers(&received).len())
}

/// Requests that a strict reader finds before the first thing it refuses; chunk extensions and
/// a number's leading zeros aside, which the gateway understands.
fn strict_requests_at_start(payload: &[u8]) -> usize {
    let (mut rest, mut count) = (payload, 0);
    while let Ok(Parsed::Whole(_, used)) = parse(rest, Kind::Request) {
        count += 1;
        rest = &rest[used..];
    }
    count
}

fn answers(mut received: &[u8]) -> Vec<Message> {
    let mut found = Vec::new();
    while let Ok(Parsed::Whole(message, used)) = parse(received, Kind::Answer) {
        if message.status() >= 200 {
            found.push(message);
        }
        received = &received[used..];
    }
    assert!(received.is_empty(), "half an answer: {}", text(received));
    found
}

#[test]
fn every_reader_agrees_on_what_was_forwarded() {
    for payload in payloads() {
        judge(&payload, &[&payload], 0);
    }
}

#[test]
fn splitting_a_payload_changes_nothing() {
    for (index, payload) in payloads().iter().enumerate().step_by(5) {
        for at in (1 + index % 7..payload.len()).step_by(23) {
            let (first, second) = payload.split_at(at);
            judge(payload, &[first, second], 3);
        }
    }
}

#[test]
#[ignore = "long: make test-long"]
fn splitting_a_payload_at_every_byte_changes_nothing() {
    for payload in payloads() {
        for at in 1..payload.len() {
            let (first, second) = payload.split_at(at);
            judge(&payload, &[first, second], 3);
            if at % 16 == 0 {
                judge(&payload, &[first, second], 150);
            }
        }
    }
}

/// What a mutation puts in or repeats.
const PIECES: [&str; 22] = [
    "\r\n",
    "\n",
    "\r",
    " ",
    "\t",
    ":",
    ",",
    ";",
    "0",
    "5",
    "ff",
    "\0",
    "\x0b",
    "\u{80}",
    "_",
    "\"",
    "chunked",
    "HTTP/1.0",
    "\r\nTransfer-Encoding: chunked",
    "\r\nContent-Length: 3",
    "0\r\n\r\n",
    INNER,
];

fn mutated(payload: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = payload.to_vec();
    for _ in 0..=numbers.below(3) {
        let start = numbers.below(bytes.len() as u64 + 1) as usize;
        let end = (start + [0, 0, 1, 2, 8][numbers.below(5) as usize]).min(bytes.len());
        let piece = PIECES[numbers.below(PIECES.len() as u64) as usize].as_bytes();
        bytes.splice(start..end, piece.iter().copied());
    }
    bytes
}

fn mutate(count: usize, seed: u64) {
    let (payloads, mut numbers) = (payloads(), Numbers(seed));
    let mut served = 0;
    for index in 0..count {
        let payload = mutated(&payloads[index % payloads.len()], &mut numbers);
        let (forwarded, answers) = judge_forwarded(&payload, &[&payload], 0);
        // Nothing here is answered by the gateway itself but what it refuses, and after that it closes.
        assert!(answers <= forwarded + 1, "{}: {forwarded} forwarded, {answers} answers", text(&payload));
        served += forwarded;
    }
    assert!(served > count / 50, "{served} of {count} were understood at all");
}

#[test]
fn every_reader_agrees_on_what_is_forwarded_of_300_mutations() {
    mutate(300, 1);
}

#[test]
#[ignore = "long: make test-long"]
fn every_reader_agrees_on_what_is_forwarded_of_20000_mutations() {
    mutate(20_000, 2);
}
