//! How far the frames around a body's payload are.

/// What has been written of the framing of a body that leaves.
#[derive(Debug, Default)]
pub(crate) struct Framed {
    /// Whether it leaves in chunks.
    pub(crate) is_chunked: bool,
    /// Whether the start of a chunk was written whose payload has not wholly gone.
    pub(crate) is_open: bool,
    /// Whether the end was written.
    pub(crate) has_ended: bool,
}
