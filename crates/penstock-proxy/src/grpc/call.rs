//! What tells a call from another request.

use crate::exchange::{Head, Method, Name, Request, Version};

/// What every content type of gRPC begins with.
const TYPE: &[u8] = b"application/grpc";

/// How a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// As streams of HTTP/2, with the status behind the answer's body.
    Native,
}

impl Call {
    /// The call that a request is, if it is one.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        let may_be = request.method == Method::Post
            && request.version == Version::Http2
            && request.head.may_have(Name::CONTENT_TYPE.bit());
        (may_be && is_grpc(&request.head)).then_some(Self::Native)
    }

    /// The content type of answers that the gateway makes itself.
    pub(crate) fn content_type(self) -> &'static [u8] {
        match self {
            Self::Native => TYPE,
        }
    }
}

/// Whether a head announces messages of gRPC: the type itself, or with a format or parameters behind it.
pub(crate) fn is_grpc(head: &Head) -> bool {
    let rest = head.first(Name::CONTENT_TYPE).and_then(|text| text.strip_prefix(TYPE));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

#[cfg(test)]
mod tests {
    use super::*;

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
