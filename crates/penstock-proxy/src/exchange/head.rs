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
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Token of its name.
    pub token: Name,
    /// Where its name is.
    pub name: Span,
    /// Where its value is.
    pub value: Span,
}

/// Fields over one buffer that is kept from request to request.
#[derive(Debug, Default)]
pub struct Head {
    buffer: Vec<u8>,
    fields: Vec<Field>,
}

impl Head {
    /// Empties the head and keeps its memory, unless it grew beyond `keep_bytes`.
    pub fn clear(&mut self, keep_bytes: usize) {
        self.buffer.clear();
        self.buffer.shrink_to(keep_bytes);
        self.fields.clear();
    }

    /// Where a parser puts the fields it finds; [`Head::load`] then gives the bytes they are spans of.
    pub fn fields_mut(&mut self) -> &mut Vec<Field> {
        &mut self.fields
    }

    /// Replaces the buffer by the bytes that the fields were found in.
    pub fn load(&mut self, bytes: &[u8]) {
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

    /// The fields in order.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Every field as name and value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| (self.bytes(field.name), self.bytes(field.value)))
    }

    /// The values of a known name, in order.
    pub fn known(&self, token: Name) -> impl Iterator<Item = &[u8]> {
        self.fields.iter().filter(move |field| field.token == token).map(|field| self.bytes(field.value))
    }

    /// The first value of a known name.
    pub fn first(&self, token: Name) -> Option<&[u8]> {
        self.known(token).next()
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
        let found = self.fields.iter().position(|field| self.is_named(field, token, name));
        let Some(position) = found else { return self.push(token, name, value) };
        let value = self.intern(value);
        self.fields[position].value = value;
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
    pub fn add_known(&mut self, token: Name, value: &[u8]) {
        self.push(token, token.text().as_bytes(), value);
    }

    /// The field's whole line where it stands in the buffer just as it would be written:
    /// name, colon, one space, value, line end.
    pub fn canonical_line(&self, field: &Field) -> Option<&[u8]> {
        let line = self.buffer.get(field.name.start as usize..field.value.end as usize + 2)?;
        let between = (field.name.end - field.name.start) as usize;
        let is_canonical = field.value.start == field.name.end + 2
            && line.get(between..between + 2) == Some(b": ")
            && line.ends_with(b"\r\n");
        is_canonical.then_some(line)
    }

    /// Removes every field of that name and says whether there was one.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let (token, buffer, before) = (Name::of(name), &self.buffer, self.fields.len());
        self.fields.retain(|field| !is_named(buffer, field, token, name));
        self.fields.len() != before
    }

    /// Keeps the fields that the test accepts; it is given the token, the name and the value.
    pub fn retain(&mut self, mut test: impl FnMut(Name, &[u8], &[u8]) -> bool) {
        let buffer = &self.buffer;
        self.fields.retain(|field| test(field.token, field.name.of(buffer), field.value.of(buffer)));
    }

    /// Writes the whole line, so that it can be sent as it stands.
    fn push(&mut self, token: Name, name: &[u8], value: &[u8]) {
        self.buffer.reserve(name.len() + value.len() + 4);
        let name = self.intern(name);
        self.buffer.extend_from_slice(b": ");
        let value = self.intern(value);
        self.buffer.extend_from_slice(b"\r\n");
        self.fields.push(Field { token, name, value });
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
