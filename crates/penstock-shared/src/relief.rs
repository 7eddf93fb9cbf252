//! Workers with far more connections than others are relieved: another accepts in their place.
//!
//! Pure: each worker decides for itself from what all say in the table. Whoever wants relief goes
//! on accepting until somebody says that it accepts, and whoever relieves goes on until it is not
//! wanted any more or somebody else does it: at no time does nobody accept.

/// What a worker says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// Whose listening sockets it accepts from first of all.
    pub index: u32,
    /// Its open connections.
    pub open: u64,
    /// Whether it wants another to accept in its place.
    pub wants_relief: bool,
    /// The indexes that it accepts for because they want relief, one bit each.
    pub relieves: u64,
}

/// Connections over the mean that make a worker want relief, beside a quarter of the mean.
const OVER: u64 = 16;

/// What a worker shall say of itself next, given what the others say.
#[must_use]
pub fn next(mine: Load, others: &[Load]) -> Load {
    let mine = Load { wants_relief: wants_relief(&mine, others), ..mine };
    let wanting = others.iter().filter(|other| other.wants_relief && relieves(&mine, other, others));
    Load { relieves: wanting.fold(0, |relieves, other| relieves | bit(other.index)), ..mine }
}

/// Whether somebody accepts in this worker's place.
#[must_use]
pub fn is_relieved(mine: &Load, others: &[Load]) -> bool {
    mine.wants_relief && others.iter().any(|other| other.relieves & bit(mine.index) != 0)
}

/// Over 1.25 times the mean and 16 over it; once it is, until it is no more than 1.1 times or 8 over.
fn wants_relief(mine: &Load, others: &[Load]) -> bool {
    let workers = others.len() as u64 + 1;
    let all = others.iter().fold(mine.open, |sum, other| sum.saturating_add(other.open));
    let own = mine.open.saturating_mul(workers);
    let (times, over) = if mine.wants_relief { ((10, 11), OVER / 2) } else { ((4, 5), OVER) };
    own.saturating_mul(times.0) > all.saturating_mul(times.1) && own > all.saturating_add(over * workers)
}

fn relieves(mine: &Load, wanting: &Load, others: &[Load]) -> bool {
    if wanting.index == mine.index {
        return false;
    }
    let is_free = |other: &&Load| other.index != wanting.index && !other.wants_relief;
    let is_done = others.iter().filter(is_free).any(|other| other.relieves & bit(wanting.index) != 0);
    if mine.relieves & bit(wanting.index) != 0 {
        return !(mine.wants_relief && is_done);
    }
    // Nearly the least loaded will do: who exactly it is changes with every connection, and may never be who looks.
    let least = others.iter().filter(is_free).map(|other| other.open).min();
    !mine.wants_relief && !is_done && least.is_none_or(|least| mine.open <= least.saturating_add(OVER / 2))
}

fn bit(index: u32) -> u64 {
    1_u64.checked_shl(index).unwrap_or(0)
}

#[cfg(test)]
#[path = "relief_tests.rs"]
mod tests;
