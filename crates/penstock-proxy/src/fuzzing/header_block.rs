//! Header compression.

use crate::exchange::Name;
use crate::http2::{Decoder, TABLE_BYTES, write_field};

/// Lines that are compared; a few bytes may name a large line again and again.
const MOST_LINES: usize = 64;

/// A block decodes within the bounds of its table, and what it says is the same when it is written anew.
///
/// It is decoded twice, for what the first has left in the table.
pub(super) fn header_block(bytes: &[u8]) -> bool {
    let (mut decoder, mut is_accepted) = (Decoder::default(), true);
    for _ in 0..2 {
        let (mut lines, mut written) = (Vec::new(), Vec::new());
        let outcome = decoder.decode(bytes, |line| {
            if lines.len() < MOST_LINES {
                write_field(&mut written, Name::of(line.name), line.name, line.value);
                lines.push((line.name.to_ascii_lowercase(), line.value.to_vec()));
            }
        });
        assert!(decoder.table_bytes() <= TABLE_BYTES);
        is_accepted &= outcome.is_ok();
        let mut again = Vec::new();
        let outcome = Decoder::default().decode(&written, |line| again.push((line.name.to_vec(), line.value.to_vec())));
        assert_eq!((outcome, again), (Ok(()), lines));
    }
    is_accepted
}
