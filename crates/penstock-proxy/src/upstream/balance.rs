//! Which endpoint serves the next request.

use std::cell::Cell;

use penstock_plan::Balance;

/// What a pick needs to know of an endpoint.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate {
    /// Share of the requests; 0: none.
    pub(crate) weight: u32,
    /// Requests in flight, from all workers; only [`Balance::LeastRequests`] asks.
    pub(crate) in_flight: u32,
    /// Whether this request has tried it already.
    pub(crate) is_tried: bool,
}

/// Picks endpoints; keeps only what the next pick needs.
#[derive(Debug, Default)]
pub(crate) struct Balancer {
    turn: Cell<u64>,
}

impl Balancer {
    /// The position of the endpoint to use, among those not tried, else among all.
    pub(crate) fn pick<C>(&self, balance: Balance, candidates: C, random: u64) -> Option<usize>
    where
        C: Iterator<Item = Candidate> + Clone,
    {
        let fresh = candidates.clone().any(|one| one.weight > 0 && !one.is_tried);
        let usable = candidates.enumerate().filter(move |(_, one)| one.weight > 0 && (!fresh || !one.is_tried));
        match balance {
            Balance::RoundRobin => {
                let turn = self.turn.get();
                self.turn.set(turn.wrapping_add(1));
                by_weight(usable, turn)
            }
            Balance::Random => by_weight(usable, random),
            Balance::LeastRequests => self.least(usable),
        }
    }

    fn least(&self, usable: impl Iterator<Item = (usize, Candidate)> + Clone) -> Option<usize> {
        let load = |one: &Candidate| u64::from(one.in_flight + 1) * 1_000_000 / u64::from(one.weight);
        let (least, first) = usable.clone().map(|(index, one)| (load(&one), index)).min()?;
        // Equals are served in turn, so that an idle upstream does not send all to its first endpoint.
        let equals = usable.filter(move |(_, one)| load(one) <= least);
        let turn = self.turn.get();
        self.turn.set(turn.wrapping_add(1));
        // Other workers count too: by a second look the least may have become more.
        by_weight(equals, turn).or(Some(first))
    }
}

/// The endpoint whose share the number falls into.
fn by_weight(usable: impl Iterator<Item = (usize, Candidate)> + Clone, number: u64) -> Option<usize> {
    let total: u64 = usable.clone().map(|(_, one)| u64::from(one.weight)).sum();
    let mut left = number.checked_rem(total)?;
    for (index, one) in usable {
        match left.checked_sub(u64::from(one.weight)) {
            Some(rest) => left = rest,
            None => return Some(index),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(weight: u32, in_flight: u32, is_tried: bool) -> Candidate {
        Candidate { weight, in_flight, is_tried }
    }

    fn picks(balance: Balance, candidates: &[Candidate], count: u64) -> Vec<usize> {
        let balancer = Balancer::default();
        (0..count).filter_map(|n| balancer.pick(balance, candidates.iter().copied(), n * 7)).collect()
    }

    #[test]
    fn round_robin_gives_each_endpoint_its_weight() {
        let picks =
            picks(Balance::RoundRobin, &[candidate(1, 0, false), candidate(2, 0, false), candidate(0, 0, false)], 300);
        assert_eq!(picks.iter().filter(|pick| **pick == 0).count(), 100);
        assert_eq!(picks.iter().filter(|pick| **pick == 1).count(), 200);
    }

    #[test]
    fn the_least_loaded_for_its_weight_is_picked_and_equals_take_turns() {
        let loaded = [candidate(1, 3, false), candidate(2, 3, false), candidate(1, 2, false)];
        assert_eq!(picks(Balance::LeastRequests, &loaded, 2), [1, 1]);
        assert_eq!(picks(Balance::LeastRequests, &[candidate(1, 0, false), candidate(1, 0, false)], 4), [0, 1, 0, 1]);
    }

    #[test]
    fn what_was_tried_is_used_again_only_when_nothing_else_is_left() {
        let one_left = [candidate(1, 0, true), candidate(1, 0, false)];
        assert_eq!(picks(Balance::RoundRobin, &one_left, 3), [1, 1, 1]);
        assert_eq!(picks(Balance::Random, &[candidate(1, 0, true)], 1), [0]);
        assert_eq!(picks(Balance::Random, &[], 1), [] as [usize; 0]);
    }
}
