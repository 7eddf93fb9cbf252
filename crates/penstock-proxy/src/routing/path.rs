//! The one path normaliser: what it writes is matched, authorised, shown to filters and forwarded.

use penstock_plan::EncodedSlash;

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathProblem {
    /// It does not begin with a slash.
    #[error("path does not begin with a slash")]
    NotAbsolute,
    /// A percent sign without two hex digits behind it.
    #[error("path has a broken percent escape")]
    BadEscape,
    /// `%2f` or `%5c` where they are refused.
    #[error("path has an encoded slash or backslash")]
    EncodedSlash,
    /// `%00`.
    #[error("path has an encoded NUL")]
    EncodedNul,
    /// A control byte, space, backslash, question mark or number sign in plain.
    #[error("path has a byte that no path may hold")]
    BadByte,
    /// `..;x` or `..%2f`, which some servers read as `..`.
    #[error("path hides a dot segment")]
    HiddenDots,
    /// More `..` than there are segments to leave.
    #[error("path leads above the root")]
    AboveRoot,
}

impl PathProblem {
    /// The stable word for logs and counters.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotAbsolute => "path_not_absolute",
            Self::BadEscape => "path_bad_escape",
            Self::EncodedSlash => "path_encoded_slash",
            Self::EncodedNul => "path_encoded_nul",
            Self::BadByte => "path_bad_byte",
            Self::HiddenDots => "path_hidden_dots",
            Self::AboveRoot => "path_above_root",
        }
    }
}

/// Writes the normal form of a path, without query, into `out`, whose old text goes.
///
/// The normal form is ASCII and normal itself: normalising it again changes nothing.
/// - Escapes of unreserved characters (letters, digits, `-._~`) are decoded; all others
///   stay, with upper-case digits. A path is decoded once: `%252e` stays.
/// - Slashes are merged, then `.` and `..` resolved, also when they came encoded. `..` at
///   the root is refused, as is a hidden dot segment: with parameters (`..;x`) or beside a
///   kept `%2F`.
/// - `%00` is refused; `%2f` and `%5c` are refused or stay encoded, as `encoded_slash` says.
/// - A broken escape, a control byte, a space and a plain backslash are refused.
/// - Bytes over 127, quotes, brackets, braces, `^` and the pipe sign, which a path cannot hold
///   but clients send, are encoded.
///
/// Letters keep their case, a final slash stays, and `;parameters` are part of their
/// segment: `/ADMIN`, `/admin/`, `/admin.` and `/admin;a=1` are four paths beside `/admin`.
/// After a problem `out` is empty.
/// Source: RFC 3986, sections 3.3, 5.2.4 and 6.2.2.
pub fn normalise(raw: &[u8], encoded_slash: EncodedSlash, out: &mut String) -> Result<(), PathProblem> {
    out.clear();
    if is_normal(raw)
        && let Ok(text) = str::from_utf8(raw)
    {
        out.push_str(text);
        return Ok(());
    }
    let rewritten = rewrite(raw, encoded_slash, out);
    if rewritten.is_err() {
        out.clear();
    }
    rewritten
}

/// What the normaliser does with a byte.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Kept,
    Slash,
    Escape,
    Encoded,
    Refused,
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Refused; 256];
    let mut byte = 0;
    while byte < classes.len() {
        classes[byte] = class(byte as u8);
        byte += 1;
    }
    classes
};

const fn class(byte: u8) -> Class {
    match byte {
        b'/' => Class::Slash,
        b'%' => Class::Escape,
        b'!' | b'$' | b'&'..=b'.' | b':' | b';' | b'=' | b'@' => Class::Kept,
        _ if is_unreserved(byte) => Class::Kept,
        b'"' | b'<' | b'>' | b'[' | b']' | b'^' | b'`' | b'{'..=b'}' | 0x80.. => Class::Encoded,
        _ => Class::Refused,
    }
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Whether nothing needs a change; says no to some normal paths (`/.well-known`), never
/// yes to another.
fn is_normal(raw: &[u8]) -> bool {
    let mut previous = 0;
    raw.first() == Some(&b'/')
        && raw.iter().all(|&byte| {
            let is_fine = match CLASSES[usize::from(byte)] {
                Class::Kept => byte != b'.' || previous != b'/',
                Class::Slash => previous != b'/',
                _ => false,
            };
            previous = byte;
            is_fine
        })
}

/// Writes each segment behind a slash; only the last can leave a slash at the end.
fn rewrite(raw: &[u8], encoded_slash: EncodedSlash, out: &mut String) -> Result<(), PathProblem> {
    let Some((b'/', relative)) = raw.split_first() else { return Err(PathProblem::NotAbsolute) };
    out.reserve(raw.len());
    let mut is_open = false;
    for segment in relative.split(|byte| *byte == b'/') {
        is_open = segment.is_empty() || !write_segment(segment, encoded_slash, out)?;
    }
    if is_open {
        out.push('/');
    }
    Ok(())
}

/// Writes a segment, or follows it where it is a dot segment; says whether it was written.
fn write_segment(segment: &[u8], encoded_slash: EncodedSlash, out: &mut String) -> Result<bool, PathProblem> {
    let start = out.len();
    out.push('/');
    decode(segment, encoded_slash, out)?;
    match out.get(start + 1..).unwrap_or_default() {
        "." => out.truncate(start),
        ".." => {
            out.truncate(start);
            out.truncate(out.rfind('/').ok_or(PathProblem::AboveRoot)?);
        }
        text if hides_dots(text) => return Err(PathProblem::HiddenDots),
        _ => return Ok(true),
    }
    Ok(false)
}

/// Whether a server that cuts parameters off, or decodes slashes, would find a dot segment.
fn hides_dots(segment: &str) -> bool {
    segment.split("%2F").flat_map(|part| part.split("%5C")).any(|part| {
        let Some(behind) = part.strip_prefix('.') else { return false };
        let behind = behind.strip_prefix('.').unwrap_or(behind);
        behind.is_empty() || behind.starts_with(';') || behind.starts_with("%3B")
    })
}

fn decode(segment: &[u8], encoded_slash: EncodedSlash, out: &mut String) -> Result<(), PathProblem> {
    let mut rest = segment;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match CLASSES[usize::from(byte)] {
            Class::Kept | Class::Slash => out.push(char::from(byte)),
            Class::Encoded => push_escape(byte, out),
            Class::Refused => return Err(PathProblem::BadByte),
            Class::Escape => {
                let [high, low, behind @ ..] = tail else { return Err(PathProblem::BadEscape) };
                rest = behind;
                decode_escape(*high, *low, encoded_slash, out)?;
            }
        }
    }
    Ok(())
}

fn decode_escape(high: u8, low: u8, encoded_slash: EncodedSlash, out: &mut String) -> Result<(), PathProblem> {
    let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(PathProblem::BadEscape);
    let byte = (digit(high)? << 4 | digit(low)?) as u8;
    match byte {
        0 => return Err(PathProblem::EncodedNul),
        b'/' | b'\\' if encoded_slash == EncodedSlash::Refuse => return Err(PathProblem::EncodedSlash),
        _ if is_unreserved(byte) => out.push(char::from(byte)),
        _ => push_escape(byte, out),
    }
    Ok(())
}

fn push_escape(byte: u8, out: &mut String) {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0').to_ascii_uppercase();
    out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
}

#[cfg(test)]
mod tests;
