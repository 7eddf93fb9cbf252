//! The judge of answers (A35, A36): whatever an origin sends, its client reads whole answers or a broken-off one, and
//! nobody reads an answer that was meant for another.

use crate::duplicates::Numbers;
use crate::harness::{Client, Config, Gateway, Kind, Message, Origin, Parsed, parse, text};

const STRANGE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";

/// Answers whose framing proxies have disagreed about.
fn payloads() -> Vec<Vec<u8>> {
    let heads = [
        "200 OK\r\nContent-Length: 5",
        "200 OK\r\nTransfer-Encoding: chunked",
        "200 OK\r\nConnection: close",
        "204 No Content\r\nContent-Length: 5",
        "304 Not Modified\r\nTransfer-Encoding: chunked",
        "200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        "200 OK\r\nTransfer-Encoding: gzip, chunked",
        "100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5",
        "103 Early Hints\r\nContent-Length: 5",
        "101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x",
        "500 No\r\nContent-Length: 0",
    ];
    let bodies = ["", "hello", "5\r\nhello\r\n0\r\n\r\n", "5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n", "5\nhello\n0\n\n"];
    let whole = |head: &str, body: &str| format!("HTTP/1.1 {head}\r\n\r\n{body}").into_bytes();
    heads.iter().flat_map(|head| bodies.map(|body| whole(head, body))).collect()
}

/// An origin whose first answer is this; every later one is the target that was asked for.
fn answering(payload: &[u8], is_left_open: bool) -> Origin {
    let payload = payload.to_vec();
    Origin::running(move |caller| {
        if caller.index == 0 && (caller.request().is_none() || !caller.send(&payload) || !is_left_open) {
            return;
        }
        while let Some(request) = caller.request() {
            let target = request.target();
            caller.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{target}", target.len()));
        }
    })
}

/// The final answers that a client has whole; what breaks off after them is none.
fn read(mut received: &[u8], context: &str) -> Vec<Message> {
    let mut found = Vec::new();
    while !received.is_empty() {
        match parse(received, Kind::Answer) {
            Ok(Parsed::Whole(message, used)) => {
                if message.status() >= 200 {
                    found.push(message);
                }
                received = &received[used..];
            }
            Ok(Parsed::Part) => return found,
            Err(problem) => panic!("{context}: {problem}"),
        }
    }
    found
}

fn judge(payload: &[u8], is_left_open: bool) {
    let origin = answering(payload, is_left_open);
    let soon = Config::to(&[origin.address()]).timeouts(|timeouts| (timeouts.idle_ms, timeouts.answer_ms) = (100, 100));
    let gateway = Gateway::start(soon);
    let mut client: Client = gateway.client();
    let received = client.get("/first").get("/second").finish().rest().0;
    let context = format!("{} became {}", text(payload), text(&received));
    let answers = read(&received, &context);
    let first = &gateway.log(1)[0];
    assert!(!answers.is_empty() || first["reason"] != "", "{context}: nobody can tell what became of it");
    if let Some(second) = answers.get(1) {
        assert_eq!((second.status(), second.text().as_str()), (200, "/second"), "{context}");
    }
    assert!(answers.len() <= 2, "{context}");
    assert_eq!(gateway.client().get("/canary").answer().text(), "/canary", "{context}");
}

#[test]
fn a35_a36_no_answer_of_an_origin_reaches_whom_it_is_not_meant_for() {
    for payload in payloads() {
        judge(&payload, false);
        judge(&[&payload, STRANGE.as_bytes()].concat(), false);
    }
    for payload in payloads().iter().step_by(5) {
        judge(&[payload, STRANGE.as_bytes()].concat(), true);
    }
}

/// What a mutation puts in.
const PIECES: [&str; 20] = [
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
    "\0",
    "\u{80}",
    "1",
    "chunked",
    "HTTP/1.0",
    "\r\nTransfer-Encoding: chunked",
    "\r\nContent-Length: 3",
    "\r\nConnection: close",
    "0\r\n\r\n",
    STRANGE,
];

fn mutate(count: usize, seed: u64) {
    let (payloads, mut numbers) = (payloads(), Numbers(seed));
    for index in 0..count {
        let mut bytes = payloads[index % payloads.len()].clone();
        for _ in 0..=numbers.below(3) {
            let start = numbers.below(bytes.len() as u64 + 1) as usize;
            let end = (start + [0, 0, 1, 2, 8][numbers.below(5) as usize]).min(bytes.len());
            bytes.splice(start..end, PIECES[numbers.below(PIECES.len() as u64) as usize].bytes());
        }
        judge(&bytes, index % 20 == 0);
    }
}

#[test]
fn a35_a36_nor_does_one_of_200_mutations() {
    mutate(200, 1);
}

#[test]
#[ignore = "long: make test-long"]
fn a35_a36_nor_does_one_of_10000_mutations() {
    mutate(10_000, 2);
}
