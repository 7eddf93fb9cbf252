//! One target under libFuzzer: the one that `PENSTOCK_FUZZ_TARGET` names.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use penstock_proxy::fuzzing::{FuzzTarget, TARGETS};

/// Names the target, so that one program serves all of them.
const TARGET: &str = "PENSTOCK_FUZZ_TARGET";

static CHOSEN: LazyLock<&'static FuzzTarget> = LazyLock::new(|| {
    let name = std::env::var(TARGET).unwrap_or_default();
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    let found = TARGETS.iter().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("{TARGET} is {name:?}, and the targets are {}", names.join(", ")))
});

fuzz_target!(|bytes: &[u8]| {
    (CHOSEN.run)(bytes);
});
