//! A head: one buffer and the offsets of its fields, the same for every HTTP version.

use super::Name;

/// A stretch of a head's buffer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// Byte after the last.
    pub end: u32,
}

impl Span {
    /// The bytes it stands for.
    pub fn of(self, buffer: &[u8]) -> &[u8] {
        buffer.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// One field of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Token of its name.
    pub token: Name,
    /// Whether its whole line stands in the buffer just as it would be written: name, colon, one
    /// space, value, line end.
    pub is_canonical: bool,
    /// Where its name is.
    pub name: Span,
    /// Where its value is.
    pub value: Span,
}

/// Stands among the bits of tokens for a name with unusual bytes.
const ODD_NAME: u64 = 1 << 63;

/// Fields over one buffer that is kept from request to request.
#[derive(Debug, Default)]
pub struct Head {
    buffer: Vec<u8>,
    fields: Vec<Field>,
    /// Invariant: the bit of every token that a field has is set; others may be.
    present: u64,
}

impl Head {
    /// Empties the head and keeps its memory, unless it grew beyond `keep_bytes`.
    pub fn clear(&mut self, keep_bytes: usize) {
        self.buffer.clear();
        self.buffer.shrink_to(keep_bytes);
        self.begin();
    }

    /// Drops all fields; those found next are spans of what [`Head::load`] will give.
    pub(crate) fn begin(&mut self) {
        self.fields.clear();
        self.present = 0;
    }

    /// Notes a field that was found.
    #[inline]
    pub(crate) fn found(&mut self, field: Field) {
        self.present |= field.token.bit();
        self.fields.push(field);
    }

    /// Replaces the buffer by the bytes that the fields were found in.
    pub(crate) fn load(&mut self, bytes: &[u8]) {
        self.buffer.clear();
        self.buffer.extend_from_slice(bytes);
    }

    /// The buffer that spans point into.
    pub fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    /// The bytes of a span.
    pub fn bytes(&self, span: Span) -> &[u8] {
        span.of(&self.buffer)
    }

    /// Adds text to the buffer without making a field of it.
    pub fn intern(&mut self, bytes: &[u8]) -> Span {
        let start = self.buffer.len() as u32;
        self.buffer.extend_from_slice(bytes);
        Span { start, end: self.buffer.len() as u32 }
    }

    /// Adds text to the buffer that stands there already.
    pub(crate) fn intern_again(&mut self, span: Span) {
        self.buffer.extend_from_within(span.start as usize..span.end as usize);
    }

    /// The fields in order.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Every field as name and value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| (self.bytes(field.name), self.bytes(field.value)))
    }

    /// Notes that a name may hold bytes other than letters, digits and dashes.
    pub(crate) fn note_odd_name(&mut self) {
        self.present |= ODD_NAME;
    }

    /// Whether a name may hold bytes other than letters, digits and dashes; no is certain of a parsed head.
    pub(crate) fn may_have_odd_name(&self) -> bool {
        self.present & ODD_NAME != 0
    }

    /// Whether a field may have one of the known names, whose bits are given; no is certain.
    pub(crate) fn may_have(&self, bits: u64) -> bool {
        self.present & bits != 0
    }

    /// The values of a known name, in order.
    pub fn known(&self, token: Name) -> impl Iterator<Item = &[u8]> {
        self.fields.iter().filter(move |field| field.token == token).map(|field| self.bytes(field.value))
    }

    /// The first value of a known name.
    pub fn first(&self, token: Name) -> Option<&[u8]> {
        if self.may_have(token.bit()) { self.known(token).next() } else { None }
    }

