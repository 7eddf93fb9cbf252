//! What requests and connections cost on the heap, counted on the worker's thread.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests, and so are the functions they share"
)]
#![allow(clippy::cast_possible_wrap, reason = "sizes and counts are far below 2^63")]

#[allow(dead_code, unused_imports, reason = "the wire tests use what these leave out")]
#[path = "wire/harness/mod.rs"]
mod harness;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Write;
use std::ops::Range;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use harness::{Client, Config, FILLER, Gateway, Origin, eventually, forward_step, native_step, prefix};
use serde_json::json;

/// Sizes of a block of the access log, which another thread frees; a read buffer is larger.
const BLOCK_BYTES: Range<usize> = 48 << 10..64 << 10;
/// Time between two ticks of the worker.
const TICK_MS: u128 = 100;

static OTHERS: AtomicI64 = AtomicI64::new(0);
static BLOCKS: AtomicI64 = AtomicI64::new(0);
static LIVE_BYTES: AtomicI64 = AtomicI64::new(0);
/// One worker is counted at a time.
static TURN: Mutex<()> = Mutex::new(());

thread_local! {
    static IS_COUNTED: Cell<bool> = const { Cell::new(false) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call goes to the system's allocator unchanged; counting allocates nothing.
#[allow(unsafe_code, reason = "an allocator cannot be written without")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        forget(layout.size());
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        forget(layout.size());
        count(size);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn is_counted() -> bool {
    IS_COUNTED.try_with(Cell::get).unwrap_or(false)
}

fn count(size: usize) {
    if is_counted() {
        if BLOCK_BYTES.contains(&size) {
            BLOCKS.fetch_add(1, SeqCst);
        } else {
            OTHERS.fetch_add(1, SeqCst);
            LIVE_BYTES.fetch_add(size as i64, SeqCst);
        }
    }
}

fn forget(size: usize) {
    if is_counted() && !BLOCK_BYTES.contains(&size) {
        LIVE_BYTES.fetch_sub(size as i64, SeqCst);
    }
}

/// A worker whose thread is counted.
fn counted(config: Config) -> Gateway {
    Gateway::start_with(config, || IS_COUNTED.with(|is_counted| is_counted.set(true)))
}

fn with_headers(origin: &Origin) -> Config {
    let headers = native_step(
        "SetHeaders",
        &json!({
            "request": {"set": {"x-gateway": "penstock"}, "add": {}, "remove": []},
            "response": {"set": {"x-served-by": "penstock"}, "add": {}, "remove": ["server"]},
        }),
    );
    let limit = |key: &str| {
        let rate = json!({"count": 1_000_000, "per_ms": 1000});
        native_step("RateLimit", &json!({"rate": rate, "burst": null, "key": key, "scope": "all_nodes"}))
    };
    let limits = [limit("client_ip"), limit("{{ request.headers['x-tenant'] }}")];
    let steps = limits.into_iter().chain([headers, forward_step()]).collect();
    Config::to(&[origin.address()]).route("all", prefix(""), steps)
}

#[test]
fn a_request_in_the_steady_state_allocates_nothing() {
    check_steady_state(|config| config, "");
}

#[test]
fn a_request_that_is_not_recorded_allocates_nothing_for_its_trace() {
    let nobody = "127.0.0.1:1";
    check_steady_state(|config| config.traced(0, nobody), "");
    let parent = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00\r\ntracestate: a=b\r\n";
    check_steady_state(|config| config.traced(1_000_000, nobody), parent);
}

fn check_steady_state(change: impl FnOnce(Config) -> Config, fields: &str) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let origin = Origin::answering(
        "HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 1024\r\n\r\n".to_owned() + &"x".repeat(1024),
    );
    let gateway = counted(change(with_headers(&origin)));
    let mut client = gateway.client();
    let request = format!("GET /p?a=b HTTP/1.1\r\nHost: a.test\r\nUser-Agent: test\r\nAccept: */*\r\n{fields}\r\n");
    let mut ask = |count: usize| {
        for _ in 0..count {
            client.send(&request);
            assert_eq!(client.answer().field("x-served-by"), Some("penstock"));
        }
    };
    ask(500);
    let (others, blocks, started) = (OTHERS.load(SeqCst), BLOCKS.load(SeqCst), Instant::now());
    ask(5_000);
    let (others, blocks) = (OTHERS.load(SeqCst) - others, BLOCKS.load(SeqCst) - blocks);
    let ticks = i64::try_from(started.elapsed().as_millis() / TICK_MS).unwrap() + 1;
    println!("5,000 requests in {ticks} ticks: {others} other allocations, {blocks} blocks of the access log");
    // What remains belongs to time, not to requests: the log's queue grows, its stamp changes each second.
    assert!(others <= 2 * ticks + 10, "{others} allocations in {ticks} ticks");
    let log_bytes = 5_000 * 600;
    assert!(blocks <= ticks + log_bytes / BLOCK_BYTES.start as i64 + 1, "{blocks} blocks");
}

/// Pieces that endless senders have got rid of.
static MOVED: AtomicU64 = AtomicU64::new(0);

/// Returns when nothing moves any more: what is under way holds no buffer of its own.
fn settle() {
    let mut before = None;
    eventually("nothing moves", || {
        std::thread::sleep(Duration::from_millis(300));
        let now = Some(MOVED.load(SeqCst));
        (std::mem::replace(&mut before, now) == now).then_some(())
    });
}

/// Bytes that the worker holds for each of many connections.
fn bytes_each(count: usize, gateway: &Gateway, open: impl Fn() -> Client) -> i64 {
    // What the thread keeps for the next connection is nobody's.
    drop(open());
    eventually("all are gone", || (gateway.metric("penstock_open_connections") == 0).then_some(()));
    settle();
    let before = LIVE_BYTES.load(SeqCst);
    let clients: Vec<Client> = (0..count).map(|_| open()).collect();
    eventually("all are open", || (gateway.metric("penstock_open_connections") == count as u64).then_some(()));
    settle();
    let each = (LIVE_BYTES.load(SeqCst) - before) / count as i64;
    drop(clients);
    each
}

#[test]
fn an_idle_connection_holds_at_most_a_kilobyte_and_a_half() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let origin = Origin::echoing();
    let gateway = counted(with_headers(&origin));
    let each = bytes_each(500, &gateway, || {
        let mut client = gateway.client();
        assert_eq!(client.get("/").answer().status(), 200);
        client
    });
    println!("{each} bytes for each idle connection");
    assert!(each <= 1_536, "{each} bytes for each idle connection");
}

