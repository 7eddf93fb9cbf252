//! Deliveries to collectors that take batches, refuse them, answer nonsense, or nothing.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use penstock_plan::{Collector as CollectorPlan, CollectorHeader, CollectorProtocol, Secrets};
use serde_json::json;

use super::exporter::Exporter;
use super::*;
use crate::exchange::Head;
use crate::export::queue::MOST_WAITING_BYTES;
use crate::http1::HeadLimits;
use crate::http2::{Input, Limits, Session, Spares};
use crate::resolver::{FindAddresses, NoAddresses};

/// Far beyond what anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
const INTAKE: Intake = Intake { path: "/v1/traces", content_type: "application/x-protobuf" };

fn collector(address: &str, protocol: CollectorProtocol, timeout_ms: u64) -> Arc<Collector> {
    let plan = CollectorPlan {
        address: address.to_owned(),
        host: "collector.example".to_owned(),
        path: "/base".to_owned(),
        protocol,
        headers: vec![CollectorHeader { name: "authorization".to_owned(), value_hash: "a1".to_owned() }],
        timeout_ms,
        tls: None,
    };
    let secrets: Secrets = serde_json::from_value(json!({"a1": "Bearer word"})).unwrap();
    Arc::new(Collector::build(&plan, None, &secrets).unwrap())
}

fn exporter(address: &str, protocol: CollectorProtocol, timeout_ms: u64) -> Exporter {
    Exporter::start(collector(address, protocol, timeout_ms), INTAKE, Arc::new(NoAddresses)).unwrap()
}

fn batch(bytes: usize) -> Batch {
    Batch { body: vec![b'x'; bytes], items: 3 }
}

/// Ends an exporter that has time, and says what became of everything.
fn settled(exporter: &Exporter) -> Counts {
    let end = Instant::now() + PATIENCE;
    exporter.end_at(end);
    exporter.wait(end);
    exporter.counts()
}

/// Waits until an exporter has counted so much.
fn counted(exporter: &Exporter, is_enough: impl Fn(&Counts) -> bool) -> Counts {
    let (mut sum, end) = (Counts::default(), Instant::now() + PATIENCE);
    while !is_enough(&sum) {
        assert!(Instant::now() < end, "{sum:?}");
        let more = exporter.counts();
        sum = Counts {
            delivered: sum.delivered + more.delivered,
            dropped: sum.dropped + more.dropped,
            failed: sum.failed + more.failed,
        };
        thread::yield_now();
    }
    sum
}

/// A collector: each connection is served by a thread, and each request answered by the next of some answers.
struct Sink {
    address: String,
    requests: Receiver<(usize, String)>,
}

impl Sink {
    fn new(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answers = answers.iter().rev().map(|answer| (*answer).to_owned()).collect::<Vec<_>>();
        let (answers, (sender, requests)) = (Arc::new(Mutex::new(answers)), channel());
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (answers, sender) = (Arc::clone(&answers), sender.clone());
                thread::spawn(move || serve(stream.unwrap(), number, &answers, &sender));
            }
        });
        Self { address, requests }
    }

    fn next(&self) -> (usize, String) {
        self.requests.recv_timeout(PATIENCE).unwrap()
    }
}

fn serve(mut stream: TcpStream, number: usize, answers: &Mutex<Vec<String>>, requests: &Sender<(usize, String)>) {
    while let Some(request) = read_request(&mut stream) {
        let _ = requests.send((number, request));
        let answer = answers.lock().unwrap().pop().unwrap_or_else(|| TAKEN.to_owned());
        if stream.write_all(answer.as_bytes()).is_err() || answer.starts_with("HTTP/1.0") {
            return;
        }
    }
}

fn read_request(stream: &mut TcpStream) -> Option<String> {
    let (mut text, mut bytes) = (String::new(), [0; 4096]);
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() == length.parse::<usize>().unwrap() {
                return Some(text);
            }
        }
        match stream.read(&mut bytes) {
            Ok(count) if count > 0 => text.push_str(str::from_utf8(&bytes[..count]).unwrap()),
            _ => return None,
        }
    }
}

const TAKEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

#[test]
fn batches_are_posted_one_after_the_other_on_one_connection() {
    let sink = Sink::new(&[]);
    let exporter = exporter(&sink.address, CollectorProtocol::Http, 30_000);
    exporter.push(batch(5));
    exporter.push(batch(6));
    let (first, second) = (sink.next(), sink.next());
    assert_eq!((first.0, second.0), (0, 0), "one connection");
    let head = "POST /base/v1/traces HTTP/1.1\r\nhost: collector.example\r\ncontent-type: application/x-protobuf\r\n\
                content-length: 5\r\nuser-agent: penstock\r\nauthorization: Bearer word\r\n\r\nxxxxx";
    assert_eq!(first.1, head);
    assert_eq!(settled(&exporter), Counts { delivered: 6, dropped: 0, failed: 0 });
}

