//! Judges workers by their beats: who lags, who stands still, who is to be replaced.
//!
//! Pure: it is told the time that has passed and what was seen. Silence is counted over turns
//! that the watch made on time itself, so a machine that stands still blames nobody.

/// Time between two turns of the watch.
pub const TURN_MS: u64 = 100;
/// A turn that took longer was late, and says nothing about others.
const ON_TIME_MS: u64 = 2 * TURN_MS;
/// Silence that counts as a lag: 200 ms over the time between two beats.
const LAG_MS: u64 = 300;

/// How long a worker may stand still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// After this time its stacks are wanted.
    pub stacks_ms: u64,
    /// After this time it is replaced if its thread is busy all the while.
    pub busy_ms: u64,
    /// After this time it is replaced in any case.
    pub silent_ms: u64,
    /// After this time it is replaced even though most others stand still too.
    pub together_ms: u64,
}

impl Patience {
    /// The patience whose longest ordinary time is this one: 10 s make 1 s to the stacks, 3 s for a
    /// busy worker, and a minute where most stand still together.
    pub fn of(silent_ms: u64) -> Self {
        let stacks_ms = (silent_ms / 10).max(LAG_MS);
        Self { stacks_ms, busy_ms: (silent_ms / 10 * 3).max(stacks_ms), silent_ms, together_ms: silent_ms * 6 }
    }
}

/// What was seen of one worker in one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// Its process.
    pub process: u32,
    /// How often it has beaten.
    pub beats: u64,
}

/// What is to be done about a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It lags: count it.
    Lags,
    /// Write down what it is doing.
    Stacks,
    /// End it, so that it is replaced.
    Replace,
}

/// The watch over all workers of a supervisor.
#[derive(Debug)]
pub struct Watch {
    patience: Patience,
    workers: Vec<Watched>,
    /// Time left in which nobody else is replaced.
    replacing_ms: u64,
}

#[derive(Debug)]
struct Watched {
    sight: Sight,
    silence_ms: u64,
    work: Option<Work>,
}

/// How much a silent worker has worked: its processor time when it was first asked for, and now.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_field_names, reason = "each is a number and names its unit")]
struct Work {
    since_silence_ms: u64,
    first_ms: u64,
    now_ms: u64,
}

impl Watch {
    /// A watch that has seen nobody.
    pub fn new(patience: Patience) -> Self {
        Self { patience, workers: Vec::new(), replacing_ms: 0 }
    }

    /// One turn, so long after the last one; each verdict with the process and its silence so far.
    ///
    /// `busy_ms` tells the processor time that a worker's thread has had; only lagging ones are asked for.
    pub fn turn(&mut self, passed_ms: u64, sights: &[Sight], busy_ms: impl Fn(u32) -> u64) -> Vec<(u32, u64, Verdict)> {
        let counted_ms = if passed_ms <= ON_TIME_MS { passed_ms } else { 0 };
        let has_newcomer = self.look(counted_ms, sights, busy_ms);
        self.replacing_ms = if has_newcomer { 0 } else { self.replacing_ms.saturating_sub(passed_ms) };
        if counted_ms == 0 {
            return Vec::new();
        }
        let crossed = |worker: &Watched, limit: u64| {
            worker.silence_ms >= limit && worker.silence_ms.saturating_sub(counted_ms) < limit
        };
        let mut verdicts = Vec::new();
        for worker in &self.workers {
            for (limit, verdict) in [(LAG_MS, Verdict::Lags), (self.patience.stacks_ms, Verdict::Stacks)] {
                if crossed(worker, limit) {
                    verdicts.push((worker.sight.process, worker.silence_ms, verdict));
                }
            }
        }
        if let Some((process, silence_ms)) = self.most_overdue() {
            verdicts.push((process, silence_ms, Verdict::Replace));
            // Until its replacement beats, or it is plain that there is none.
            self.replacing_ms = self.patience.silent_ms;
        }
        verdicts
    }

    /// Takes in what was seen; whether somebody beats who was not there before.
    fn look(&mut self, counted_ms: u64, sights: &[Sight], busy_ms: impl Fn(u32) -> u64) -> bool {
        let mut has_newcomer = false;
        let before = std::mem::take(&mut self.workers);
        for sight in sights {
            let known = before.iter().find(|worker| worker.sight.process == sight.process);
            has_newcomer |= sight.beats > 0 && known.is_none_or(|worker| worker.sight.beats == 0);
            let silent = known.filter(|worker| worker.sight.beats == sight.beats);
            let silence_ms = silent.map_or(0, |worker| worker.silence_ms + counted_ms);
            let work = (silence_ms >= LAG_MS).then(|| {
                let now_ms = busy_ms(sight.process);
                let first = Work { since_silence_ms: silence_ms, first_ms: now_ms, now_ms };
                Work { now_ms, ..silent.and_then(|worker| worker.work).unwrap_or(first) }
            });
            self.workers.push(Watched { sight: *sight, silence_ms, work });
        }
        has_newcomer
    }

    /// The worker to be replaced now, if there is one.
    fn most_overdue(&self) -> Option<(u32, u64)> {
        let lagging = self.workers.iter().filter(|worker| worker.silence_ms >= LAG_MS).count();
        let is_together = self.workers.len() > 1 && lagging * 2 > self.workers.len();
        let overdue =
            self.workers.iter().filter(|worker| self.replacing_ms == 0 && self.is_overdue(worker, is_together));
        overdue.max_by_key(|worker| worker.silence_ms).map(|worker| (worker.sight.process, worker.silence_ms))
    }

    fn is_overdue(&self, worker: &Watched, is_together: bool) -> bool {
        let is_busy = worker.work.is_some_and(|work| {
            let asked_ms = worker.silence_ms.saturating_sub(work.since_silence_ms);
            // Half of it is enough: the machine may be shared.
            asked_ms > 0 && work.now_ms.saturating_sub(work.first_ms) * 2 >= asked_ms
        });
        let limit_ms = match (is_together, is_busy) {
            (true, _) => self.patience.together_ms,
            (false, true) => self.patience.busy_ms,
            (false, false) => self.patience.silent_ms,
        };
        worker.silence_ms >= limit_ms
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
