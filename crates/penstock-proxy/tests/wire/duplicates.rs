//! R24: whatever an origin does, a request that may not be repeated reaches it once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use penstock_plan::{Retry, RetryOn};

use crate::harness::{Caller, Config, Gateway, Origin, eventually};

/// Numbers that look random and are the same in every run.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Counts every sequence number it reads and ends connections at any byte of request or answer.
fn unreliable(seen: Arc<Mutex<HashMap<String, usize>>>) -> Origin {
    let connections = AtomicUsize::new(0);
    Origin::running(move |caller| {
        let mut numbers = Numbers(connections.fetch_add(1, Ordering::SeqCst) as u64 + 1);
        while answer_one(caller, &mut numbers, &seen) {}
    })
}

fn answer_one(caller: &mut Caller, numbers: &mut Numbers, seen: &Mutex<HashMap<String, usize>>) -> bool {
    if numbers.below(6) == 0 {
        // Ends while the connection waits, or with the request unread.
        caller.reset();
        return false;
    }
    let Some(request) = caller.request() else { return false };
    *seen.lock().unwrap().entry(request.text()).or_default() += 1;
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    if numbers.below(4) > 0 {
        return caller.send(answer);
    }
    caller.send(&answer[..numbers.below(answer.len() as u64) as usize]);
    if numbers.below(2) == 0 {
        caller.reset();
    }
    false
}

/// Asks for as many repetitions as a policy can.
fn eager(origin: &Origin) -> Gateway {
    let mut config = Config::to(&[origin.address()]);
    let on = vec![RetryOn::ConnectFailure, RetryOn::Reset, RetryOn::TimedOut, RetryOn::Status(200)];
    config.upstream.retry = Some(Retry { attempts: 5, on, budget_percent: 100 });
    Gateway::start(config)
}

fn run(posts: usize, start: impl FnOnce(&Origin) -> Gateway) {
    let seen: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let origin = unreliable(Arc::clone(&seen));
    let gateway = start(&origin);
    let (mut answered, mut client) = (0, gateway.client());
    for number in 0..posts {
        let body = format!("sequence {number}");
        client.send(format!("POST /{number} HTTP/1.1\r\nHost: a.test\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        let head = client.head_or_end();
        answered += usize::from(head.contains(" 200 "));
        if !client.body_or_end(&head) {
            client = gateway.client();
        }
    }
    let seen = seen.lock().unwrap();
    let duplicates: Vec<_> = seen.iter().filter(|(_, count)| **count > 1).collect();
    assert!(duplicates.is_empty(), "{duplicates:?}");
    assert!(answered > posts / 4 && answered < posts, "{answered} of {posts} were answered");
    eventually("nothing is in flight", || (gateway.in_flight() == 0).then_some(()));
}

#[test]
fn r24_no_post_of_2000_is_duplicated_by_random_resets() {
    run(2_000, Gateway::before);
}

#[test]
fn r24_no_post_of_2000_is_duplicated_by_an_eager_policy() {
    run(2_000, eager);
}

#[test]
#[ignore = "long: make test-long"]
fn r24_no_post_of_100000_is_duplicated_by_random_resets() {
    run(100_000, Gateway::before);
}