#[test]
fn a_batch_is_sent_again_while_the_collector_says_later_and_not_where_it_says_no() {
    let later = "HTTP/1.1 503 X\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n";
    let busy = "HTTP/1.1 429 X\r\ncontent-length: 0\r\n\r\n";
    let no = "HTTP/1.1 400 X\r\ncontent-length: 0\r\n\r\n";
    let sink = Sink::new(&[later, busy, TAKEN, no]);
    let exporter = exporter(&sink.address, CollectorProtocol::Http, 30_000);
    exporter.push(batch(1));
    exporter.push(batch(2));
    let bodies: Vec<usize> = (0..4).map(|_| sink.next().1.split_once("\r\n\r\n").unwrap().1.len()).collect();
    assert_eq!(bodies, [1, 1, 1, 2]);
    assert_eq!(settled(&exporter), Counts { delivered: 3, dropped: 0, failed: 3 });
}

#[test]
fn r64_nonsense_is_an_attempt_that_failed_and_attempts_are_counted() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(20 << 10));
    for answer in ["\0\u{1}garbage\r\n\r\n", "HTTP/1.1 100 Go on\r\n\r\n", "HTTP/1.0 999", &long] {
        let sink = Sink::new(&[answer; 6]);
        let exporter = exporter(&sink.address, CollectorProtocol::Http, 30_000);
        exporter.push(batch(1));
        let counts = counted(&exporter, |counts| counts.failed + counts.delivered > 0);
        assert_eq!(counts, Counts { delivered: 0, dropped: 0, failed: 3 }, "{answer:.20}");
        assert_eq!(sink.requests.try_iter().count(), 6);
    }
}

#[test]
fn a_connection_that_the_collector_has_closed_costs_no_attempt() {
    let closing = "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n";
    let sink = Sink::new(&[closing, closing, closing]);
    let exporter = exporter(&sink.address, CollectorProtocol::Http, 30_000);
    for number in 0..3 {
        exporter.push(batch(1));
        assert_eq!(sink.next().0, number);
    }
    assert_eq!(settled(&exporter).delivered, 9);
}

#[test]
fn records_that_a_collector_did_not_take_of_a_batch_that_it_took_have_failed() {
    let partial = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n\n\u{2}\u{8}\u{2}";
    let all = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n\n\u{2}\u{8}\u{7f}";
    let sink = Sink::new(&[partial, all]);
    let exporter = exporter(&sink.address, CollectorProtocol::Http, 30_000);
    exporter.push(batch(1));
    exporter.push(batch(2));
    assert_eq!((sink.next().0, sink.next().0), (0, 0), "the connection is kept");
    assert_eq!(counted(&exporter, |counts| counts.failed + counts.delivered == 6).failed, 2 + 3);
}

#[test]
fn r64_a_black_hole_costs_bounded_memory_and_what_finds_no_room_is_counted() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let exporter = exporter(&silent.local_addr().unwrap().to_string(), CollectorProtocol::Http, 3_600_000);
    let (size, count) = (1 << 20, 100);
    for _ in 0..count {
        exporter.push(batch(size));
    }
    let room = MOST_WAITING_BYTES / size;
    let dropped = 3 * (count - room) as u64;
    assert_eq!(exporter.counts(), Counts { delivered: 0, dropped, failed: 0 });
    let end = Instant::now() + Duration::from_millis(1);
    exporter.end_at(end);
    exporter.wait(Instant::now() + PATIENCE);
    assert_eq!(exporter.counts(), Counts { delivered: 0, dropped: 0, failed: 3 * room as u64 });
    exporter.push(batch(1));
    assert_eq!(exporter.counts().dropped, 3, "nobody is there any more");
}

#[test]
fn r64_a_collector_that_is_not_there_costs_its_batches_alone() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for address in [gone.as_str(), "unix:/nowhere/socket", "no.such.name:4318", "nonsense"] {
        let exporter = exporter(address, CollectorProtocol::Http, 30_000);
        exporter.push(batch(1));
        assert_eq!(counted(&exporter, |counts| counts.failed > 0).failed, 3, "{address}");
    }
}

/// Knows one name.
struct One(IpAddr);

impl FindAddresses for One {
    fn find(&self, name: &str) -> std::io::Result<Vec<IpAddr>> {
        assert_eq!(name, "collector.example");
        Ok(vec![IpAddr::from([127, 255, 255, 254]), self.0])
    }
}

