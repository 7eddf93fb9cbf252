//! Why the gateway itself refuses a request or gives it up: the words that are counted.

use crate::failure::Blame::{self, Client, Gateway, Upstream};

/// A reason, and what is to be known of it.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Reason {
    /// Stable word for log and counter.
    pub reason: &'static str,
    /// Status that the client is told; none where a connection or stream ends, or there is nobody to be told.
    pub status: Option<u16>,
    /// Whose fault it is.
    pub(crate) blame: Blame,
    /// What has happened, and what helps where that is not plain.
    pub meaning: &'static str,
}

impl Reason {
    const fn told(reason: &'static str, status: u16, blame: Blame, meaning: &'static str) -> Self {
        Self { reason, status: Some(status), blame, meaning }
    }

    const fn untold(reason: &'static str, blame: Blame, meaning: &'static str) -> Self {
        Self { reason, status: None, blame, meaning }
    }
}

/// Every reason in the order of the words; the last stands for those that are not here.
#[rustfmt::skip]
pub const REASONS: &[Reason] = &[
    Reason::told("answer_body_timed_out", 504, Upstream, "The endpoint stopped in the middle of its answer for longer than the route's or upstream's `idle`."),
    Reason::told("answer_timed_out", 504, Upstream, "The endpoint took the request and did not answer within `answer`; raise that where the work is slow by nature."),
    Reason::told("body_consumed", 500, Gateway, "An earlier `Forward` has sent the request's body, and it is not there for another; let the first one buffer it."),
    Reason::told("body_timed_out", 408, Client, "The client stopped sending its body for longer than `idle`."),
    Reason::told("body_too_large", 413, Client, "The body is larger than the listener's `limits.body` or a `MaxBodySize` allows."),
    Reason::told("both_lengths", 400, Client, "The request has both Content-Length and Transfer-Encoding, as attempts at smuggling have."),
    Reason::told("chunk", 400, Client, "A chunk of the body is malformed."),
    Reason::told("chunk_extensions", 400, Client, "The extensions of chunks are larger than anybody needs."),
    Reason::untold("client_gone", Client, "The client left before it had its answer; the log says 499."),
    Reason::told("connect_failed", 502, Upstream, "No endpoint took a connection: is it listening at that address, and let through?"),
    Reason::told("connect_timed_out", 504, Upstream, "No endpoint took a connection within `connect`: is it there, and let through?"),
    Reason::told("connection_field", 400, Client, "A request of HTTP/2 or HTTP/3 has a field that is about one connection of HTTP/1.1."),
    Reason::told("consumer_forbidden", 403, Client, "The consumer whose key the request carries is not among those whom `VerifyKey` allows."),
    Reason::told("content_length", 400, Client, "Content-Length is repeated or not a number."),
    Reason::told("destination_refused", 403, Client, "A `ForwardProxy` does not allow the destination that the client asked for."),
    Reason::told("early_data", 425, Client, "The request came before the handshake was done and may be somebody else's copy; clients send it again."),
    Reason::told("endpoint_handshake", 502, Upstream, "The endpoint's handshake failed: does it speak TLS, and a version that is spoken here?"),
    Reason::told("endpoint_untrusted", 502, Upstream, "The endpoint's certificate is not for its name, has expired, or nobody who is trusted signed it; see the upstream's `tls`."),
    Reason::told("endpoint_without_http2", 502, Upstream, "The upstream asks for HTTP/2 and the endpoint does not speak it."),
    Reason::told("expectation", 417, Client, "The request expects something other than 100-continue."),
    Reason::told("field_name", 400, Client, "A field's name has a character that is not allowed there."),
    Reason::told("field_value", 400, Client, "A field's value has a character that is not allowed there."),
    Reason::told("filter_failed", 500, Gateway, "A filter raised, took longer than its budget, or is suspended for having done so; the log has where."),
    Reason::told("foreign_origin", 403, Client, "A page of an origin that `WebSocket` does not allow wants to open a connection."),
    Reason::told("grpc_message", 400, Client, "A message of gRPC is not framed as one."),
    Reason::told("grpc_message_compressed", 501, Client, "A message of gRPC is compressed, and a filter needs to read it."),
    Reason::told("grpc_message_too_large", 413, Client, "A message of gRPC is larger than `MaxMessageSize` allows."),
    Reason::told("grpc_timeout", 400, Client, "`grpc-timeout` is no time: up to eight digits and one of H, M, S, m, u, n."),
    Reason::told("grpc_web_text", 400, Client, "The body of a gRPC-Web call in text is not base64."),
    Reason::told("head_timed_out", 408, Client, "The head of the request did not arrive within the listener's `limits.header_time`."),
    Reason::told("head_too_large", 431, Client, "The head is larger than the listener's `limits.headers`."),
    Reason::told("host", 400, Client, "Host is missing, repeated or malformed."),
    Reason::untold("http2_closed_stream", Client, "A frame came on a stream that has ended."),
    Reason::untold("http2_compression", Client, "A block of fields cannot be decompressed."),
    Reason::untold("http2_continuation", Client, "A continuation came where none was begun."),
    Reason::untold("http2_endless_block", Client, "A block of fields goes on in more frames than any real one does."),
    Reason::untold("http2_flow_control", Client, "More came than the window allows."),
    Reason::untold("http2_frame_size", Client, "A frame has a size that its kind cannot have."),
    Reason::untold("http2_idle_stream", Client, "A frame came on a stream that nobody opened."),
    Reason::untold("http2_interrupted_block", Client, "Another frame came in the middle of a block of fields."),
    Reason::untold("http2_padding", Client, "A frame has more padding than it is long."),
    Reason::untold("http2_preface", Client, "The connection does not begin as HTTP/2 does."),
    Reason::untold("http2_push_promise", Client, "A client promised to push."),
    Reason::untold("http2_settings_value", Client, "A setting has a value that it cannot have."),
    Reason::untold("http2_stream_number", Client, "A stream has a number that it cannot have."),
    Reason::untold("http2_too_many_frames", Client, "Too many frames came that ask for work and bring no request on."),
    Reason::untold("http2_too_many_resets", Client, "The client opens streams and takes them back faster than anybody with a use for the answers."),
    Reason::untold("http2_unread_answers", Client, "The client asks and does not read what it is answered."),
    Reason::untold("http2_window_update", Client, "A window was to grow by nothing."),
    Reason::untold("http3_closed_critical_stream", Client, "A stream was closed that has to stay for as long as the connection."),
    Reason::untold("http3_decoder_stream", Client, "The stream of QPACK's decoder says what cannot be."),
    Reason::untold("http3_decompression", Client, "A block of fields cannot be decompressed."),
    Reason::untold("http3_encoder_stream", Client, "The stream of QPACK's encoder says what cannot be."),
    Reason::untold("http3_frame_size", Client, "A frame has a size that its kind cannot have."),
    Reason::untold("http3_frame_unexpected", Client, "A frame came where its kind cannot stand."),
    Reason::untold("http3_missing_settings", Client, "The stream of control does not begin with settings."),
    Reason::untold("http3_push_number", Client, "The client names a push that was never allowed."),
    Reason::untold("http3_settings", Client, "The settings are malformed or came twice."),
    Reason::untold("http3_stream_creation", Client, "A stream was opened that there can be only one of, or that clients cannot open."),
    Reason::untold("http3_too_many_frames", Client, "Too many frames came that ask for work and bring no request on."),
    Reason::untold("http3_too_many_resets", Client, "The client opens streams and takes them back faster than anybody with a use for the answers."),
    Reason::told("key_invalid", 401, Client, "The key that `VerifyKey` looked at is nobody's, or there is more than one."),
    Reason::told("key_missing", 401, Client, "`VerifyKey` found no key where it looks for one."),
    Reason::told("line_end", 400, Client, "A line of the head does not end in CR LF."),
    Reason::told("method", 501, Client, "The method is one that a gateway does not serve."),
    Reason::told("method_not_allowed", 405, Client, "Routes serve this host and path with other methods; `Allow` names them."),
    Reason::told("misdirected", 421, Client, "The connection was made for another host, whose certificate it has."),
    Reason::told("name_not_found", 502, Upstream, "The destination's name has no address."),
    Reason::told("names_busy", 503, Gateway, "Too many names are being looked up at once."),
    Reason::told("no_answer", 500, Gateway, "The pipeline ended and no step had answered: it has no `Forward` or `Respond` that this request comes to."),
    Reason::told("no_endpoint", 503, Upstream, "The upstream has no endpoint, or none that may be asked now."),
    Reason::told("no_route", 404, Client, "No route is for this host and path; `penstock explain` says why each is not."),
    Reason::told("no_tunnel", 501, Client, "The request wants a tunnel, and nothing here opens one."),
    Reason::told("not_clear_text", 400, Client, "A proxy was asked for a whole URL of https; clients ask for that with CONNECT."),
    Reason::told("not_proxied", 400, Client, "A route with `ForwardProxy` was asked as a server is; clients name a destination, with CONNECT or a whole URL."),
    Reason::told("not_switched", 502, Upstream, "The endpoint did not switch to the protocol that the client asked for."),
    Reason::told("out_of_descriptors", 503, Gateway, "The gateway has no descriptor left; raise the limit (`LimitNOFILE`, `ulimit -n`)."),
    Reason::told("out_of_memory", 503, Gateway, "The gateway is near its limit of memory and takes on nothing new; clients may come again after `Retry-After`. Raise the limit (`--memory-limit`, or that of the container), or let fewer bodies be held."),
    Reason::told("panicked", 500, Gateway, "The gateway has a fault: please report it. Only this request was lost."),
    Reason::told("path", 400, Client, "The path leads above the root, has `%00`, or `%2f` where `encoded_slash` refuses it."),
    Reason::told("plain_http", 400, Client, "The port speaks HTTPS and was asked in clear text."),
    Reason::told("protocol", 501, Client, "The request wants a tunnel for a protocol that is not carried here."),
    Reason::untold("proxy_header_malformed", Client, "The header of the PROXY protocol is malformed or was not sent in time."),
    Reason::untold("proxy_header_missing", Client, "The connection does not begin with the header of the PROXY protocol that `proxy_protocol` requires."),
    Reason::told("proxy_unauthorized", 407, Client, "A `ForwardProxy` serves only its users, and this client has not said who it is."),
    Reason::untold("proxy_untrusted", Client, "A header of the PROXY protocol came from an address that is not among `trusted_proxies`."),
    Reason::told("pseudo_field", 400, Client, "A pseudo-field is missing, repeated, unknown or not at the beginning."),
    Reason::untold("quic_certificate_expired", Client, "The client found the certificate expired."),
    Reason::untold("quic_violation", Client, "The client broke a rule of QUIC."),
    Reason::told("rate_limited", 429, Client, "A `RateLimit` has let as many requests pass as it allows; clients may come again after `Retry-After`."),
    Reason::told("redirect_host_unnamed", 421, Client, "A `Redirect` would lead to a host that no route names."),
    Reason::told("request_timed_out", 504, Gateway, "The request took longer than the route's `timeout`, tries at other endpoints included."),
    Reason::told("rewritten_path", 400, Client, "A `RewritePath` made a path that leads elsewhere."),
    Reason::told("start_line", 400, Client, "The first line of the request is malformed."),
    Reason::told("target", 400, Client, "The request's target is malformed."),
    Reason::told("target_too_long", 414, Client, "The request's target is longer than the listener's `limits.uri`."),
    Reason::untold("tls_client_certificate", Client, "The client's certificate has expired, was revoked, or nobody who is trusted signed it for clients."),
    Reason::untold("tls_malformed", Client, "The client's handshake is malformed."),
    Reason::untold("tls_no_client_certificate", Client, "The client showed no certificate where `client_ca` asks for one."),
    Reason::untold("tls_nothing_in_common", Client, "The client speaks no version, cipher suite or protocol that is spoken here."),
    Reason::untold("tls_refused_by_client", Client, "The client refused the handshake, as one does who does not trust the certificate."),
    Reason::untold("tls_unfinished", Client, "The client said nothing in time, or left, before its handshake was done."),
    Reason::untold("tls_unknown_name", Client, "No certificate is for the name that the client asked for."),
    Reason::told("too_many_fields", 431, Client, "The head has more fields than the listener's `limits.fields`."),
    Reason::told("too_many_interim", 502, Upstream, "The endpoint sent too many interim answers."),
    Reason::told("trailer", 400, Client, "A trailer is malformed or may not be one."),
    Reason::told("transfer_encoding", 400, Client, "Transfer-Encoding is malformed."),
    Reason::told("tunnel_refused", 502, Upstream, "The proxy behind this one did not open a tunnel to the destination."),
    Reason::told("unasked_upgrade", 502, Upstream, "The endpoint switched protocols and nobody had asked it to."),
    Reason::told("underscore", 400, Client, "A field's name has an underscore; the listener's `underscores: drop` takes the field away instead."),
    Reason::told("unknown_coding", 501, Client, "The body has a transfer coding other than chunked."),
    Reason::told("upstream_closed", 502, Upstream, "The endpoint closed the connection before it answered."),
    Reason::told("upstream_head_too_large", 502, Upstream, "The head of the endpoint's answer is larger than 64 KiB or has more than 256 fields."),
    Reason::told("upstream_malformed", 502, Upstream, "The endpoint's answer is malformed."),
    Reason::told("version", 505, Client, "The version of HTTP is none that is spoken here."),
    Reason::untold("websocket_frame", Client, "A frame of WebSocket is malformed, or larger than `WebSocket` allows."),
    Reason::untold("other", Gateway, "Something that has no word of its own; the access log has it."),
];

