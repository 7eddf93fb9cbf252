//! Distinguished names as text.
//!
//! Source: RFC 4514, sections 2 and 3.

use std::fmt::Write as _;

use super::der::{Element, OBJECT};

/// Kinds of attributes by their object identifiers, as DER writes them.
const KINDS: [(&[u8], &str); 9] = [
    (&[0x55, 0x04, 0x03], "CN"),
    (&[0x55, 0x04, 0x06], "C"),
    (&[0x55, 0x04, 0x07], "L"),
    (&[0x55, 0x04, 0x08], "ST"),
    (&[0x55, 0x04, 0x0a], "O"),
    (&[0x55, 0x04, 0x0b], "OU"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01], "UID"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19], "DC"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01], "emailAddress"),
];

/// The text of a name, the most special part first: `CN=a,O=b`. Attributes of other kinds are left out.
pub(super) fn distinguished_name(name: Element<'_>) -> String {
    let mut sets: Vec<Vec<String>> =
        name.elements().map(|set| set.elements().filter_map(attribute).collect()).collect();
    sets.retain(|set| !set.is_empty());
    sets.reverse();
    sets.iter().map(|set| set.join("+")).collect::<Vec<_>>().join(",")
}

fn attribute(pair: Element<'_>) -> Option<String> {
    let mut parts = pair.elements();
    let object = parts.expect(OBJECT)?.content;
    let (_, kind) = KINDS.iter().find(|(known, _)| *known == object)?;
    let value = std::str::from_utf8(parts.next()?.content).ok()?;
    let mut text = format!("{kind}=");
    for (index, letter) in value.char_indices() {
        let is_last = index + letter.len_utf8() == value.len();
        match letter {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => text.extend(['\\', letter]),
            ' ' if index == 0 || is_last => text.push_str("\\ "),
            '#' if index == 0 => text.push_str("\\#"),
            // A control letter in a header or a log line would be somebody's trick.
            _ if letter.is_control() => {
                for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
                    let _ = write!(text, "\\{byte:02X}");
                }
            }
            _ => text.push(letter),
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::super::der::{Elements, SEQUENCE};
    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
    }

    fn named(pairs: &[(&[u8], &str)]) -> String {
        let sets = pairs.iter().map(|(object, value)| {
            let pair = [element(OBJECT, object), element(0x0c, value.as_bytes())].concat();
            element(0x31, &element(SEQUENCE, &pair))
        });
        let name = element(SEQUENCE, &sets.collect::<Vec<_>>().concat());
        distinguished_name(Elements::of(&name).next().unwrap())
    }

    #[test]
    fn a_name_is_written_with_its_most_special_part_first() {
        assert_eq!(named(&[(KINDS[1].0, "DE"), (KINDS[4].0, "Shop"), (KINDS[0].0, "alice")]), "CN=alice,O=Shop,C=DE");
        assert_eq!(named(&[(&[0x55, 0x04, 0x7f], "odd"), (KINDS[0].0, "alice")]), "CN=alice");
    }

    #[test]
    fn f13_what_would_read_as_another_name_or_line_is_escaped() {
        for (value, expected) in [
            ("alice,O=Admins", "CN=alice\\,O\\=Admins".replace("\\=", "=")),
            ("a\r\nx-admin: 1", "CN=a\\0D\\0Ax-admin: 1".to_owned()),
            (" #a ", "CN=\\ #a\\ ".to_owned()),
            ("#a", "CN=\\#a".to_owned()),
            ("a+b\\c", "CN=a\\+b\\\\c".to_owned()),
            ("ä\u{85}", "CN=ä\\C2\\85".to_owned()),
        ] {
            assert_eq!(named(&[(KINDS[0].0, value)]), expected);
        }
    }
}