#[test]
fn r60_a_half_sent_head_holds_at_most_16_kilobytes() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let origin = Origin::echoing();
    let gateway = counted(with_headers(&origin));
    let half = format!("GET / HTTP/1.1\r\nHost: a.test\r\nX-Fill: {}", "a".repeat(300));
    let each = bytes_each(500, &gateway, || {
        let mut client = gateway.client();
        client.send(&half);
        client
    });
    println!("{each} bytes for each half-sent head");
    assert!(each <= 16 << 10, "{each} bytes for each half-sent head");
}

#[test]
fn a41_a_large_head_costs_at_most_twice_its_limit() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let origin = Origin::echoing();
    let gateway = counted(with_headers(&origin));
    let head = format!("GET / HTTP/1.1\r\nHost: a.test\r\nX-Fill: {}", "a".repeat(60 << 10));
    let each = bytes_each(100, &gateway, || {
        let mut client = gateway.client();
        client.send(&head);
        client
    });
    println!("{each} bytes for each large head");
    assert!(each <= 128 << 10, "{each} bytes for each large head");
}

/// What a stream may hold: a buffer of 64 KiB a direction, free ones counted, and its connections.
const STREAM_BYTES: i64 = (128 << 10) + (8 << 10);

#[test]
fn r36_an_answer_that_nobody_takes_holds_64_kilobytes_a_direction() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let origin = Origin::running(|caller| {
        if caller.request().is_some() {
            caller.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
            while caller.send(FILLER) {
                MOVED.fetch_add(1, SeqCst);
            }
        }
    });
    let gateway = counted(with_headers(&origin));
    let each = bytes_each(8, &gateway, || {
        let mut client = gateway.client();
        client.get("/").take(100_000);
        client
    });
    println!("{each} bytes for each answer that nobody takes");
    assert!((1..=STREAM_BYTES).contains(&each), "{each} bytes for each answer that nobody takes");
}

#[test]
fn r36_an_upload_that_nobody_takes_holds_64_kilobytes_a_direction() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let origin = Origin::running(|caller| {
        caller.read_until("\r\n\r\n");
        // The first one has to end, which it does by nothing but this.
        caller.pause(if caller.index == 0 { 1_000 } else { 20_000 });
    });
    let gateway = counted(with_headers(&origin));
    let each = bytes_each(8, &gateway, || {
        let mut client = gateway.client();
        client.send("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000000\r\n\r\n");
        let mut feeder = client.second_handle();
        std::thread::spawn(move || {
            while feeder.write_all(&FILLER).is_ok() {
                MOVED.fetch_add(1, SeqCst);
            }
        });
        client
    });
    println!("{each} bytes for each upload that nobody takes");
    assert!((1..=STREAM_BYTES).contains(&each), "{each} bytes for each upload that nobody takes");
}
