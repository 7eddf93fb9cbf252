//! From the lines of a header block to an answer.
//!
//! Source: RFC 9113, sections 8.2, 8.3.2 and 8.6.

use super::line::Line;
use crate::exchange::{Head, Name, Response, Version};
use crate::http1::{Framing, HeadLimits, Malformed, ResponseInfo, content_length};

/// Takes lines one by one; what is wrong with them is said at the end, for the block has to be decoded whole.
pub(super) struct AnswerReader<'a> {
    response: &'a mut Response,
    limits: HeadLimits,
    bytes: usize,
    wrong: Option<Malformed>,
}

impl<'a> AnswerReader<'a> {
    /// Begins an answer; what was in it is dropped.
    pub(super) fn new(response: &'a mut Response, limits: HeadLimits) -> Self {
        response.clear(usize::MAX);
        response.version = Version::Http2;
        Self { response, limits, bytes: 0, wrong: None }
    }

    /// Takes a line.
    pub(super) fn take(&mut self, line: &Line<'_>) {
        self.bytes += line.size();
        if self.wrong.is_none()
            && let Err(wrong) = self.add(line)
        {
            self.wrong = Some(wrong);
        }
    }

    fn add(&mut self, line: &Line<'_>) -> Result<(), Malformed> {
        // A block may name a large line of the table again and again; nothing of it is copied beyond the limit.
        if self.bytes > self.limits.bytes {
            return Err(Malformed::HeadTooLarge);
        }
        let Response { head, status, .. } = &mut *self.response;
        if line.name.first() != Some(&b':') {
            return line.add_to(head, self.limits.fields).map(drop);
        }
        if line.name != b":status" || *status != 0 || !head.fields().is_empty() {
            return Err(Malformed::PseudoField);
        }
        *status = status_of(line.value).ok_or(Malformed::PseudoField)?;
        Ok(())
    }

    /// Ends the head.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub(super) fn finish(self, ends_stream: bool, is_head_request: bool) -> Result<ResponseInfo, Malformed> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        let status = self.response.status;
        // No stream switches protocols, and an interim answer is not the last.
        if status == 0 || status == 101 || (status < 200 && ends_stream) {
            return Err(Malformed::PseudoField);
        }
        let is_bodyless = is_head_request || matches!(status, 100..=199 | 204 | 304);
        let framing = framing(&self.response.head, ends_stream, is_bodyless)?;
        Ok(ResponseInfo { framing, ..ResponseInfo::default() })
    }
}

/// Three digits, the first of them a class.
fn status_of(text: &[u8]) -> Option<u16> {
    let digits: &[u8; 3] = text.try_into().ok()?;
    let is_number = digits.iter().all(u8::is_ascii_digit) && (b'1'..=b'9').contains(&digits[0]);
    is_number.then(|| digits.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0')))
}

fn framing(head: &Head, ends_stream: bool, is_bodyless: bool) -> Result<Framing, Malformed> {
    let mut declared = head.known(Name::CONTENT_LENGTH).map(content_length);
    let length = declared.next().transpose()?;
    if declared.next().is_some() {
        return Err(Malformed::ContentLength);
    }
    match length {
        _ if is_bodyless => Ok(Framing::None),
        None | Some(0) if ends_stream => Ok(Framing::None),
        Some(_) if ends_stream => Err(Malformed::ContentLength),
        Some(length) => Ok(Framing::Length(length)),
        None => Ok(Framing::Stream),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[(&str, &str)], ends_stream: bool, is_head_request: bool) -> Result<(u16, Framing), Malformed> {
        let mut response = Response::default();
        let limits = HeadLimits { bytes: 1000, fields: 4, target_bytes: 0 };
        let mut reader = AnswerReader::new(&mut response, limits);
        for (name, value) in lines {
            reader.take(&Line::new(Name::OTHER, name.as_bytes(), value.as_bytes()));
        }
        reader.finish(ends_stream, is_head_request).map(|info| (response.status, info.framing))
    }

    #[test]
    fn framing_follows_status_length_and_end() {
        let ok = (":status", "200");
        for (lines, ends_stream, is_head_request, expected) in [
            (&[ok][..], false, false, (200, Framing::Stream)),
            (&[ok], true, false, (200, Framing::None)),
            (&[ok, ("content-length", "3")], false, false, (200, Framing::Length(3))),
            (&[ok, ("content-length", "0")], true, false, (200, Framing::None)),
            (&[ok, ("content-length", "3")], true, true, (200, Framing::None)),
            (&[(":status", "304"), ("content-length", "3")], true, false, (304, Framing::None)),
            (&[(":status", "103"), ("link", "</a>")], false, false, (103, Framing::None)),
        ] {
            assert_eq!(read(lines, ends_stream, is_head_request), Ok(expected), "{lines:?}");
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let ok = (":status", "200");
        for lines in [
            &[][..],
            &[("a", "b")],
            &[ok, ok],
            &[("a", "b"), ok],
            &[(":status", "20")],
            &[(":status", "2000")],
            &[(":status", "+20")],
            &[(":status", "099")],
            &[(":status", "101")],
            &[(":status", "103")],
            &[ok, (":path", "/")],
            &[ok, ("Upper", "b")],
            &[ok, ("connection", "close")],
            &[ok, ("transfer-encoding", "chunked")],
            &[ok, ("a", "b\r\nc: d")],
            &[ok, ("a", " b")],
            &[ok, ("content-length", "1")],
            &[ok, ("content-length", "x")],
            &[ok, ("content-length", "0"), ("content-length", "0")],
            &[ok, ("a", "b"), ("a", "b"), ("a", "b"), ("a", "b"), ("a", "b")],
        ] {
            assert!(read(lines, true, false).is_err(), "{lines:?}");
        }
        let large = "x".repeat(1000);
        assert_eq!(read(&[ok, ("a", &large)], true, false), Err(Malformed::HeadTooLarge));
    }
}