    /// The values of any name, in any case, in order.
    pub fn all<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.named(Name::of(name), name)
    }

    /// The same for a name whose token is at hand.
    pub fn named<'a>(&'a self, token: Name, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().filter(move |field| self.is_named(field, token, name)).map(|field| self.bytes(field.value))
    }

    /// The first value of any name, in any case.
    pub fn get<'a>(&'a self, name: &'a [u8]) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// Sets a field: the first one of that name gets the value, others of it go.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        self.set_named(Name::of(name), name, value);
    }

    /// The same for a name whose token is at hand.
    pub fn set_named(&mut self, token: Name, name: &[u8], value: &[u8]) {
        let found = self.position(token, name);
        let Some(position) = found else { return self.push(token, name, value) };
        let value = self.intern(value);
        self.fields[position].value = value;
        self.fields[position].is_canonical = false;
        let (mut seen, buffer) = (0, &self.buffer);
        self.fields.retain(|field| {
            let named = is_named(buffer, field, token, name);
            seen += usize::from(named);
            !named || seen == 1
        });
    }

    /// Adds a field beside any of the same name.
    pub fn add(&mut self, name: &[u8], value: &[u8]) {
        self.push(Name::of(name), name, value);
    }

    /// Adds a field whose name the core knows, beside any of the same name.
    #[inline]
    pub fn add_known(&mut self, token: Name, value: &[u8]) {
        let start = self.buffer.len() as u32;
        self.buffer.extend_from_slice(token.line_start().as_bytes());
        let value_start = self.buffer.len() as u32;
        self.buffer.extend_from_slice(value);
        let value_end = self.buffer.len() as u32;
        self.buffer.extend_from_slice(b"\r\n");
        let name = Span { start, end: value_start.saturating_sub(2) };
        self.found(Field { token, is_canonical: true, name, value: Span { start: value_start, end: value_end } });
    }

    /// The same, where the value stands in the buffer already.
    pub(crate) fn add_known_span(&mut self, token: Name, value: Span) {
        let start = self.buffer.len() as u32;
        let name = token.line_start().as_bytes();
        self.buffer.extend_from_slice(name);
        let value_start = self.buffer.len() as u32;
        self.buffer.extend_from_within(value.start as usize..value.end as usize);
        let value_end = self.buffer.len() as u32;
        self.buffer.extend_from_slice(b"\r\n");
        let name = Span { start, end: value_start.saturating_sub(2) };
        self.found(Field { token, is_canonical: true, name, value: Span { start: value_start, end: value_end } });
    }

    /// Adds a field whose whole line is at hand, as it would be written, by the length of its name.
    pub(crate) fn push_line(&mut self, token: Name, name_bytes: usize, line: &[u8]) {
        let whole = self.intern(line);
        let name = Span { start: whole.start, end: whole.start + name_bytes as u32 };
        let value = Span { start: name.end + 2, end: whole.end.saturating_sub(2) };
        self.found(Field { token, is_canonical: true, name, value });
    }

    /// Makes room for so many fields and bytes, so that adding them does not ask for each.
    pub(crate) fn reserve(&mut self, fields: usize, bytes: usize) {
        self.fields.reserve(fields);
        self.buffer.reserve(bytes);
    }

    /// The stretch of the buffer that holds a canonical field's whole line.
    pub(crate) fn line(field: &Field) -> Span {
        Span { start: field.name.start, end: field.value.end + 2 }
    }

    /// Removes every field of that name and says whether there was one.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let token = Name::of(name);
        if self.position(token, name).is_none() {
            return false;
        }
        let buffer = &self.buffer;
        self.fields.retain(|field| !is_named(buffer, field, token, name));
        true
    }

    /// Keeps the fields that the test accepts; it is given the token, the name and the value.
    pub fn retain(&mut self, mut test: impl FnMut(Name, &[u8], &[u8]) -> bool) {
        let buffer = &self.buffer;
        self.fields.retain(|field| test(field.token, field.name.of(buffer), field.value.of(buffer)));
    }

    /// Writes the whole line, so that it can be sent as it stands.
    #[inline]
    pub(crate) fn push(&mut self, token: Name, name: &[u8], value: &[u8]) {
        let start = self.buffer.len() as u32;
        let name_end = start + name.len() as u32;
        let value_end = name_end + 2 + value.len() as u32;
        self.buffer.reserve(name.len() + value.len() + 4);
        self.buffer.extend_from_slice(name);
        self.buffer.extend_from_slice(b": ");
        self.buffer.extend_from_slice(value);
        self.buffer.extend_from_slice(b"\r\n");
        let (name, value) = (Span { start, end: name_end }, Span { start: name_end + 2, end: value_end });
        self.found(Field { token, is_canonical: true, name, value });
    }

    fn position(&self, token: Name, name: &[u8]) -> Option<usize> {
        if !self.may_have(token.bit()) {
            return None;
        }
        self.fields.iter().position(|field| self.is_named(field, token, name))
    }

    fn is_named(&self, field: &Field, token: Name, name: &[u8]) -> bool {
        is_named(&self.buffer, field, token, name)
    }
}

fn is_named(buffer: &[u8], field: &Field, token: Name, name: &[u8]) -> bool {
    field.token == token && (token != Name::OTHER || field.name.of(buffer).eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(fields: &[(&str, &str)]) -> Head {
        let mut head = Head::default();
        for (name, value) in fields {
            head.add(name.as_bytes(), value.as_bytes());
        }
        head
    }

    fn text(head: &Head) -> String {
        let line = |(name, value): (&[u8], &[u8])| [name, &b"="[..], value, b";"].concat();
        String::from_utf8(head.iter().flat_map(line).collect()).unwrap()
    }

    #[test]
    fn setting_replaces_the_first_and_drops_the_rest() {
        let mut head = head(&[("Via", "a"), ("x-k", "1"), ("X-K", "2"), ("z", "3")]);
        head.set(b"X-k", b"9");
        assert_eq!(text(&head), "Via=a;x-k=9;z=3;");
    }

    #[test]
    fn a_name_is_found_in_any_case_known_or_not() {
        let head = head(&[("HOST", "a"), ("X-Odd", "b")]);
        assert_eq!(head.get(b"host"), Some(&b"a"[..]));
        assert_eq!(head.get(b"x-odd"), Some(&b"b"[..]));
        assert_eq!(head.get(b"x-even"), None);
    }

    #[test]
    fn removing_says_whether_there_was_one() {
        let mut head = head(&[("a", "1"), ("A", "2"), ("b", "3")]);
        assert!(head.remove(b"a"));
        assert!(!head.remove(b"a"));
        assert_eq!(text(&head), "b=3;");
    }
}
