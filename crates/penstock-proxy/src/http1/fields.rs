//! Fields of a head or of trailers, taken over from `httparse` after the checks it leaves out.

use super::Malformed;
use crate::exchange::{Field, Head, Name, Span};

/// Most fields a head may have, whatever a listener allows.
pub(super) const MOST_FIELDS: usize = 256;

/// Copies a parsed head into `head`, or refuses it.
///
/// `httparse` accepts a bare LF as the end of a line; here every line must end in CR LF.
pub(super) fn take(bytes: &[u8], parsed: &[httparse::Header<'_>], head: &mut Head) -> Result<(), Malformed> {
    let ends_well = bytes.ends_with(b"\r\n\r\n") || (parsed.is_empty() && bytes == b"\r\n");
    if !ends_well {
        return Err(Malformed::LineEnd);
    }
    let base = bytes.as_ptr() as usize;
    let span = |text: &[u8]| {
        let start = (text.as_ptr() as usize - base) as u32;
        Span { start, end: start + text.len() as u32 }
    };
    let mut previous_end = None;
    for header in parsed {
        let name = span(header.name.as_bytes());
        if name.start >= 2 && bytes.get(name.start as usize - 2) != Some(&b'\r') {
            return Err(Malformed::LineEnd);
        }
        if let Some(end) = previous_end.replace(value_end(header, &span)) {
            line_is_clean(bytes, end, name.start)?;
        }
    }
    let fields = parsed.iter().map(|header| {
        let name = header.name.as_bytes();
        let name_span = span(name);
        let value = if header.value.is_empty() {
            Span { start: name_span.end, end: name_span.end }
        } else {
            span(header.value)
        };
        Field { token: Name::of(name), name: name_span, value }
    });
    head.load(bytes, fields);
    Ok(())
}

fn value_end(header: &httparse::Header<'_>, span: &impl Fn(&[u8]) -> Span) -> u32 {
    // An empty value has no useful address of its own.
    if header.value.is_empty() { span(header.name.as_bytes()).end } else { span(header.value).end }
}

/// Between a value and the next name there is only optional space, perhaps the colon of an
/// empty value, and one CR LF.
fn line_is_clean(bytes: &[u8], end: u32, next: u32) -> Result<(), Malformed> {
    let between = bytes.get(end as usize..next as usize).unwrap_or_default();
    let clean = between.strip_suffix(b"\r\n").is_some_and(|rest| rest.iter().all(|byte| b" \t:".contains(byte)));
    if clean { Ok(()) } else { Err(Malformed::LineEnd) }
}
