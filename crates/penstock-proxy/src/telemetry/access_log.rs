//! The access log: whole lines in a buffer of the IO thread, written out by a helper thread.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use penstock_plan::LogFormat;

use crate::exchange::AddressText;
use crate::http1::write_number;
use crate::scan::needs_escape;

/// Lines are handed over when the buffer holds this much, or at the next tick.
const HANDED_OVER_BYTES: usize = 48 << 10;
/// Blocks kept to be filled again.
const KEPT_BLOCKS: usize = 16;
/// Bytes that may wait for the helper thread; beyond it lines are dropped and counted.
const MOST_WAITING_BYTES: usize = 16 << 20;

/// Lines on their way from the IO thread to the helper thread that writes them.
#[derive(Default)]
pub struct LogQueue {
    waiting: Mutex<Vec<Vec<u8>>>,
    /// Blocks that were written, to be filled again: fresh memory would cost a page fault for each page.
    free: Mutex<Vec<Vec<u8>>>,
}

/// What became of the lines that waited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    /// Bytes written.
    pub written: u64,
    /// Bytes that could not be written.
    pub lost: u64,
}

/// Where lines are written to. It is the owner's business to open it.
pub type LogSink = Box<dyn Write + Send>;

impl LogQueue {
    /// Writes everything that waits; what cannot be written is lost.
    pub fn drain(&self, sink: &mut LogSink) -> Drained {
        let blocks = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let mut drained = Drained::default();
        for block in blocks {
            let bytes = block.len() as u64;
            match sink.write_all(&block) {
                Ok(()) => drained.written += bytes,
                Err(_) => drained.lost += bytes,
            }
            self.keep(block);
        }
        let _ = sink.flush();
        drained
    }

    fn keep(&self, mut block: Vec<u8>) {
        block.clear();
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < KEPT_BLOCKS {
            free.push(block);
        }
    }

    /// An empty block.
    fn block(&self) -> Vec<u8> {
        let known = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        known.unwrap_or_else(|| Vec::with_capacity(HANDED_OVER_BYTES + (8 << 10)))
    }

    fn push(&self, block: Vec<u8>) -> Result<(), Vec<u8>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.iter().map(Vec::len).sum::<usize>() + block.len() > MOST_WAITING_BYTES {
            return Err(block);
        }
        waiting.push(block);
        Ok(())
    }
}

/// The IO thread's end of the access log.
pub(crate) struct AccessLog {
    buffer: RefCell<Vec<u8>>,
    queue: Arc<LogQueue>,
    format: RefCell<Option<LogFormat>>,
    stamp: RefCell<(u64, String)>,
    dropped_lines: Cell<u64>,
}

/// One exchange, as the log sees it.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) wall_us: u64,
    pub(crate) id: &'a str,
    pub(crate) listener: &'a str,
    pub(crate) route: &'a str,
    pub(crate) client: IpAddr,
    pub(crate) method: &'a str,
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    pub(crate) protocol: &'a str,
    pub(crate) status: u16,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) duration_us: u64,
    pub(crate) upstream: &'a str,
    pub(crate) endpoint: &'a str,
    pub(crate) attempts: u32,
    pub(crate) upstream_us: u64,
    pub(crate) reason: &'a str,
    pub(crate) user_agent: &'a [u8],
}

impl AccessLog {
    pub(crate) fn new(queue: Arc<LogQueue>) -> Self {
        Self {
            buffer: RefCell::default(),
            queue,
            format: RefCell::default(),
            stamp: RefCell::default(),
            dropped_lines: Cell::new(0),
        }
    }

    /// Takes over what the newest plan says.
    pub(crate) fn set_format(&self, format: Option<LogFormat>) {
        *self.format.borrow_mut() = format;
    }

    /// Whether lines are written at all.
    pub(crate) fn is_on(&self) -> bool {
        self.format.borrow().is_some()
    }

