//! Why the gateway itself refuses a request or gives it up: the words that are counted.

use crate::failure::Blame;

/// Every reason and whose fault it is, in the order of the words; the last stands for those that are not here.
pub(crate) const REASONS: &[(&str, Blame)] = &[
    ("answer_body_timed_out", Blame::Upstream),
    ("answer_timed_out", Blame::Upstream),
    ("body_consumed", Blame::Gateway),
    ("body_timed_out", Blame::Client),
    ("body_too_large", Blame::Client),
    ("both_lengths", Blame::Client),
    ("chunk", Blame::Client),
    ("chunk_extensions", Blame::Client),
    ("client_gone", Blame::Client),
    ("connect_failed", Blame::Upstream),
    ("connect_timed_out", Blame::Upstream),
    ("connection_field", Blame::Client),
    ("content_length", Blame::Client),
    ("destination_refused", Blame::Client),
    ("early_data", Blame::Client),
    ("endpoint_handshake", Blame::Upstream),
    ("endpoint_untrusted", Blame::Upstream),
    ("endpoint_without_http2", Blame::Upstream),
    ("expectation", Blame::Client),
    ("field_name", Blame::Client),
    ("field_value", Blame::Client),
    ("filter_failed", Blame::Gateway),
    ("foreign_origin", Blame::Client),
    ("grpc_message", Blame::Client),
    ("grpc_message_compressed", Blame::Client),
    ("grpc_message_too_large", Blame::Client),
    ("grpc_timeout", Blame::Client),
    ("grpc_web_text", Blame::Client),
    ("head_timed_out", Blame::Client),
    ("head_too_large", Blame::Client),
    ("host", Blame::Client),
    ("http2_closed_stream", Blame::Client),
    ("http2_compression", Blame::Client),
    ("http2_continuation", Blame::Client),
    ("http2_endless_block", Blame::Client),
    ("http2_flow_control", Blame::Client),
    ("http2_frame_size", Blame::Client),
    ("http2_idle_stream", Blame::Client),
    ("http2_interrupted_block", Blame::Client),
    ("http2_padding", Blame::Client),
    ("http2_preface", Blame::Client),
    ("http2_push_promise", Blame::Client),
    ("http2_settings_value", Blame::Client),
    ("http2_stream_number", Blame::Client),
    ("http2_too_many_frames", Blame::Client),
    ("http2_too_many_resets", Blame::Client),
    ("http2_unread_answers", Blame::Client),
    ("http2_window_update", Blame::Client),
    ("http3_closed_critical_stream", Blame::Client),
    ("http3_decoder_stream", Blame::Client),
    ("http3_decompression", Blame::Client),
    ("http3_encoder_stream", Blame::Client),
    ("http3_frame_size", Blame::Client),
    ("http3_frame_unexpected", Blame::Client),
    ("http3_missing_settings", Blame::Client),
    ("http3_push_number", Blame::Client),
    ("http3_settings", Blame::Client),
    ("http3_stream_creation", Blame::Client),
    ("http3_too_many_frames", Blame::Client),
    ("http3_too_many_resets", Blame::Client),
    ("line_end", Blame::Client),
    ("method", Blame::Client),
    ("method_not_allowed", Blame::Client),
    ("misdirected", Blame::Client),
    ("name_not_found", Blame::Upstream),
    ("names_busy", Blame::Gateway),
    ("no_answer", Blame::Gateway),
    ("no_endpoint", Blame::Upstream),
    ("no_route", Blame::Client),
    ("no_tunnel", Blame::Client),
    ("not_clear_text", Blame::Client),
    ("not_proxied", Blame::Client),
    ("not_switched", Blame::Upstream),
    ("out_of_descriptors", Blame::Gateway),
    ("panicked", Blame::Gateway),
    ("path", Blame::Client),
    ("plain_http", Blame::Client),
    ("protocol", Blame::Client),
    ("proxy_header_malformed", Blame::Client),
    ("proxy_header_missing", Blame::Client),
    ("proxy_unauthorized", Blame::Client),
    ("proxy_untrusted", Blame::Client),
    ("pseudo_field", Blame::Client),
    ("quic_certificate_expired", Blame::Client),
    ("quic_violation", Blame::Client),
    ("redirect_host_unnamed", Blame::Client),
    ("request_timed_out", Blame::Gateway),
    ("rewritten_path", Blame::Client),
    ("start_line", Blame::Client),
    ("target", Blame::Client),
    ("target_too_long", Blame::Client),
    ("tls_client_certificate", Blame::Client),
    ("tls_malformed", Blame::Client),
    ("tls_no_client_certificate", Blame::Client),
    ("tls_nothing_in_common", Blame::Client),
    ("tls_refused_by_client", Blame::Client),
    ("tls_unfinished", Blame::Client),
    ("tls_unknown_name", Blame::Client),
    ("too_many_fields", Blame::Client),
    ("too_many_interim", Blame::Upstream),
    ("trailer", Blame::Client),
    ("transfer_encoding", Blame::Client),
    ("tunnel_refused", Blame::Upstream),
    ("unasked_upgrade", Blame::Upstream),
    ("underscore", Blame::Client),
    ("unknown_coding", Blame::Client),
    ("upstream_closed", Blame::Upstream),
    ("upstream_head_too_large", Blame::Upstream),
    ("upstream_malformed", Blame::Upstream),
    ("version", Blame::Client),
    ("websocket_frame", Blame::Client),
    ("other", Blame::Gateway),
];

/// The position of a reason.
pub(super) fn position(reason: &str) -> usize {
    REASONS.iter().position(|(known, _)| *known == reason).unwrap_or(REASONS.len() - 1)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use regex::Regex;

    use super::*;

    /// The reasons that a file spells, each with its blame where it says one.
    fn spelled(path: &Path) -> Vec<(String, Option<String>)> {
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let forms = [
            r#"=> \(\d+, Blame::(?<blame>\w+), "(?<reason>\w+)"\)"#,
            r#"\.refuse\(\d+, "(?<reason>\w+)""#,
            r#"REASON: &str = "(?<reason>\w+)""#,
            r#"ErrorCode::\w+, "(?<reason>\w+)""#,
        ];
        let found = forms.iter().flat_map(|form| {
            let form = Regex::new(form).unwrap();
            let found = form.captures_iter(text).map(|found| {
                (found["reason"].to_owned(), found.name("blame").map(|blame| blame.as_str().to_lowercase()))
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
        found.extend(words.map(|found| (found["reason"].to_owned(), Some("client".to_owned()))));
        assert!(found.len() > 35, "the forms are still those of the code: {found:?}");
        for (reason, blame) in found {
            let (known, whose) = REASONS[position(&reason)];
            assert_eq!(known, reason);
            assert!(blame.is_none_or(|blame| blame == whose.text()), "{reason}");
        }
    }

    #[test]
    fn a_reason_is_there_once_and_what_is_unknown_is_other() {
        let words: Vec<_> = REASONS[..REASONS.len() - 1].iter().map(|(reason, _)| reason).collect();
        assert!(words.is_sorted_by(|one, next| one < next));
        assert_eq!(REASONS[position("made up")].0, "other");
    }
}
