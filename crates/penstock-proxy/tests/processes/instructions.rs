//! The instructions of an exchange, counted by callgrind: exact where seconds are not.

use std::fs;
use std::process::{Command, Stdio};

use crate::harness::{Origin, eventually, skip};
use crate::served::Served;

/// Instructions of one kept-alive exchange in a release build, as last measured. Renew it with the
/// change that moves it, and say why in the commit.
const RECORDED: u64 = 16_660;
/// Most that it may grow, in percent, before a change must answer for it.
const MOST_GROWTH_PERCENT: u64 = 5;
/// So many that what the start takes, which gathers randomness for a varying time, does not show.
const EXCHANGES: u64 = 5_000;

fn can_count() -> bool {
    let counted = Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    counted.is_ok_and(|status| status.success())
}

#[test]
fn an_exchange_takes_no_more_instructions_than_recorded() {
    if cfg!(debug_assertions) || !can_count() {
        return skip("valgrind is missing, or this is no release build");
    }
    // The difference of two runs leaves out the start and the end.
    let (few, many) = (instructions(EXCHANGES), instructions(3 * EXCHANGES));
    let each = (many - few) / (2 * EXCHANGES);
    println!("{each} instructions for each exchange");
    let most = RECORDED + RECORDED * MOST_GROWTH_PERCENT / 100;
    assert!(each <= most, "{each} instructions for each exchange, {RECORDED} are recorded, {most} allowed");
}

/// Instructions of a worker that serves so many exchanges, one after the other.
fn instructions(exchanges: u64) -> u64 {
    let origin = Origin::echoing();
    let mut served = Served::before(&origin, &format!("instructions-{exchanges}"), |program, plan, folder| {
        let mut command = Command::new("valgrind");
        let out = format!("--callgrind-out-file={}", folder.join("counts").display());
        command.args(["--quiet", "--tool=callgrind", &out]).arg(program).arg(plan);
        command
    });
    let mut client = served.client();
    for _ in 0..exchanges {
        assert_eq!(client.get("/counted").answer().status(), 200);
    }
    served.interrupt();
    let counts = eventually("callgrind has written its counts", || {
        fs::read_to_string(served.file("counts")).ok().filter(|counts| counts.contains("\ntotals: "))
    });
    let total = counts.lines().find_map(|line| line.strip_prefix("totals: "));
    total.and_then(|total| total.trim().parse().ok()).expect("a total")
}