    /// Adds a line.
    pub(crate) fn write(&self, entry: &Entry<'_>) {
        let mut buffer = self.buffer.borrow_mut();
        match &*self.format.borrow() {
            None => return,
            Some(LogFormat::Json) => self.write_json(&mut buffer, entry),
            Some(LogFormat::Template(template)) => self.write_template(&mut buffer, template, entry),
        }
        buffer.push(b'\n');
        if buffer.len() >= HANDED_OVER_BYTES {
            drop(buffer);
            self.hand_over();
        }
    }

    /// Hands whole lines to the helper thread and says how many lines found no room.
    pub(crate) fn hand_over(&self) -> u64 {
        let mut buffer = self.buffer.borrow_mut();
        if !buffer.is_empty() {
            let block = std::mem::replace(&mut *buffer, self.queue.block());
            if let Err(block) = self.queue.push(block) {
                let lines = memchr::memchr_iter(b'\n', &block).count() as u64;
                self.dropped_lines.set(self.dropped_lines.get() + lines);
            }
        }
        self.dropped_lines.take()
    }

    fn write_json(&self, out: &mut Vec<u8>, entry: &Entry<'_>) {
        out.extend_from_slice(b"{\"time\":\"");
        self.write_time(out, entry.wall_us);
        out.push(b'"');
        for (name, value) in entry.texts() {
            write_name(out, name);
            out.push(b'"');
            write_escaped(out, value);
            out.push(b'"');
        }
        for (name, value) in entry.numbers() {
            write_name(out, name);
            write_number(out, value);
        }
        for (name, value) in entry.durations() {
            write_name(out, name);
            write_millis(out, value);
        }
        out.extend_from_slice(b",\"client\":\"");
        out.extend_from_slice(AddressText::of(entry.client).as_bytes());
        out.extend_from_slice(b"\"}");
    }

    /// `{{ name }}` in the template stands for the field of that name.
    fn write_template(&self, out: &mut Vec<u8>, template: &str, entry: &Entry<'_>) {
        let mut rest = template;
        while let Some((before, behind)) = rest.split_once("{{") {
            out.extend_from_slice(before.as_bytes());
            let Some((name, after)) = behind.split_once("}}") else { return };
            self.write_field(out, name.trim(), entry);
            rest = after;
        }
        out.extend_from_slice(rest.as_bytes());
    }

    fn write_field(&self, out: &mut Vec<u8>, name: &str, entry: &Entry<'_>) {
        if name == "time" {
            self.write_time(out, entry.wall_us);
        } else if name == "client" {
            out.extend_from_slice(AddressText::of(entry.client).as_bytes());
        } else if let Some((_, value)) = entry.texts().into_iter().find(|(field, _)| *field == name) {
            write_escaped(out, value);
        } else if let Some((_, value)) = entry.numbers().into_iter().find(|(field, _)| *field == name) {
            write_number(out, value);
        } else if let Some((_, value)) = entry.durations().into_iter().find(|(field, _)| *field == name) {
            write_millis(out, value);
        }
    }

    fn write_time(&self, out: &mut Vec<u8>, wall_us: u64) {
        let (second, millis) = (wall_us / 1_000_000, wall_us / 1_000 % 1_000);
        let mut stamp = self.stamp.borrow_mut();
        if stamp.0 != second {
            *stamp = (second, crate::worker::date::rfc3339_seconds(second));
        }
        out.extend_from_slice(stamp.1.as_bytes());
        out.push(b'.');
        out.extend_from_slice(&[
            b'0' + (millis / 100) as u8,
            b'0' + (millis / 10 % 10) as u8,
            b'0' + (millis % 10) as u8,
        ]);
        out.push(b'Z');
    }
}

impl<'a> Entry<'a> {
    fn texts(&self) -> [(&'static str, &'a [u8]); 11] {
        [
            ("id", self.id.as_bytes()),
            ("listener", self.listener.as_bytes()),
            ("route", self.route.as_bytes()),
            ("method", self.method.as_bytes()),
            ("host", self.host.as_bytes()),
            ("path", self.path.as_bytes()),
            ("protocol", self.protocol.as_bytes()),
            ("upstream", self.upstream.as_bytes()),
            ("endpoint", self.endpoint.as_bytes()),
            ("reason", self.reason.as_bytes()),
            ("user_agent", self.user_agent),
        ]
    }

