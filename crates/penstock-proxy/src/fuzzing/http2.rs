//! Connections of HTTP/2: frames, header blocks, streams.

use std::task::{Context, Poll, Waker};

use penstock_plan::EncodedSlash;

use super::http1::check_translated;
use crate::connection::understand;
use crate::exchange::Head;
use crate::http1::HeadLimits;
use crate::http2::{FrameHead, HEAD_BYTES, Input, Limits, Opened, Session, Spares};

const LIMITS: Limits = Limits { streams: 100, stream_window: 65_535, connection_window: 1 << 20, head_bytes: 64 << 10 };
const HEAD_LIMITS: HeadLimits = HeadLimits { bytes: 64 << 10, fields: 100, target_bytes: 16 << 10 };
/// What every connection begins with: the preface and empty settings.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A session says the same however its bytes arrive, and what it opens can be told to an upstream of HTTP/1.1.
///
/// Bytes that do not begin with the preface are sent behind it.
pub(super) fn http2_session(bytes: &[u8]) -> bool {
    let hello = if bytes.starts_with(b"PRI") { &[] } else { HELLO };
    let sent = [hello, bytes].concat();
    let whole = Run::of(&sent, sent.len(), false);
    for pieces in [1, 7] {
        assert!(Run::of(&sent, pieces, false) == whole, "in pieces of {pieces}");
    }
    Run::of(&sent, 64, true);
    !whole.streams.is_empty()
}

/// What a peer sees of a session.
#[derive(PartialEq, Eq)]
struct Run {
    /// Streams that it opened, and whether their heads were well-formed.
    streams: Vec<(u32, bool)>,
    output: Vec<u8>,
    end: Option<&'static str>,
}

impl Run {
    /// Sends the bytes in pieces of this size; with `serves`, every request is answered as soon as it is seen.
    fn of(sent: &[u8], pieces: usize, serves: bool) -> Self {
        let mut session = Session::new(LIMITS, HEAD_LIMITS, Spares::default());
        let mut run = Self { streams: Vec::new(), output: Vec::new(), end: None };
        let (mut pending, mut opened) = (Vec::new(), Vec::new());
        for piece in sent.chunks(pieces.max(1)) {
            pending.extend_from_slice(piece);
            let used = session.receive(&pending, 1_000, &mut opened);
            pending.drain(..used);
            assert!(session.open_streams() <= LIMITS.streams as usize);
            for one in opened.drain(..) {
                run.streams.push((one.stream as u32, one.info.is_ok()));
                check_opened(one);
            }
            if serves {
                run.streams.iter().for_each(|(stream, _)| serve(&mut session, *stream));
                run.output.append(session.output());
                session.note_sent();
            }
        }
        run.output.append(session.output());
        run.end = session.ended().map(|(_, reason)| reason);
        check_frames(&run.output);
        run
    }
}

/// What a head says that is served is the same in HTTP/1.1.
fn check_opened(opened: Opened) {
    let (mut request, Ok(info)) = (opened.request, opened.info) else { return };
    if understand(&mut request, info.target, EncodedSlash::Refuse).is_ok() {
        assert!(request.path.starts_with('/') || request.path == "*");
        let query = request.query.map(|query| [b"?", request.head.bytes(query)].concat());
        let target = [request.path.as_bytes(), &query.unwrap_or_default()].concat();
        check_translated(&request, &target);
    }
}

/// Takes what came of the body and answers.
fn serve(session: &mut Session, stream: u32) {
    let (context, mut body) = (Context::from_waker(Waker::noop()), Vec::new());
    let input = session.poll_input(&context, stream, &mut body);
    session.release(stream, body.len());
    if matches!(input, Poll::Ready(Input::Ended)) {
        let trailers = session.take_trailers(stream);
        session.send_head(stream, 200, &Head::default(), None, false);
        let _ = session.poll_data(&context, stream, b"hello", trailers.is_none());
        if let Some(trailers) = trailers {
            session.send_trailers(stream, &trailers);
        }
    }
    if !matches!(input, Poll::Pending | Poll::Ready(Input::Bytes)) {
        session.close(stream, 0);
    }
}

/// What is sent are whole frames.
fn check_frames(mut output: &[u8]) {
    while let Some(frame) = FrameHead::of(output) {
        let rest = output.get(HEAD_BYTES + frame.length..);
        assert!(rest.is_some(), "a frame that is cut off");
        output = rest.unwrap_or_default();
    }
    assert!(output.is_empty(), "a head of a frame that is cut off");
}
