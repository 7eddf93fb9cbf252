//! The line of one exchange: which fields there are and how each is written.

use std::io::Write as _;
use std::net::IpAddr;

use penstock_plan::LogFormat;

use crate::exchange::{AddressText, ClientField, Session};
use crate::grpc::Status;
use crate::http1::write_number;
use crate::scan::needs_escape;

/// One exchange, as the log sees it.
///
/// Only method, path and user agent may need an escape: a request id that does is not kept, the
/// parser of authorities lets no such host pass, and a plan with such a name is not built.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) wall_us: u64,
    pub(crate) id: &'a str,
    pub(crate) listener: &'a str,
    pub(crate) route: &'a str,
    pub(crate) client: IpAddr,
    pub(crate) method: &'a [u8],
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
    /// What is known of the connection, where it is enciphered.
    pub(crate) session: Option<&'a Session>,
    /// The status of a call of gRPC.
    pub(crate) grpc_status: Option<Status>,
}

impl<'a> Entry<'a> {
    fn session_text(&self, text: impl FnOnce(&'a Session) -> &'a str) -> &'a [u8] {
        self.session.map_or("", text).as_bytes()
    }

    fn client_text(&self, field: ClientField) -> &'a [u8] {
        self.session_text(|session| session.client_text(field).unwrap_or_default())
    }
}

/// What a field holds.
enum Value<'a> {
    Time(u64),
    Text(&'a [u8]),
    /// The same in UTF-8.
    Unicode(&'a [u8]),
    /// Text that needs no escape, whoever sent it.
    Plain(&'a [u8]),
    Address(IpAddr),
    Number(u64),
    Millis(u64),
}

/// How an object ends behind its last value.
const JSON_END: &[u8] = b"}\n";

/// The fields of a line, in the order in which JSON has them; the last of them only where a connection is
/// enciphered, or the request is a call of gRPC.
macro_rules! fields {
    (
        always { $($field:ident = $name:literal, $kind:ident, |$entry:ident| $value:expr;)+ }
        enciphered { $($tls_field:ident = $tls_name:literal, $tls_kind:ident, |$tls_entry:ident| $tls_value:expr;)+ }
        called { $call_field:ident = $call_name:literal, $call_kind:ident, |$call_entry:ident| $call_value:expr; }
    ) => {
        /// The fields of a line, in the order in which they stand in JSON.
        pub const LOG_FIELDS: &[&str] = &[$($name,)+ $($tls_name,)+ $call_name];

        /// A field of a line.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Field { $($field,)+ $($tls_field,)+ $call_field }

        impl Field {
            fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$field),)+ $($tls_name => Some(Self::$tls_field),)+ $call_name => Some(Self::$call_field), _ => None }
            }

            #[inline]
            fn of<'a>(self, entry: &Entry<'a>) -> Value<'a> {
                match self {
                    $(Self::$field => { let $entry = entry; Value::$kind($value) })+
                    $(Self::$tls_field => { let $tls_entry = entry; Value::$tls_kind($tls_value) })+
                    Self::$call_field => { let $call_entry = entry; Value::$call_kind($call_value) }
                }
            }
        }

        fn write_json(out: &mut Vec<u8>, entry: &Entry<'_>, second: &str) {
            json!(out, entry, second, "{"; $($field $name $kind)+);
            if entry.session.is_some() {
                // Lines of clear text pay nothing for what they have not.
                out.truncate(out.len() - JSON_END.len());
                json!(out, entry, second, ","; $($tls_field $tls_name $tls_kind)+);
            }
            if entry.grpc_status.is_some() {
                out.truncate(out.len() - JSON_END.len());
                json!(out, entry, second, ","; $call_field $call_name $call_kind);
            }
        }
    };
}

/// Writes the members of an object; what closes one and begins the next is one piece of text.
macro_rules! json {
    ($out:ident, $entry:ident, $second:ident, $close:tt; $field:ident $name:literal Number $($rest:tt)*) => {
        json!($out, $entry, $second, $close, "", ","; $field $name $($rest)*)
    };
    ($out:ident, $entry:ident, $second:ident, $close:tt; $field:ident $name:literal Millis $($rest:tt)*) => {
        json!($out, $entry, $second, $close, "", ","; $field $name $($rest)*)
    };
    ($out:ident, $entry:ident, $second:ident, $close:tt; $field:ident $name:literal $kind:ident $($rest:tt)*) => {
        json!($out, $entry, $second, $close, "\"", "\","; $field $name $($rest)*)
    };
    ($out:ident, $entry:ident, $second:ident, $close:tt, $open:tt, $next:tt;
     $field:ident $name:literal $($rest:tt)*) => {
        $out.extend_from_slice(concat!($close, "\"", $name, "\":", $open).as_bytes());
        write_value($out, &Field::$field.of($entry), $second);
        json!($out, $entry, $second, $next; $($rest)*);
    };
    ($out:ident, $entry:ident, $second:ident, "\",";) => { $out.extend_from_slice(b"\"}\n") };
    ($out:ident, $entry:ident, $second:ident, ",";) => { $out.extend_from_slice(b"}\n") };
}

