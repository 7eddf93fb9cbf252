//! The clock that all processes of one machine read alike.

/// Monotonic nanoseconds since the machine started; time that it slept does not count.
///
/// The times in the table are of this clock. Reading it is no system call.
pub fn monotonic_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes to the one structure it is pointed to.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec.cast_unsigned().wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_forward_and_keeps_the_pace_of_other_clocks() {
        let (began, before) = (std::time::Instant::now(), monotonic_ns());
        std::thread::yield_now();
        let passed = monotonic_ns() - before;
        assert!(before > 0);
        assert!(u128::from(passed) <= began.elapsed().as_nanos());
    }
}
