//! Lines as messages: bare, or with the head that syslog has before them.
//!
//! Source: RFC 5424, section 6; RFC 6587, section 3.4.1 (lengths before messages).

use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use penstock_plan::LogSyslog;

use crate::worker::rfc3339_seconds;

/// Every line is information; what matters more is for whoever reads them.
const INFORMATIONAL: u8 = 6;
/// How a JSON line begins that has the time of its request, and how long that is.
const TIME_BEFORE: &[u8] = b"{\"time\":\"";
const TIME_BYTES: usize = "2023-11-14T22:13:20.123Z".len();

/// What all messages of a log have in their head.
pub(super) struct Syslog {
    /// Up to the version, and behind the time.
    ends: [Vec<u8>; 2],
}

impl Syslog {
    pub(super) fn new(plan: &LogSyslog, host_name: &str) -> Self {
        let priority = u32::from(plan.facility) * 8 + u32::from(INFORMATIONAL);
        let host = printable(host_name, 255);
        let (app_name, process) = (printable(&plan.app_name, 48), std::process::id());
        let behind = format!(" {host} {app_name} {process} - - ");
        Self { ends: [format!("<{priority}>1 ").into_bytes(), behind.into_bytes()] }
    }

    /// Writes a line as a message; the time is that of its request where it says so, else now.
    fn write(&self, line: &[u8], now: &str, out: &mut Vec<u8>) {
        let [before, behind] = &self.ends;
        let own = line.strip_prefix(TIME_BEFORE).and_then(|rest| rest.get(..TIME_BYTES));
        out.extend_from_slice(before);
        out.extend_from_slice(own.unwrap_or(now.as_bytes()));
        out.extend_from_slice(behind);
        out.extend_from_slice(line);
    }
}

/// A name as a head can have it: visible ASCII of a certain length, or a dash for none.
fn printable(name: &str, most: usize) -> String {
    let visible: String = name.chars().filter(char::is_ascii_graphic).take(most).collect();
    if visible.is_empty() { "-".to_owned() } else { visible }
}

fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{}.{:03}Z", rfc3339_seconds(since.as_secs()), since.subsec_millis())
}

/// Lines as they are sent, and where each of them ends.
#[derive(Default)]
pub(super) struct Framed {
    pub(super) bytes: Vec<u8>,
    ends: Vec<usize>,
    message: Vec<u8>,
}

impl Framed {
    /// Lines as they are.
    pub(super) fn fill(&mut self, block: &[u8]) {
        self.clear();
        self.bytes.extend_from_slice(block);
        self.ends.extend(memchr::memchr_iter(b'\n', block).map(|end| end + 1));
    }

    /// Lines without their ends.
    pub(super) fn fill_bare(&mut self, block: &[u8]) {
        self.clear();
        for line in lines(block) {
            self.bytes.extend_from_slice(line);
            self.ends.push(self.bytes.len());
        }
    }

    /// Messages of syslog.
    pub(super) fn fill_apart(&mut self, block: &[u8], syslog: &Syslog) {
        self.clear();
        let now = now();
        for line in lines(block) {
            syslog.write(line, &now, &mut self.bytes);
            self.ends.push(self.bytes.len());
        }
    }

    /// Messages of syslog, each with its length before it.
    pub(super) fn fill_counted(&mut self, block: &[u8], syslog: &Syslog) {
        self.clear();
        let now = now();
        for line in lines(block) {
            self.message.clear();
            syslog.write(line, &now, &mut self.message);
            // Writing into memory does not fail.
            let _ = write!(self.bytes, "{} ", self.message.len());
            self.bytes.extend_from_slice(&self.message);
            self.ends.push(self.bytes.len());
        }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// The messages, one after another.
    pub(super) fn messages(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).filter_map(|(start, end)| self.bytes.get(start..*end))
    }

    /// Where the message begins of which so many bytes were sent.
    pub(super) fn start_of(&self, sent: usize) -> usize {
        self.ends.iter().copied().take_while(|end| *end <= sent).last().unwrap_or(0)
    }

    /// How many messages do not end before this many bytes.
    pub(super) fn left_from(&self, sent: usize) -> u64 {
        self.ends.iter().filter(|end| **end > sent).count() as u64
    }
}

fn lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    block.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn syslog() -> Syslog {
        Syslog::new(&LogSyslog { facility: 16, app_name: "pen stock\n".to_owned() }, "node\u{e9}-1")
    }

    fn framed(fill: impl FnOnce(&mut Framed)) -> Framed {
        let mut framed = Framed { bytes: b"old".to_vec(), ends: vec![3], message: Vec::new() };
        fill(&mut framed);
        framed
    }

    #[test]
    fn a_message_has_the_head_of_rfc_5424_and_the_time_of_its_line() {
        let block = b"{\"time\":\"2023-11-14T22:13:20.123Z\",\"a\":1}\nplain\n";
        let framed = framed(|framed| framed.fill_apart(block, &syslog()));
        let messages: Vec<&str> = framed.messages().map(|one| str::from_utf8(one).unwrap()).collect();
        let process = std::process::id();
        let first = format!(
            "<134>1 2023-11-14T22:13:20.123Z node-1 penstock {process} - - {{\"time\":\"2023-11-14T22:13:20.123Z\",\"a\":1}}"
        );
        assert_eq!(messages[0], first);
        assert!(messages[1].ends_with(&format!("Z node-1 penstock {process} - - plain")) && messages.len() == 2);
        assert_eq!(
            messages[1].len(),
            "<134>1 ".len() + TIME_BYTES + format!(" node-1 penstock {process} - - plain").len()
        );
    }

    #[test]
    fn on_a_stream_the_length_stands_before_a_message() {
        let framed = framed(|framed| framed.fill_counted(b"one\nthree\n", &syslog()));
        let mut rest = &framed.bytes[..];
        let mut ends = Vec::new();
        while !rest.is_empty() {
            let space = rest.iter().position(|byte| *byte == b' ').unwrap();
            let length: usize = str::from_utf8(&rest[..space]).unwrap().parse().unwrap();
            ends.push(rest[space + length - 1]);
            rest = &rest[space + 1 + length..];
        }
        assert_eq!(ends.len(), 2);
    }

    #[test]
    fn a_line_that_was_sent_in_part_begins_again() {
        let framed = framed(|framed| framed.fill(b"one\nthree\n\n"));
        for (sent, start, left) in [(0, 0, 3), (3, 0, 3), (4, 4, 2), (9, 4, 2), (10, 10, 1), (11, 11, 0)] {
            assert_eq!((framed.start_of(sent), framed.left_from(sent)), (start, left), "{sent}");
        }
        let bare = self::framed(|framed| framed.fill_bare(b"one\n\nthree\n"));
        assert_eq!(bare.messages().collect::<Vec<_>>(), [b"one".as_slice(), b"three"]);
    }
}