/// The position of a reason.
pub(super) fn position(reason: &str) -> usize {
    REASONS.iter().position(|known| known.reason == reason).unwrap_or(REASONS.len() - 1)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use regex::Regex;

    use super::*;

    const NOBODY_IS_TOLD: u16 = 499;

    /// The reasons that a file spells, each with its status and its blame where it says them.
    fn spelled(path: &Path) -> Vec<(String, Option<u16>, Option<String>)> {
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let forms = [
            r#"=> \((?<status>\d+), Blame::(?<blame>\w+), "(?<reason>\w+)"\)"#,
            r#"\.refuse\((?<status>\d+), "(?<reason>\w+)""#,
            r#"REASON: &str = "(?<reason>\w+)""#,
            r#"ErrorCode::\w+, "(?<reason>\w+)""#,
        ];
        let found = forms.iter().flat_map(|form| {
            let form = Regex::new(form).unwrap();
            let found = form.captures_iter(text).map(|found| {
                let status = found.name("status").and_then(|status| status.as_str().parse().ok());
                let blame = found.name("blame").map(|blame| blame.as_str().to_lowercase());
                (found["reason"].to_owned(), status, blame)
            });
            found.collect::<Vec<_>>()
        });
        found.collect()
    }

    fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
    }

    #[test]
    fn every_reason_that_the_code_spells_is_counted_under_its_name() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let files = ["penstock-proxy/src", "penstock-python/src"].map(|folder| sources(&crates.join(folder)));
        let mut found: Vec<_> = files.iter().flatten().flat_map(|file| spelled(file)).collect();
        let malformed = std::fs::read_to_string(crates.join("penstock-proxy/src/http1/malformed.rs")).unwrap();
        let words = Regex::new(r#"Self::\w+ => "(?<reason>\w+)""#).unwrap();
        let words = words.captures_iter(&malformed);
        found.extend(words.map(|found| (found["reason"].to_owned(), None, Some("client".to_owned()))));
        assert!(found.len() > 35, "the forms are still those of the code: {found:?}");
        for (reason, status, blame) in found {
            let known = &REASONS[position(&reason)];
            assert_eq!(known.reason, reason);
            assert!(status.is_none_or(|status| status == known.status.unwrap_or(NOBODY_IS_TOLD)), "{reason}");
            assert!(blame.is_none_or(|blame| blame == known.blame.text()), "{reason}");
        }
    }

    #[test]
    fn a_reason_is_there_once_and_what_is_unknown_is_other() {
        let words: Vec<_> = REASONS[..REASONS.len() - 1].iter().map(|known| known.reason).collect();
        assert!(words.is_sorted_by(|one, next| one < next));
        assert_eq!(REASONS[position("made up")].reason, "other");
    }
}
