//! What tells a call from another request.

use crate::exchange::{Head, Method, Name, Request};

/// What every content type of gRPC begins with.
const TYPE: &[u8] = b"application/grpc";

/// How a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// As streams of HTTP/2, with the status behind the answer's body.
    Native,
    /// gRPC-Web: over any HTTP, with the status as the body's end.
    Web,
    /// The same in base64.
    WebText,
}

impl Call {
    /// The call that a request is, if it is one.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let may_be = request.method == Method::Post
            && request.version.has_streams()
            && request.head.may_have(Name::CONTENT_TYPE.bit());
        (may_be && is_grpc(&request.head)).then_some(Self::Native)
    }

    /// The call of gRPC-Web that a request is, if it is one, and the format of its messages.
    pub(crate) fn of_web(request: &Request) -> Option<(Self, &[u8])> {
        let text = request.head.first(Name::CONTENT_TYPE).filter(|_| request.method == Method::Post)?;
        let rest = text.strip_prefix(TYPE)?.strip_prefix(b"-web")?;
        let (call, format) = rest.strip_prefix(b"-text").map_or((Self::Web, rest), |format| (Self::WebText, format));
        is_format(format).then_some((call, format))
    }

    /// Whether the status of a call is the end of its body.
    pub(crate) fn is_web(self) -> bool {
        matches!(self, Self::Web | Self::WebText)
    }

    /// The content type of answers, but for the format of messages.
    pub(crate) fn content_type(self) -> &'static [u8] {
        match self {
            Self::Native => TYPE,
            Self::Web => b"application/grpc-web",
            Self::WebText => b"application/grpc-web-text",
        }
    }
}

/// The format behind the content type of a head that announces messages of gRPC.
pub(crate) fn format_of(head: &Head) -> Option<&[u8]> {
    let rest = head.first(Name::CONTENT_TYPE)?.strip_prefix(TYPE)?;
    is_format(rest).then_some(rest)
}

fn is_format(rest: &[u8]) -> bool {
    matches!(rest.first(), None | Some(b'+' | b';'))
}

/// Whether a request says how its messages are compressed.
pub(crate) fn is_encoded(request: &Request) -> bool {
    request.head.get(b"grpc-encoding").is_some_and(|encoding| encoding != b"identity")
}

/// Whether a head announces messages of gRPC: the type itself, or with a format or parameters behind it.
pub(crate) fn is_grpc(head: &Head) -> bool {
    format_of(head).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Version;

    #[test]
    fn a_call_is_a_post_of_http2_with_its_content_type() {
        for (method, version, content_type, expected) in [
            (Method::Post, Version::Http2, "application/grpc", true),
            (Method::Post, Version::Http2, "application/grpc+proto", true),
            (Method::Post, Version::Http2, "application/grpc;charset=utf-8", true),
            (Method::Post, Version::Http2, "application/grpc-web", false),
            (Method::Post, Version::Http2, "application/json", false),
            (Method::Post, Version::Http11, "application/grpc", false),
            (Method::Get, Version::Http2, "application/grpc", false),
        ] {
            let mut request = Request { method, version, ..Request::default() };
            request.head.add(b"content-type", content_type.as_bytes());
            assert_eq!(Call::of(&request).is_some(), expected, "{method:?} {version:?} {content_type}");
        }
    }
}