#[test]
fn a_collector_is_found_by_its_name_and_every_address_is_tried() {
    let sink = Sink::new(&[]);
    let port = sink.address.rsplit_once(':').unwrap().1;
    let address = format!("collector.example:{port}");
    let collector = collector(&address, CollectorProtocol::Http, 30_000);
    let addresses = Arc::new(One(IpAddr::from([127, 0, 0, 1])));
    let exporter = Exporter::start(collector, INTAKE, addresses).unwrap();
    exporter.push(batch(1));
    sink.next();
    assert_eq!(settled(&exporter).delivered, 3);
}

/// A collector that is called: each call is answered by the next of some statuses, 0 once there is none left.
fn called(statuses: &'static [&'static str]) -> (String, Receiver<(String, usize)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (mut statuses, (sender, calls)) = (statuses.iter().copied(), channel());
    thread::spawn(move || {
        for stream in listener.incoming() {
            serve_calls(&mut stream.unwrap(), &mut statuses, &sender);
        }
    });
    (address, calls)
}

fn serve_calls(
    stream: &mut TcpStream,
    statuses: &mut impl Iterator<Item = &'static str>,
    calls: &Sender<(String, usize)>,
) {
    let head_limits = HeadLimits { bytes: 16 << 10, fields: 50, target_bytes: 1 << 10 };
    let limits = Limits { streams: 9, stream_window: 20_000, connection_window: 70_000, head_bytes: 16 << 10 };
    let mut session = Session::new(limits, head_limits, Spares::default());
    let context = Context::from_waker(Waker::noop());
    let (mut came, mut bytes, mut opened, mut body) = (Vec::new(), [0; 4096], Vec::new(), 0);
    loop {
        stream.write_all(session.output()).unwrap();
        session.output().clear();
        match stream.read(&mut bytes) {
            Ok(count) if count > 0 => came.extend_from_slice(&bytes[..count]),
            _ => return,
        }
        let used = session.receive(&came, 0, &mut opened);
        came.drain(..used);
        let Some(call) = opened.first() else { continue };
        let (id, mut input) = (call.stream as u32, Vec::new());
        let mut polled = session.poll_input(&context, id, &mut input);
        while polled == Poll::Ready(Input::Bytes) {
            body += input.len();
            session.release(id, input.len());
            input.clear();
            polled = session.poll_input(&context, id, &mut input);
        }
        if polled != Poll::Ready(Input::Ended) {
            continue;
        }
        let head = call.request.head.iter().map(|(name, value)| [name, b"=", value, b";"].concat());
        let head = String::from_utf8(head.collect::<Vec<_>>().concat()).unwrap();
        calls.send((head, body)).unwrap();
        let mut trailers = Head::default();
        trailers.add(b"grpc-status", statuses.next().unwrap_or("0").as_bytes());
        session.send_head(id, 200, &Head::default(), None, false);
        session.send_trailers(id, &trailers);
        session.close(id, 0);
        (opened, body) = (Vec::new(), 0);
    }
}

#[test]
fn batches_are_calls_that_may_be_large_and_are_repeated_while_the_collector_is_unavailable() {
    let (address, calls) = called(&["14", "8", "0", "3"]);
    let intake = Intake { path: "/package.Service/Export", content_type: "application/grpc" };
    let collector = collector(&address, CollectorProtocol::Grpc, 30_000);
    let exporter = Exporter::start(collector, intake, Arc::new(NoAddresses)).unwrap();
    for size in [300_000, 1, 2] {
        exporter.push(batch(size));
    }
    let came: Vec<(String, usize)> = (0..5).map(|_| calls.recv_timeout(PATIENCE).unwrap()).collect();
    assert_eq!(came.iter().map(|(_, size)| *size).collect::<Vec<_>>(), [300_005, 300_005, 300_005, 6, 7]);
    for text in ["content-type=application/grpc;", "te=trailers;", "authorization=Bearer word;"] {
        assert!(came[4].0.contains(text), "{}", came[4].0);
    }
    assert_eq!(settled(&exporter), Counts { delivered: 6, dropped: 0, failed: 3 });
}

#[test]
fn r64_a_collector_that_does_not_speak_http2_is_given_up() {
    let sink = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = sink.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in sink.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.write_all(b"HTTP/1.1 400 no\r\ncontent-length: 0\r\n\r\n");
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    let exporter = exporter(&address, CollectorProtocol::Grpc, 30_000);
    exporter.push(batch(1));
    assert_eq!(counted(&exporter, |counts| counts.failed > 0).failed, 3);
}
