//! Stories of workers that beat, lag, stand still and come back.

use std::collections::BTreeMap;

use super::*;

/// A crew whose workers are told what they do in each turn.
struct Crew {
    watch: Watch,
    sights: Vec<Sight>,
    busy_ms: BTreeMap<u32, u64>,
    verdicts: Vec<(u64, u32, Verdict)>,
    clock_ms: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum Deed {
    Beats,
    Hangs,
    Spins,
}

use Deed::{Beats, Hangs, Spins};

impl Crew {
    fn new(workers: u32) -> Self {
        let sights = (1..=workers).map(|process| Sight { process, beats: 1 }).collect();
        let watch = Watch::new(Patience::of(10_000));
        Self { watch, sights, busy_ms: BTreeMap::new(), verdicts: Vec::new(), clock_ms: 0 }
    }

    fn turn(&mut self, passed_ms: u64, deeds: &[Deed]) {
        self.clock_ms += passed_ms;
        for (sight, deed) in self.sights.iter_mut().zip(deeds) {
            sight.beats += u64::from(*deed == Beats);
            *self.busy_ms.entry(sight.process).or_default() += if *deed == Spins { passed_ms * 9 / 10 } else { 1 };
        }
        let verdicts = self.watch.turn(passed_ms, &self.sights, |process| self.busy_ms[&process]);
        self.verdicts.extend(verdicts.into_iter().map(|(process, _, verdict)| (self.clock_ms, process, verdict)));
    }

    fn run(&mut self, seconds: u64, deeds: &[Deed]) -> &mut Self {
        (0..seconds * 1000 / TURN_MS).for_each(|_| self.turn(TURN_MS, deeds));
        self
    }

    fn replaced(&self) -> Vec<(u64, u32)> {
        let replaced = self.verdicts.iter().filter(|(_, _, verdict)| *verdict == Verdict::Replace);
        replaced.map(|(at_ms, process, _)| (*at_ms, *process)).collect()
    }
}

#[test]
fn workers_that_beat_are_left_alone() {
    assert_eq!(Crew::new(3).run(60, &[Beats; 3]).verdicts, []);
}

#[test]
fn r43_a_worker_that_hangs_is_counted_written_down_and_replaced_once() {
    let mut crew = Crew::new(2);
    crew.run(1, &[Beats, Beats]).run(15, &[Hangs, Beats]);
    let expected = [(1_300, 1, Verdict::Lags), (2_000, 1, Verdict::Stacks), (11_000, 1, Verdict::Replace)];
    assert_eq!(crew.verdicts, expected);
}

#[test]
fn r43_a_worker_that_spins_is_replaced_sooner() {
    let mut crew = Crew::new(2);
    crew.run(1, &[Beats, Beats]).run(5, &[Beats, Spins]);
    assert_eq!(crew.replaced(), [(4_000, 2)]);
}

#[test]
fn a_worker_that_comes_back_in_time_starts_afresh() {
    let mut crew = Crew::new(2);
    for _ in 0..5 {
        crew.run(9, &[Hangs, Beats]).run(1, &[Beats, Beats]);
    }
    assert_eq!(crew.replaced(), []);
    assert_eq!(crew.verdicts.iter().filter(|(_, _, verdict)| *verdict == Verdict::Lags).count(), 5);
}

#[test]
fn turns_that_were_late_blame_nobody() {
    let mut crew = Crew::new(2);
    (0..200).for_each(|_| crew.turn(1_000, &[Hangs, Beats]));
    assert_eq!(crew.verdicts, []);
    crew.run(10, &[Hangs, Beats]);
    assert_eq!(crew.replaced().len(), 1, "once it is on time again");
}

#[test]
fn most_workers_standing_still_together_are_left_for_a_minute() {
    let mut crew = Crew::new(3);
    crew.run(1, &[Beats; 3]).run(59, &[Hangs, Spins, Beats]);
    assert_eq!(crew.replaced(), []);
    crew.run(2, &[Hangs, Spins, Beats]);
    assert_eq!(crew.replaced().len(), 1);
}

#[test]
fn one_of_two_is_not_most_and_a_single_worker_is_judged_alone() {
    assert_eq!(Crew::new(1).run(11, &[Hangs]).replaced(), [(10_100, 1)]);
    assert_eq!(Crew::new(2).run(11, &[Hangs, Beats]).replaced(), [(10_100, 1)]);
}

#[test]
fn one_replacement_at_a_time() {
    let mut crew = Crew::new(4);
    crew.run(11, &[Hangs, Hangs, Beats, Beats]);
    assert_eq!(crew.replaced().len(), 1);
    // The dead one's successor beats, and the next may go.
    let dead = crew.replaced()[0].1 as usize - 1;
    crew.sights[dead] = Sight { process: 9, beats: 0 };
    let mut deeds = [Hangs, Hangs, Beats, Beats];
    crew.run(1, &deeds);
    assert_eq!(crew.replaced().len(), 1, "it does not beat yet");
    deeds[dead] = Beats;
    crew.run(1, &deeds);
    assert_eq!(crew.replaced().len(), 2);
}

#[test]
fn a_replacement_that_never_comes_holds_others_up_no_longer_than_a_silence() {
    let mut crew = Crew::new(4);
    crew.run(11, &[Hangs, Hangs, Beats, Beats]);
    let dead = crew.replaced()[0].1 as usize - 1;
    crew.sights.remove(dead);
    crew.run(11, &[Hangs, Beats, Beats]);
    assert_eq!(crew.replaced().len(), 2);
}

#[test]
fn short_patience_keeps_its_order() {
    let patience = Patience::of(1_000);
    assert!(patience.stacks_ms >= LAG_MS && patience.stacks_ms <= patience.busy_ms);
    assert!(patience.busy_ms <= patience.silent_ms && patience.silent_ms < patience.together_ms);
    assert_eq!(
        Patience::of(10_000),
        Patience { stacks_ms: 1_000, busy_ms: 3_000, silent_ms: 10_000, together_ms: 60_000 }
    );
}