    fn numbers(&self) -> [(&'static str, u64); 4] {
        [
            ("status", u64::from(self.status)),
            ("bytes_in", self.bytes_in),
            ("bytes_out", self.bytes_out),
            ("attempts", u64::from(self.attempts)),
        ]
    }

    fn durations(&self) -> [(&'static str, u64); 2] {
        [("duration_ms", self.duration_us), ("upstream_ms", self.upstream_us)]
    }
}

/// What stands before the value of every member but the first.
fn write_name(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn write_millis(out: &mut Vec<u8>, micros: u64) {
    write_number(out, micros / 1000);
    let rest = micros % 1000;
    out.extend_from_slice(&[b'.', b'0' + (rest / 100) as u8, b'0' + (rest / 10 % 10) as u8, b'0' + (rest % 10) as u8]);
}

/// Escapes for JSON; bytes beyond ASCII are read as latin-1 and escaped, so a line is always ASCII (I22).
fn write_escaped(out: &mut Vec<u8>, text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'"' && *byte != b'\\';
    if !needs_escape(text) {
        return out.extend_from_slice(text);
    }
    let mut rest = text;
    while let Some(odd) = rest.iter().position(|byte| !is_plain(byte)) {
        let (plain, behind) = rest.split_at(odd);
        out.extend_from_slice(plain);
        let Some((byte, tail)) = behind.split_first() else { return };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            _ => out.extend_from_slice(&[
                b'\\',
                b'u',
                b'0',
                b'0',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]),
        }
        rest = tail;
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(format: LogFormat) -> String {
        let queue = Arc::new(LogQueue::default());
        let log = AccessLog::new(Arc::clone(&queue));
        log.set_format(Some(format));
        log.write(&Entry {
            wall_us: 1_700_000_000_123_000,
            id: "i",
            listener: "web",
            route: "r",
            client: IpAddr::from([10, 0, 0, 255]),
            method: "GET",
            host: "h",
            path: "/a\"b",
            protocol: "HTTP/1.1",
            status: 200,
            bytes_in: 10,
            bytes_out: 20,
            duration_us: 1_002,
            upstream: "u",
            endpoint: "e",
            attempts: 1,
            upstream_us: 999,
            reason: "",
            user_agent: b"x\r\n\x1b\xe4\\",
        });
        log.hand_over();
        let blocks = std::mem::take(&mut *queue.waiting.lock().unwrap());
        String::from_utf8(blocks.concat()).unwrap()
    }

    #[test]
    fn a_json_line_is_one_object_with_every_field_escaped() {
        let text = line(LogFormat::Json);
        let value: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
        assert_eq!(text.lines().count(), 1);
        let mut fields: Vec<&str> = crate::telemetry::LOG_FIELDS.into();
        fields.sort_unstable();
        assert_eq!(value.as_object().unwrap().keys().collect::<Vec<_>>(), fields);
        assert_eq!(value["time"], "2023-11-14T22:13:20.123Z");
        assert_eq!(value["path"], "/a\"b");
        assert_eq!(value["user_agent"], "x\r\n\u{1b}\u{e4}\\");
        assert_eq!(value["client"], "10.0.0.255");
        assert_eq!(value["duration_ms"], 1.002);
    }

    #[test]
    fn a_template_names_the_same_fields() {
        let template = "{{ client }} {{method}} {{ path }} {{ status }} {{ upstream_ms }} {{ time }}";
        assert_eq!(
            line(LogFormat::Template(template.into())),
            "10.0.0.255 GET /a\\\"b 200 0.999 2023-11-14T22:13:20.123Z\n"
        );
    }

    #[test]
    fn lines_beyond_the_bound_are_dropped_and_counted() {
        let queue = LogQueue::default();
        assert!(queue.push(vec![b'\n'; MOST_WAITING_BYTES]).is_ok());
        assert!(queue.push(vec![b'\n'; 1]).is_err());
    }
}
