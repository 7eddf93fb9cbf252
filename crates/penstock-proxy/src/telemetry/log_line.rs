//! The line of one exchange: which fields there are and how each is written.

use std::cell::RefCell;
use std::io::Write as _;
use std::net::IpAddr;

use penstock_plan::{LogFormat, LogObject};

use super::built_log::LogProblem;
use super::log_mask::Mask;
use super::log_object::Object;
use super::log_pieces::Pieces;
use crate::exchange::{AddressText, ClientField, Exchange, Session};
use crate::grpc::Status;
use crate::http1::write_number;
use crate::scan::needs_escape;
use crate::tracing::TraceTexts;

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
    /// Whose key it carries; empty where nobody has looked, or it is nobody's.
    pub(crate) consumer: &'a str,
    /// The status of a call of gRPC.
    pub(crate) grpc_status: Option<Status>,
    /// The trace that it is part of, and its own span, where there are traces.
    pub(crate) trace: Option<TraceTexts>,
    /// The query as it came; only lines that name it have it, for it holds what is secret.
    pub(crate) query: &'a [u8],
}

impl<'a> Entry<'a> {
    fn session_text(&self, text: impl FnOnce(&'a Session) -> &'a str) -> &'a [u8] {
        self.session.map_or("", text).as_bytes()
    }

    fn client_text(&self, field: ClientField) -> &'a [u8] {
        self.session_text(|session| session.client_text(field).unwrap_or_default())
    }
}

/// All that a line may say of one exchange.
#[derive(Clone, Copy)]
pub(super) struct Logged<'a> {
    pub(super) entry: &'a Entry<'a>,
    /// What expressions look at.
    pub(super) exchange: &'a Exchange,
    /// The text of the second in which it falls.
    pub(super) second: &'a str,
}

/// Memory to make texts in.
pub(super) type Scratch = (Vec<u8>, Vec<u8>);

/// What a field holds.
pub(super) enum Value<'a> {
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
pub(super) const JSON_END: &[u8] = b"}\n";

/// Which lines have a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Every line.
    Always,
    /// Those of enciphered connections.
    Enciphered,
    /// Those of consumers who are known.
    Known,
    /// Those of calls of gRPC.
    Called,
    /// Those of exchanges that are part of a trace.
    Traced,
    /// Those for which it is asked.
    Asked,
}

