//! Notices endpoints that are gone without a word: their machine or the way to it has failed, and no packet comes back.

use penstock_plan::Ping;

/// Least time between two pings if nothing was served between them: servers of gRPC end connections that ask more often
/// than every five minutes.
const CALM_MS: u64 = 5 * 60_000 + 10_000;

/// What is to be done about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Nothing,
    /// The endpoint is to be asked whether it is there.
    Ask,
    /// It has not answered that.
    Gone,
}

/// What a connection shows of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signs {
    pub(super) received_bytes: u64,
    /// Changes with everything that comes of answers.
    pub(super) served: u64,
    /// Whether a request waits.
    pub(super) is_used: bool,
    /// Whether all that was sent has left; time for what has not is the limit on writes.
    pub(super) is_flushed: bool,
}

/// The silence of one connection.
#[derive(Debug)]
pub(super) struct Pulse {
    ping: Option<Ping>,
    /// Bytes that had come when that last changed, and when it did.
    heard: (u64, u64),
    /// When it was last asked, and what had been served then.
    asked: Option<(u64, u64)>,
    is_awaited: bool,
}

impl Pulse {
    /// Of a fresh connection.
    pub(super) fn new(ping: Option<Ping>, now_ms: u64) -> Self {
        Self { ping, heard: (0, now_ms), asked: None, is_awaited: false }
    }

    /// Says what is to be done now, and when to look again.
    pub(super) fn check(&mut self, now_ms: u64, signs: Signs) -> (Call, u64) {
        let Some(ping) = self.ping else { return (Call::Nothing, u64::MAX) };
        if signs.received_bytes != self.heard.0 {
            self.heard = (signs.received_bytes, now_ms);
            self.is_awaited = false;
        }
        if self.is_awaited && !signs.is_flushed {
            self.asked = Some((now_ms, signs.served));
        }
        let (call, due_ms) = match self.asked {
            Some((at_ms, _)) if self.is_awaited => (Call::Gone, at_ms.saturating_add(ping.timeout_ms)),
            _ if !signs.is_used || !signs.is_flushed => return (Call::Nothing, u64::MAX),
            _ => (Call::Ask, self.due_ms(ping, signs.served)),
        };
        if now_ms < due_ms {
            return (Call::Nothing, due_ms);
        }
        if call == Call::Ask {
            (self.asked, self.is_awaited) = (Some((now_ms, signs.served)), true);
            return (call, now_ms.saturating_add(ping.timeout_ms));
        }
        (call, due_ms)
    }

    fn due_ms(&self, ping: Ping, served: u64) -> u64 {
        let silent_ms = self.heard.1.saturating_add(ping.interval_ms);
        match self.asked {
            Some((at_ms, then)) if then == served => silent_ms.max(at_ms.saturating_add(CALM_MS)),
            _ => silent_ms,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PING: Ping = Ping { interval_ms: 1_000, timeout_ms: 400 };
    const USED: Signs = Signs { received_bytes: 10, served: 1, is_used: true, is_flushed: true };

    /// A connection that has been heard at the moment 0.
    fn heard() -> Pulse {
        let mut pulse = Pulse::new(Some(PING), 0);
        assert_eq!(pulse.check(0, USED), (Call::Nothing, 1_000));
        pulse
    }

    #[test]
    fn silence_is_asked_after_and_then_taken_for_an_end() {
        let mut pulse = heard();
        assert_eq!(pulse.check(999, USED), (Call::Nothing, 1_000));
        assert_eq!(pulse.check(1_000, USED), (Call::Ask, 1_400));
        assert_eq!(pulse.check(1_399, USED), (Call::Nothing, 1_400));
        assert_eq!(pulse.check(1_400, USED).0, Call::Gone);
    }

    #[test]
    fn whoever_only_answers_pings_is_asked_rarely_and_who_serves_is_not() {
        let mut pulse = heard();
        assert_eq!(pulse.check(1_000, USED).0, Call::Ask);
        let answered = Signs { received_bytes: 27, ..USED };
        assert_eq!(pulse.check(1_100, answered), (Call::Nothing, 1_000 + CALM_MS));
        assert_eq!(pulse.check(1_000 + CALM_MS, answered).0, Call::Ask);
        let serves = Signs { received_bytes: 90, served: 2, ..USED };
        assert_eq!(pulse.check(400_000, serves), (Call::Nothing, 401_000));
        assert_eq!(pulse.check(401_000, serves).0, Call::Ask);
    }

    #[test]
    fn an_unused_connection_is_let_be_and_asked_with_the_next_request() {
        let mut pulse = heard();
        let unused = Signs { is_used: false, ..USED };
        assert_eq!(pulse.check(5_000, unused), (Call::Nothing, u64::MAX));
        assert_eq!(pulse.check(6_000, USED), (Call::Ask, 6_400));
        // The request that was given up has no say in whether the endpoint is there.
        assert_eq!(pulse.check(6_400, unused).0, Call::Gone);
    }

    #[test]
    fn what_has_not_left_is_no_question() {
        let mut pulse = heard();
        let stuck = Signs { is_flushed: false, ..USED };
        assert_eq!(pulse.check(1_000, stuck), (Call::Nothing, u64::MAX));
        assert_eq!(pulse.check(2_000, USED).0, Call::Ask);
        assert_eq!(pulse.check(2_300, stuck), (Call::Nothing, 2_700));
        assert_eq!(pulse.check(2_650, USED), (Call::Nothing, 2_700));
        assert_eq!(pulse.check(2_700, USED).0, Call::Gone);
    }

    #[test]
    fn without_a_setting_nothing_is_asked() {
        assert_eq!(Pulse::new(None, 0).check(1 << 40, USED), (Call::Nothing, u64::MAX));
    }
}
