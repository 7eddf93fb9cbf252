//! The workers that are watched, and what can be done to them.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use penstock_shared::process;
use penstock_shared::watch::{Sight, Verdict};

use super::{look, report};
use crate::memory::own_bytes;
use crate::table::SharedTable;

/// One worker process.
pub(super) struct Member {
    pub(super) process: u32,
    pub(super) index: u32,
    /// Means this process whoever gets its number later.
    opened: OwnedFd,
    is_settled: AtomicBool,
    was_ended: AtomicBool,
}

/// All worker processes of a supervisor.
pub(super) struct Crew {
    pub(super) lags: AtomicU64,
    pub(super) is_over: AtomicBool,
    /// How short memory was when it was last said.
    memory_level: AtomicU64,
    table: SharedTable,
    members: Mutex<Vec<Arc<Member>>>,
}

impl Crew {
    pub(super) fn new(table: SharedTable) -> Self {
        Self {
            lags: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            memory_level: AtomicU64::new(0),
            table,
            members: Mutex::default(),
        }
    }

    pub(super) fn watch(&self, process: u32, index: u32) -> io::Result<()> {
        let (is_settled, was_ended) = (AtomicBool::new(false), AtomicBool::new(false));
        let opened = process::open(process)?;
        self.members().push(Arc::new(Member { process, index, opened, is_settled, was_ended }));
        Ok(())
    }

    pub(super) fn forget(&self, process: u32) -> bool {
        let mut members = self.members();
        let found = members.iter().position(|member| member.process == process);
        found.is_some_and(|position| members.swap_remove(position).was_ended.load(Relaxed))
    }

    /// Settles the columns of those that have ended; the others.
    pub(super) fn settle_ended(&self) -> Vec<Arc<Member>> {
        // A copy: whoever starts a worker must not wait for a turn to end.
        let mut members = self.members().clone();
        members.retain(|member| {
            let has_ended = process::has_ended(&member.opened);
            if has_ended && !member.is_settled.swap(true, Relaxed) {
                self.table.settle_ended(member.process);
            }
            !has_ended
        });
        members
    }

    /// What the table says of them; those that have not entered it yet are not judged.
    pub(super) fn sights(&self, members: &[Arc<Member>]) -> Vec<Sight> {
        let beats = self.table.heartbeats().map(|beat| Sight { process: beat.process, beats: beat.beats });
        beats.filter(|sight| members.iter().any(|member| member.process == sight.process)).collect()
    }

    pub(super) fn act(&self, member: &Arc<Member>, silence_ms: u64, verdict: Verdict) {
        match verdict {
            Verdict::Lags => {
                self.lags.fetch_add(1, Relaxed);
            }
            Verdict::Stacks => {
                report::stacks(member.index, member.process, silence_ms);
                if look::catches(member.process, libc::SIGUSR2) {
                    // It writes Python's part itself.
                    let _ = process::send_signal(&member.opened, libc::SIGUSR2);
                }
            }
            Verdict::Replace => {
                member.was_ended.store(true, Relaxed);
                let _ = process::send_signal(&member.opened, libc::SIGKILL);
                report::replaced(member.index, member.process, silence_ms);
            }
        }
    }

    /// Tells the table what the supervisor holds, and whoever runs the gateway when memory has become short or is not
    /// any more.
    pub(super) fn look_at_memory(&self) {
        let table = self.table.table();
        table.tell_supervisor_memory(own_bytes());
        let told = table.workers().map(|worker| table.memory_told(worker)).max_by_key(|told| told.level);
        let told = told.unwrap_or_default();
        if self.memory_level.swap(told.level, Relaxed) != told.level {
            report::memory(&told);
        }
    }

    fn members(&self) -> MutexGuard<'_, Vec<Arc<Member>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