/// The fields of a line, in the order in which JSON has them; the last of them only where a connection is
/// enciphered, a consumer known, or the request a call of gRPC.
macro_rules! fields {
    (
        always { $($field:ident = $name:literal, $kind:ident, |$entry:ident| $value:expr;)+ }
        enciphered { $($tls_field:ident = $tls_name:literal, $tls_kind:ident, |$tls_entry:ident| $tls_value:expr;)+ }
        known { $known_field:ident = $known_name:literal, $known_kind:ident, |$known_entry:ident| $known_value:expr; }
        called { $call_field:ident = $call_name:literal, $call_kind:ident, |$call_entry:ident| $call_value:expr; }
        traced { $($trace_field:ident = $trace_name:literal, $trace_kind:ident, |$trace_entry:ident| $trace_value:expr;)+ }
        asked { $($asked_field:ident = $asked_name:literal, $asked_kind:ident, |$asked_entry:ident| $asked_value:expr;)+ }
    ) => {
        /// The fields of a line, in the order in which they stand in JSON; the last only where they are asked for.
        pub const LOG_FIELDS: &[&str] = &[$($name,)+ $($tls_name,)+ $known_name, $call_name, $($trace_name,)+ $($asked_name,)+];

        /// A field of a line.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Field { $($field,)+ $($tls_field,)+ $known_field, $call_field, $($trace_field,)+ $($asked_field,)+ }

        impl Field {
            pub(super) fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$field),)+
                    $($tls_name => Some(Self::$tls_field),)+
                    $known_name => Some(Self::$known_field),
                    $call_name => Some(Self::$call_field),
                    $($trace_name => Some(Self::$trace_field),)+
                    $($asked_name => Some(Self::$asked_field),)+
                    _ => None,
                }
            }

            /// Which lines have it.
            pub(super) fn presence(self) -> Presence {
                match self {
                    $(Self::$field)|+ => Presence::Always,
                    $(Self::$tls_field)|+ => Presence::Enciphered,
                    Self::$known_field => Presence::Known,
                    Self::$call_field => Presence::Called,
                    $(Self::$trace_field)|+ => Presence::Traced,
                    $(Self::$asked_field)|+ => Presence::Asked,
                }
            }

            #[inline]
            pub(super) fn of<'a>(self, entry: &'a Entry<'a>) -> Value<'a> {
                match self {
                    $(Self::$field => { let $entry = entry; Value::$kind($value) })+
                    $(Self::$tls_field => { let $tls_entry = entry; Value::$tls_kind($tls_value) })+
                    Self::$known_field => { let $known_entry = entry; Value::$known_kind($known_value) }
                    Self::$call_field => { let $call_entry = entry; Value::$call_kind($call_value) }
                    $(Self::$trace_field => { let $trace_entry = entry; Value::$trace_kind($trace_value) })+
                    $(Self::$asked_field => { let $asked_entry = entry; Value::$asked_kind($asked_value) })+
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
            if !entry.consumer.is_empty() {
                out.truncate(out.len() - JSON_END.len());
                json!(out, entry, second, ","; $known_field $known_name $known_kind);
            }
            if entry.grpc_status.is_some() {
                out.truncate(out.len() - JSON_END.len());
                json!(out, entry, second, ","; $call_field $call_name $call_kind);
            }
            if entry.trace.is_some() {
                out.truncate(out.len() - JSON_END.len());
                json!(out, entry, second, ","; $($trace_field $trace_name $trace_kind)+);
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
    known {
        Consumer = "consumer", Plain, |entry| entry.consumer.as_bytes();
    }
    called {
        GrpcStatus = "grpc_status", Plain, |entry| entry.grpc_status.map_or("", Status::word).as_bytes();
    }
    traced {
        TraceId = "trace_id", Plain, |entry| entry.trace.as_ref().map_or(&[], |texts| &texts.trace);
        SpanId = "span_id", Plain, |entry| entry.trace.as_ref().map_or(&[], |texts| &texts.span);
    }
    asked {
        Query = "query", Text, |entry| entry.query;
    }
}

/// Room that all names, numbers and short texts of a line need.
const USUAL_BYTES: usize = 768;

/// How a line is written, made ready once for each plan.
pub(super) enum LineFormat {
    /// One JSON object with the usual members.
    Json,
    /// One JSON object with others.
    Object(Object),
    /// Texts and values in the order of a template.
    Template(Pieces),
}

impl LineFormat {
    /// Makes ready what a plan says.
    pub(super) fn new(format: &LogFormat, mask: &Mask, problems: &mut Vec<LogProblem>) -> Self {
        match format {
            LogFormat::Json if mask.is_empty() => Self::Json,
            LogFormat::Json => Self::Object(Object::new(&LogObject::default(), mask, problems)),
            LogFormat::Object(object) => Self::Object(Object::new(object, mask, problems)),
            LogFormat::Template(template) => Self::Template(Pieces::of_line(template, mask, problems)),
        }
    }

    /// Writes the line with its end.
    pub(super) fn write(&self, out: &mut Vec<u8>, logged: &Logged<'_>, scratch: &RefCell<Scratch>) {
        let entry = logged.entry;
        match self {
            Self::Json => {
                out.reserve(USUAL_BYTES + entry.path.len() + entry.host.len() + entry.user_agent.len());
                write_json(out, entry, logged.second);
            }
            Self::Object(object) => object.write(out, logged, &mut scratch.borrow_mut()),
            Self::Template(pieces) => {
                pieces.write(out, logged, &mut scratch.borrow_mut());
                out.push(b'\n');
            }
        }
    }
}

/// Writes a value as it stands between quotes, or without them.
#[inline(always)]
#[allow(
    clippy::inline_always,
    reason = "of most fields it is known what they hold, and only then the match folds away"
)]
pub(super) fn write_value(out: &mut Vec<u8>, value: &Value<'_>, second: &str) {
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
pub(super) fn write_escaped(out: &mut Vec<u8>, text: &[u8]) {
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
pub(super) fn write_unicode(out: &mut Vec<u8>, text: &[u8]) {
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

/// An entry of nothing: what it has in a field is of the kind that every entry has there.
pub(super) const NOTHING: Entry<'static> = Entry {
    wall_us: 0,
    id: "",
    listener: "",
    route: "",
    client: IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
    method: b"",
    host: "",
    path: "",
    protocol: "",
    status: 0,
    bytes_in: 0,
    bytes_out: 0,
    duration_us: 0,
    upstream: "",
    endpoint: "",
    attempts: 0,
    upstream_us: 0,
    reason: "",
    user_agent: b"",
    session: None,
    consumer: "",
    grpc_status: None,
    trace: None,
    query: b"",
};

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::exchange::{ClientCertificate, Head};
    use crate::tracing::TraceContext;

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
        consumer: "",
        grpc_status: None,
        trace: None,
        query: b"a=1&token=2\n",
    };

    pub(in crate::telemetry) fn line_of(
        format: &LogFormat,
        mask: &Mask,
        entry: &Entry<'_>,
        exchange: &Exchange,
    ) -> String {
        let mut problems = Vec::new();
        let format = LineFormat::new(format, mask, &mut problems);
        assert_eq!(problems, []);
        let (mut out, second) = (Vec::new(), "2023-11-14T22:13:20");
        format.write(&mut out, &Logged { entry, exchange, second }, &RefCell::default());
        String::from_utf8(out).unwrap()
    }

    fn line(format: &LogFormat) -> String {
        line_of(format, &Mask::default(), &ENTRY, &Exchange::default())
    }

    fn value_of(entry: &Entry<'_>) -> serde_json::Value {
        serde_json::from_str(&line_of(&LogFormat::Json, &Mask::default(), entry, &Exchange::default())).unwrap()
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
            sorted(|field| !field.starts_with("tls_") && !OF_FEW.contains(&field))
        );
    }

    /// Fields that only lines of known consumers, of calls and of traced exchanges have.
    const OF_FEW: [&str; 4] = ["consumer", "grpc_status", "trace_id", "span_id"];

    #[test]
    fn a_line_of_a_traced_exchange_has_its_trace_and_its_span() {
        let trace = TraceContext { trace: 0xab, span: 0xcd, ..TraceContext::default() }.texts();
        let value = value_of(&Entry { trace, ..ENTRY });
        assert_eq!(value["trace_id"], format!("{:032x}", 0xab));
        assert_eq!(value["span_id"], format!("{:016x}", 0xcd));
        assert_eq!(TraceContext::default().texts().map(|texts| texts.trace), None);
    }

    #[test]
    fn a_line_of_a_known_consumer_has_its_name() {
        assert_eq!(value_of(&Entry { consumer: "alice", ..ENTRY })["consumer"], "alice");
    }

    #[test]
    fn a_line_of_a_call_has_its_status() {
        let mut called = Head::default();
        called.add(b"grpc-status", b"14");
        let value = value_of(&Entry { grpc_status: Status::in_head(&called), ..ENTRY });
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
            let value = value_of(&Entry { session: Some(&session), ..ENTRY });
            assert_eq!(value.as_object().unwrap().keys().collect::<Vec<_>>(), sorted(|field| !OF_FEW.contains(&field)));
            assert_eq!((&value["tls_version"], &value["tls_name"]), (&"1.3".into(), &"shop.test".into()));
            let subject = session.client_text(ClientField::Subject).unwrap_or_default();
            assert_eq!(value["tls_client_subject"], subject);
        }
    }

    fn sorted(are_there: impl Fn(&str) -> bool) -> Vec<&'static str> {
        let usual = LOG_FIELDS.iter().copied().filter(|field| *field != "query");
        let mut fields: Vec<_> = usual.filter(|field| are_there(field)).collect();
        fields.sort_unstable();
        fields
    }

    #[test]
    fn a_template_names_the_same_fields() {
        let template = "{{ client }} {{method}} {{ path }} {{ status }} {{ upstream_ms }} {{ time }}";
        assert_eq!(
            line(&LogFormat::Template(template.into())),
            "10.0.0.255 GET /a\\\"b 200 0.999 2023-11-14T22:13:20.123Z\n"
        );
    }
}