fields! {
    always {
        Time = "time", Time, |entry| entry.wall_us;
        Id = "id", Plain, |entry| entry.id.as_bytes();
        Listener = "listener", Plain, |entry| entry.listener.as_bytes();
        Route = "route", Plain, |entry| entry.route.as_bytes();
        Client = "client", Address, |entry| entry.client;
        Method = "method", Text, |entry| entry.method;
        Host = "host", Plain, |entry| entry.host.as_bytes();
        Path = "path", Text, |entry| entry.path.as_bytes();
        Protocol = "protocol", Plain, |entry| entry.protocol.as_bytes();
        Status = "status", Number, |entry| u64::from(entry.status);
        BytesIn = "bytes_in", Number, |entry| entry.bytes_in;
        BytesOut = "bytes_out", Number, |entry| entry.bytes_out;
        Duration = "duration_ms", Millis, |entry| entry.duration_us;
        Upstream = "upstream", Plain, |entry| entry.upstream.as_bytes();
        Endpoint = "endpoint", Plain, |entry| entry.endpoint.as_bytes();
        Attempts = "attempts", Number, |entry| u64::from(entry.attempts);
        UpstreamTime = "upstream_ms", Millis, |entry| entry.upstream_us;
        Reason = "reason", Plain, |entry| entry.reason.as_bytes();
        UserAgent = "user_agent", Text, |entry| entry.user_agent;
    }
    enciphered {
        TlsVersion = "tls_version", Plain, |entry| entry.session_text(|session| session.version);
        TlsCipher = "tls_cipher", Plain, |entry| entry.session_text(|session| session.cipher);
        TlsProtocol = "tls_protocol", Plain, |entry| entry.session_text(|session| session.protocol);
        TlsName = "tls_name", Plain, |entry| entry.session_text(|session| &session.name);
        TlsClientSubject = "tls_client_subject", Unicode, |entry| entry.client_text(ClientField::Subject);
        TlsClientFingerprint = "tls_client_fingerprint", Plain, |entry| entry.client_text(ClientField::Fingerprint);
    }
    called {
        GrpcStatus = "grpc_status", Plain, |entry| entry.grpc_status.map_or("", Status::word).as_bytes();
    }
}

/// Room that all names, numbers and short texts of a line need.
const USUAL_BYTES: usize = 768;

/// How a line is written, made ready once for each plan.
#[derive(Debug)]
pub(crate) enum LineFormat {
    /// One JSON object.
    Json,
    /// Texts and fields in the order of a template.
    Template(Box<[Piece]>),
}

/// A piece of a template.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Text as it stands.
    Literal(Box<[u8]>),
    /// The value of a field.
    Field(FieldName),
}

/// A field that a template names.
#[derive(Debug)]
pub(crate) struct FieldName(Field);

impl LineFormat {
    /// Makes ready what a plan says.
    pub(crate) fn new(format: &LogFormat) -> Self {
        match format {
            LogFormat::Json => Self::Json,
            LogFormat::Template(template) => Self::Template(pieces(template)),
        }
    }

    /// Writes the line with its end; `second` is the text of the second in which it falls.
    pub(crate) fn write(&self, out: &mut Vec<u8>, entry: &Entry<'_>, second: &str) {
        match self {
            Self::Json => {
                out.reserve(USUAL_BYTES + entry.path.len() + entry.host.len() + entry.user_agent.len());
                write_json(out, entry, second);
            }
            Self::Template(pieces) => {
                for piece in pieces {
                    match piece {
                        Piece::Literal(text) => out.extend_from_slice(text),
                        Piece::Field(field) => write_value(out, &field.0.of(entry), second),
                    }
                }
                out.push(b'\n');
            }
        }
    }
}

/// Takes a template apart: `{{ name }}` stands for the field of that name, and for nothing where there is none.
fn pieces(template: &str) -> Box<[Piece]> {
    let (mut pieces, mut rest) = (Vec::new(), template);
    let literal = |text: &str| Piece::Literal(text.as_bytes().into());
    while let Some((before, behind)) = rest.split_once("{{") {
        pieces.push(literal(before));
        let (name, after) = behind.split_once("}}").unwrap_or_default();
        pieces.extend(Field::named(name.trim()).map(|field| Piece::Field(FieldName(field))));
        rest = after;
    }
    pieces.push(literal(rest));
    pieces.into()
}

