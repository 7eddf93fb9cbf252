//! Tests of the keyed region: own buckets, eviction, overflow, and many workers at once.

use std::num::NonZeroU64;
use std::sync::Barrier;
use std::sync::atomic::AtomicUsize;

use super::*;
use crate::layout::SET_KEYS;

const SECOND_NS: u64 = 1_000_000_000;

/// One a second and two at once.
fn rate() -> Rate {
    Rate::new(NonZeroU64::MIN, NonZeroU64::new(SECOND_NS).unwrap(), NonZeroU64::new(2))
}

fn sets(count: usize) -> Vec<KeyedSet> {
    (0..count).map(|_| KeyedSet::default()).collect()
}

/// Asks once; whether it passed, or none for the overflow bucket.
fn ask(sets: &[KeyedSet], hash: u64, now_ns: u64) -> Option<bool> {
    let request = Request { hash, rate: &rate(), cost: 1, now_ns };
    request.decide(sets).map(Verdict::is_admitted)
}

#[test]
fn every_key_has_its_own_bucket() {
    let sets = sets(4);
    for key in 1..=7 {
        let hash = key << 32 | key;
        assert_eq!([1, 2, 3].map(|now_ns| ask(&sets, hash, now_ns)), [Some(true), Some(true), Some(false)], "{key}");
    }
}

#[test]
fn a_key_whose_hash_is_zero_is_a_key() {
    let sets = sets(1);
    assert_eq!([1, 2, 3].map(|now_ns| ask(&sets, 0, now_ns)), [Some(true), Some(true), Some(false)]);
}

#[test]
fn a_running_limit_is_never_evicted() {
    let (sets, full) = (sets(1), SET_KEYS as u64);
    (1..=full).for_each(|key| assert_eq!(ask(&sets, key, 1), Some(true)));
    (100..200).for_each(|key| assert_eq!(ask(&sets, key, 2), None));
    for key in 1..=full {
        assert_eq!([3, 4].map(|now_ns| ask(&sets, key, now_ns)), [Some(true), Some(false)], "{key}");
    }
}

#[test]
fn a_key_back_at_its_start_makes_room() {
    let (sets, full) = (sets(1), SET_KEYS as u64);
    (1..=full).for_each(|key| assert_eq!(ask(&sets, key, 1), Some(true)));
    assert_eq!(ask(&sets, 1, 2), Some(true));
    let later = 1 + SECOND_NS + 1;
    (11..10 + full).for_each(|key| assert_eq!(ask(&sets, key, later), Some(true), "{key}"));
    assert_eq!(ask(&sets, 99, later), None, "key 1 has asked twice and is still running");
    assert_eq!(ask(&sets, 1, later), Some(true));
    assert_eq!(ask(&sets, 1, later), Some(false));
}

#[test]
fn what_is_larger_than_the_burst_takes_no_place() {
    let sets = sets(1);
    let request = Request { hash: 5, rate: &rate(), cost: 3, now_ns: 1 };
    assert_eq!(request.decide(&sets), Some(Verdict::Limited { retry_after_ns: u64::MAX }));
    assert!(places(&sets[0]).all(|place| place.tag.load(Relaxed) == 0));
}

#[test]
fn a_lease_whose_holder_died_runs_out() {
    let sets = sets(1);
    assert_eq!(ask(&sets, 1, 1), Some(true));
    sets[0].lease.store(10 + LEASE_NS, Relaxed);
    assert_eq!(ask(&sets, 2, 11), None);
    assert_eq!(ask(&sets, 1, 11), Some(true), "known keys need no lease");
    assert_eq!(ask(&sets, 2, 10 + LEASE_NS), Some(true));
}

#[test]
fn a_place_that_a_dead_worker_left_half_taken_comes_back() {
    let sets = sets(1);
    for place in places(&sets[0]) {
        place.word.store(SECOND_NS, Relaxed);
    }
    assert_eq!(ask(&sets, 2, 1), None);
    assert_eq!(ask(&sets, 2, SECOND_NS + 1), Some(true));
}

#[test]
fn a_place_that_went_to_another_key_meanwhile_is_left_alone() {
    let sets = sets(1);
    assert_eq!(ask(&sets, 1, 1), Some(true));
    let place = places(&sets[0]).next().unwrap();
    let late = Request { hash: 2, rate: &rate(), cost: 1, now_ns: 2 };
    assert!(matches!(late.decide_at(place), Found::Changed));
    assert_eq!([3, 4].map(|now_ns| ask(&sets, 1, now_ns)), [Some(true), Some(false)]);
}

#[test]
fn no_sets_mean_overflow() {
    assert_eq!(ask(&[], 1, 1), None);
}

