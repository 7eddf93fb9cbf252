//! How much memory the gateway may have.

use pyo3::PyResult;
use pyo3::exceptions::PyValueError;

/// What whoever started the gateway said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MemoryLimit {
    /// Nothing is limited, whatever groups say.
    Off,
    /// What groups say.
    Auto,
    /// So many bytes for all processes, and what groups say.
    Bytes(u64),
}

impl MemoryLimit {
    /// From its text: `off`, `auto`, or a number of bytes.
    pub(crate) fn parse(text: &str) -> PyResult<Self> {
        match text {
            "off" => Ok(Self::Off),
            "auto" => Ok(Self::Auto),
            _ => text
                .parse()
                .map(Self::Bytes)
                .map_err(|_| PyValueError::new_err(format!("no limit of memory: {text:?}; write off, auto, or bytes"))),
        }
    }

    pub(super) fn bytes(self) -> Option<u64> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }
}