/// Writes a value as it stands between quotes, or without them.
#[inline(always)]
#[allow(
    clippy::inline_always,
    reason = "of most fields it is known what they hold, and only then the match folds away"
)]
fn write_value(out: &mut Vec<u8>, value: &Value<'_>, second: &str) {
    match *value {
        Value::Time(wall_us) => {
            out.extend_from_slice(second.as_bytes());
            out.push(b'.');
            out.extend_from_slice(&three_digits(wall_us / 1_000 % 1_000));
            out.push(b'Z');
        }
        Value::Text(text) if needs_escape(text) => write_escaped(out, text),
        Value::Unicode(text) if needs_escape(text) => write_unicode(out, text),
        Value::Text(text) | Value::Unicode(text) | Value::Plain(text) => out.extend_from_slice(text),
        Value::Address(address) => out.extend_from_slice(AddressText::of(address).as_bytes()),
        Value::Number(number) => write_number(out, number),
        Value::Millis(micros) => {
            write_number(out, micros / 1_000);
            out.push(b'.');
            out.extend_from_slice(&three_digits(micros % 1_000));
        }
    }
}

fn three_digits(number: u64) -> [u8; 3] {
    [100, 10, 1].map(|place| b'0' + (number / place % 10) as u8)
}

/// Escapes for JSON; bytes beyond ASCII are read as latin-1 and escaped, so a line is always ASCII (I22).
#[cold]
fn write_escaped(out: &mut Vec<u8>, text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b' '..=b'~' => out.push(byte),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
    }
}

/// The same of text in UTF-8: what is beyond ASCII is escaped as UTF-16.
#[cold]
fn write_unicode(out: &mut Vec<u8>, text: &[u8]) {
    for letter in String::from_utf8_lossy(text).chars() {
        match letter {
            '"' | '\\' => out.extend_from_slice(&[b'\\', letter as u8]),
            ' '..='~' => out.push(letter as u8),
            _ => letter.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                // Writing into memory does not fail.
                let _ = write!(out, "\\u{unit:04x}");
            }),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::exchange::{ClientCertificate, Head};

    pub(in crate::telemetry) const ENTRY: Entry<'static> = Entry {
        wall_us: 1_700_000_000_123_000,
        id: "i",
        listener: "web",
        route: "r",
        client: IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 255)),
        method: b"GET",
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
        session: None,
        grpc_status: None,
    };

    fn line(format: &LogFormat) -> String {
        let mut out = Vec::new();
        LineFormat::new(format).write(&mut out, &ENTRY, "2023-11-14T22:13:20");
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_json_line_is_one_object_with_every_field_escaped() {
        let text = line(&LogFormat::Json);
        let value: serde_json::Value = serde_json::from_str(text.trim_end()).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert_eq!(value["time"], "2023-11-14T22:13:20.123Z");
        assert_eq!(value["path"], "/a\"b");
        assert_eq!(value["user_agent"], "x\r\n\u{1b}\u{e4}\\");
        assert_eq!(value["client"], "10.0.0.255");
        assert_eq!(value["duration_ms"], 1.002);
        assert_eq!(
            value.as_object().unwrap().keys().collect::<Vec<_>>(),
            sorted(|field| !field.starts_with("tls_") && field != "grpc_status")
        );
    }

    #[test]
    fn a_line_of_a_call_has_its_status() {
        let mut called = Head::default();
        called.add(b"grpc-status", b"14");
        let entry = Entry { grpc_status: Status::in_head(&called), ..ENTRY };
        let mut out = Vec::new();
        LineFormat::Json.write(&mut out, &entry, "2023-11-14T22:13:20");
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!((&value["grpc_status"], &value["status"]), (&"UNAVAILABLE".into(), &200.into()));
    }

    #[test]
    fn a_json_line_of_an_enciphered_connection_has_every_field() {
        let mut client = ClientCertificate::default();
        client.set(ClientField::Subject, "CN=\"a\\b\",O=\u{e4}\u{1f600}\n".to_owned());
        client.set(ClientField::Fingerprint, "0123".to_owned());
        let protocol = "h2";
        let session = Session { version: "1.3", protocol, name: "shop.test".into(), ..Session::default() };
        for client in [None, Some(client)] {
            let session = Session { client, ..session.clone() };
            let mut out = Vec::new();
            LineFormat::Json.write(&mut out, &Entry { session: Some(&session), ..ENTRY }, "2023-11-14T22:13:20");
            let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
            assert_eq!(value.as_object().unwrap().keys().collect::<Vec<_>>(), sorted(|field| field != "grpc_status"));
            assert_eq!((&value["tls_version"], &value["tls_name"]), (&"1.3".into(), &"shop.test".into()));
            let subject = session.client_text(ClientField::Subject).unwrap_or_default();
            assert_eq!(value["tls_client_subject"], subject);
        }
    }

    fn sorted(are_there: impl Fn(&str) -> bool) -> Vec<&'static str> {
        let mut fields: Vec<_> = LOG_FIELDS.iter().copied().filter(|field| are_there(field)).collect();
        fields.sort_unstable();
        fields
    }

    #[test]
    fn a_template_names_the_same_fields() {
        let template = "{{ client }} {{method}} {{ path }} {{ status }} {{ upstream_ms }} {{ time }}{{ odd }}";
        assert_eq!(
            line(&LogFormat::Template(template.into())),
            "10.0.0.255 GET /a\\\"b 200 0.999 2023-11-14T22:13:20.123Z\n"
        );
    }
}