/// Every thread asks for every key in each of many rounds, each in its own order; between
/// the rounds all buckets fill again, so that places change keys while old keys are asked.
fn hammer(sets: &[KeyedSet], keys: u64, rounds: u64) -> Vec<Vec<AtomicUsize>> {
    const THREADS: u64 = 4;
    let admitted: Vec<Vec<_>> = (0..rounds).map(|_| (0..keys).map(|_| AtomicUsize::new(0)).collect()).collect();
    let barrier = Barrier::new(THREADS as usize);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (admitted, barrier) = (&admitted, &barrier);
            scope.spawn(move || {
                for (round, counts) in admitted.iter().enumerate() {
                    barrier.wait();
                    for step in 0..keys * 3 {
                        let key = (step + thread * 3) % keys;
                        if ask(sets, key + 1, 1 + round as u64 * 10 * SECOND_NS) == Some(true) {
                            counts[key as usize].fetch_add(1, Relaxed);
                        }
                    }
                }
            });
        }
    });
    admitted
}

#[test]
fn workers_that_meet_a_new_key_together_never_admit_more_than_allowed() {
    let rounds = if cfg!(miri) { 3 } else { 2_000 };
    for counts in hammer(&sets(1), SET_KEYS as u64, rounds) {
        for count in counts {
            assert_eq!(count.into_inner(), 2, "each key has a place and its whole burst");
        }
    }
}

#[test]
fn keys_that_drive_each_other_out_never_admit_more_than_allowed() {
    let rounds = if cfg!(miri) { 3 } else { 2_000 };
    for counts in hammer(&sets(1), 20, rounds) {
        let counts: Vec<usize> = counts.into_iter().map(AtomicUsize::into_inner).collect();
        assert!(counts.iter().all(|count| *count <= 2), "{counts:?}");
        assert_eq!(counts.iter().sum::<usize>(), 2 * SET_KEYS, "{counts:?}");
    }
}

#[test]
fn a_client_is_an_address_or_a_network_of_64_bits() {
    let key = |address: &str| ClientKey::new(address.parse().unwrap());
    assert_eq!(key("10.1.2.3").as_bytes(), [10, 1, 2, 3]);
    assert_eq!(key("::ffff:10.1.2.3"), key("10.1.2.3"));
    assert_eq!(key("2001:db8:0:7::1"), key("2001:db8:0:7:ffff::"));
    assert_eq!(key("2001:db8:0:7::1").as_bytes(), [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 7]);
    assert_ne!(key("2001:db8:0:8::1"), key("2001:db8:0:7::1"));
    assert_ne!(key("10.1.2.3"), key("10.1.2.4"));
}

#[cfg(not(miri))]
mod in_the_table {
    use super::*;

    fn limit(number: u32) -> KeyedLimit {
        let overflow = WordSlot::new(number).unwrap();
        KeyedLimit { rate: rate(), overflow, overflowed: CounterSlot::new(number).unwrap() }
    }

    fn table() -> (Table, WorkerSlot) {
        let (table, worker) = (Table::create(1).unwrap(), WorkerSlot::new(0).unwrap());
        table.enroll(worker, 1, 0);
        (table, worker)
    }

    #[test]
    fn limiters_and_keys_are_apart() {
        let (table, worker) = table();
        for (limit, key) in [(limit(1), "a"), (limit(1), "b"), (limit(2), "a"), (limit(2), "")] {
            let ask = |now_ns| table.keyed(worker).admit(&limit, key.as_bytes(), 1, now_ns).is_admitted();
            assert_eq!([1, 2, 3].map(ask), [true, true, false], "{key}");
        }
        assert_eq!(table.counter(limit(1).overflowed).sum(), 0);
    }

    #[test]
    fn two_processes_find_the_same_bucket() {
        let (table, worker) = table();
        let copy = Table::open(table.descriptor().try_clone_to_owned().unwrap(), 1).unwrap();
        assert!(table.keyed(worker).admit(&limit(1), b"a", 2, 1).is_admitted());
        assert!(!copy.keyed(worker).admit(&limit(1), b"a", 1, 2).is_admitted());
    }

    #[test]
    fn keys_without_a_place_share_one_bucket_and_are_counted() {
        let (table, worker) = table();
        let (limit, sets) = (limit(1), &table.memory().keyed);
        let mut admitted = 0;
        for key in ["a", "b", "c", "d"] {
            let hash = table.keyed(worker).hash(&limit, key.as_bytes());
            let set = &sets[(hash >> 32) as usize % sets.len()];
            places(set).for_each(|place| place.word.store(SECOND_NS, Relaxed));
            admitted += usize::from(table.keyed(worker).admit(&limit, key.as_bytes(), 1, 1).is_admitted());
        }
        assert_eq!((admitted, table.counter(limit.overflowed).sum()), (2, 4));
    }

    #[test]
    fn hundreds_of_thousands_of_clients_have_their_own_buckets() {
        let (table, worker) = table();
        let (limit, clients) = (limit(1), 200_000_u32);
        for client in 0..clients {
            table.keyed(worker).admit(&limit, &client.to_be_bytes(), 2, 1);
        }
        let limited = |client: &u32| !table.keyed(worker).admit(&limit, &client.to_be_bytes(), 1, 2).is_admitted();
        assert_eq!((0..clients).filter(limited).count(), clients as usize);
        assert!(table.counter(limit.overflowed).sum() < 100, "sets of seven are far from full");
    }
}
