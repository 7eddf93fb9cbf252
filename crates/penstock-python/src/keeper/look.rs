//! Looks at another process through `/proc`; what cannot be read is as good as empty.
//!
//! Source: proc(5).

use std::fmt::Write;
use std::fs;

/// Position of the user time after the name in `stat`; the system's time follows.
const USER_TIME: usize = 11;
/// Time of one clock tick, fixed on Linux.
const TICK_MS: u64 = 10;

/// Processor time that a process's main thread has had.
pub(super) fn busy_ms(process: u32) -> u64 {
    let stat = read(&format!("/proc/{process}/task/{process}/stat"));
    // The name is in parentheses and may hold anything.
    let Some((_, fields)) = stat.rsplit_once(')') else { return 0 };
    let times = fields.split_ascii_whitespace().skip(USER_TIME).take(2);
    times.filter_map(|text| text.parse::<u64>().ok()).sum::<u64>() * TICK_MS
}

/// Whether a process has a handler for a signal; without one most would end it.
pub(super) fn catches(process: u32, signal: i32) -> bool {
    let status = read(&format!("/proc/{process}/status"));
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|text| u64::from_str_radix(text.trim(), 16).ok()).unwrap_or(0);
    caught >> (signal - 1) & 1 == 1
}

/// What each thread of a process is doing: its name, its state, and where it waits in the kernel.
pub(super) fn threads(process: u32) -> String {
    let mut text = String::new();
    for task in fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten() {
        let path = task.path();
        let path = path.display();
        let status = read(&format!("{path}/status"));
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
        let waits = read(&format!("{path}/wchan"));
        let _ = writeln!(text, "  {} {}, {}, in {waits}", field("Pid:"), field("Name:"), field("State:"));
        // Only a privileged supervisor may read it.
        for line in read(&format!("{path}/stack")).lines() {
            let _ = writeln!(text, "    {line}");
        }
    }
    text
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
