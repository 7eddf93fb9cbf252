//! Where access-log lines end: whole lines, whatever of them can be written.

use std::io::{self, Write};

/// Most bytes that a pipe takes in one piece, `PIPE_BUF`: several workers write to one.
const PIPE_BYTES: usize = 4096;

/// What became of the lines that waited.
#[derive(Debug, Default)]
pub struct Drained {
    /// Bytes written.
    pub written_bytes: u64,
    /// Lines that could not be written.
    pub lost_lines: u64,
    /// Why the last of them could not.
    pub problem: Option<io::Error>,
}

/// Where lines are written to. It is the owner's business to open it.
pub struct LogSink {
    writer: Box<dyn Write + Send>,
    portion_bytes: usize,
    /// Whether a line was written in part, so that the next must not be taken for its rest.
    is_torn: bool,
}

impl LogSink {
    /// A file, to which each write adds in one piece.
    pub fn file(writer: impl Write + Send + 'static) -> Self {
        Self { writer: Box::new(writer), portion_bytes: usize::MAX, is_torn: false }
    }

    /// A pipe or terminal, in which lines of several workers mix unless each write is small.
    pub fn pipe(writer: impl Write + Send + 'static) -> Self {
        Self { portion_bytes: PIPE_BYTES, ..Self::file(writer) }
    }

    /// Writes whole lines.
    ///
    /// # Errors
    /// The number of bytes at the end that are lost, and why.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut left = lines;
        while !left.is_empty() {
            if self.is_torn {
                self.writer.write_all(b"\n").map_err(|problem| (left.len(), problem))?;
                self.is_torn = false;
            }
            let (portion, behind) = left.split_at(portion(left, self.portion_bytes));
            let written = self.write_portion(portion);
            if let Err((lost, problem)) = written {
                return Err((lost + behind.len(), problem));
            }
            left = behind;
        }
        self.writer.flush().map_err(|problem| (0, problem))
    }

    fn write_portion(&mut self, portion: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut left = portion;
        while !left.is_empty() {
            let count = match self.writer.write(left) {
                Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                Err(problem) if problem.kind() == io::ErrorKind::Interrupted => Ok(0),
                outcome => outcome,
            };
            let count = count.map_err(|problem| {
                self.is_torn = !ends_with_line(portion, left);
                (left.len(), problem)
            })?;
            left = left.get(count..).unwrap_or_default();
        }
        Ok(())
    }
}

/// Whether what was written of a portion ends with a whole line.
fn ends_with_line(portion: &[u8], left: &[u8]) -> bool {
    let written = portion.get(..portion.len() - left.len()).unwrap_or_default();
    written.last().is_none_or(|byte| *byte == b'\n')
}

/// The length of the whole lines at the start that fit, or of one line that does not.
fn portion(lines: &[u8], most_bytes: usize) -> usize {
    let Some(within) = lines.get(..most_bytes) else { return lines.len() };
    let last = memchr::memrchr(b'\n', within).or_else(|| memchr::memchr(b'\n', lines));
    last.map_or(lines.len(), |end| end + 1)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Takes so many bytes in all, and notes the pieces in which they came.
    #[derive(Clone, Default)]
    struct Disk {
        pieces: Arc<Mutex<Vec<Vec<u8>>>>,
        room: Arc<Mutex<usize>>,
    }

    impl Disk {
        fn with_room(bytes: usize) -> Self {
            let disk = Self::default();
            *disk.room.lock().unwrap() = bytes;
            disk
        }

        fn text(&self) -> String {
            String::from_utf8(self.pieces.lock().unwrap().concat()).unwrap()
        }
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut room = self.room.lock().unwrap();
            let count = bytes.len().min(*room);
            if count == 0 {
                return Err(io::Error::from_raw_os_error(28));
            }
            *room -= count;
            self.pieces.lock().unwrap().push(bytes[..count].to_vec());
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn r53_a_full_disk_loses_lines_and_tears_none_but_the_last() {
        let disk = Disk::with_room(7);
        let mut sink = LogSink::file(disk.clone());
        let (lost, problem) = sink.write(b"one\ntwo\nthree\n").unwrap_err();
        assert_eq!((lost, problem.raw_os_error()), (b"\nthree\n".len(), Some(28)));
        assert!(sink.write(b"four\n").is_err());
        *disk.room.lock().unwrap() = 100;
        sink.write(b"five\n").unwrap();
        assert_eq!(disk.text(), "one\ntwo\nfive\n", "a torn line ends before the next begins");
    }

    #[test]
    fn a_disk_that_was_full_between_lines_goes_on_without_an_empty_one() {
        let disk = Disk::with_room(4);
        let mut sink = LogSink::file(disk.clone());
        assert_eq!(sink.write(b"one\ntwo\n").unwrap_err().0, 4);
        *disk.room.lock().unwrap() = 100;
        sink.write(b"five\n").unwrap();
        assert_eq!(disk.text(), "one\nfive\n");
    }

    #[test]
    fn a_pipe_gets_whole_lines_in_pieces_that_it_takes_at_once() {
        let disk = Disk::with_room(usize::MAX);
        let lines: Vec<String> = (0..40).map(|number| format!("{number:0>499}\n")).collect();
        let long = "x".repeat(9_000) + "\n";
        let text = lines.concat() + &long + "end\n";
        LogSink::pipe(disk.clone()).write(text.as_bytes()).unwrap();
        assert_eq!(disk.text(), text);
        let pieces = disk.pieces.lock().unwrap();
        assert!(pieces.iter().all(|piece| piece.ends_with(b"\n")));
        assert!(pieces.iter().all(|piece| piece.len() <= PIPE_BYTES || *piece == long.as_bytes()));
        assert_eq!(pieces.len(), 7, "eight lines of 500 bytes fit into each");
    }
}
