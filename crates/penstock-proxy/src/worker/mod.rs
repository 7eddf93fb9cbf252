//! One worker: an IO thread that serves listeners by the plan it was given last.

mod build;
mod context;
pub(crate) mod date;
mod explain;
mod held;
mod imagine;
mod imagine_tls;
mod memory;
mod random;
mod run;
mod share;
mod vital;

pub use build::{BuildProblem, Built, build};
pub(crate) use context::Worker;
pub use date::rfc3339_seconds;
pub use explain::{Chosen, Explained, ExplainedStep, Explainer};
pub use imagine::Imagined;
pub use imagine_tls::{ExplainedTls, ImaginedTls};
pub(crate) use memory::Room;
pub use memory::{MemoryLevel, MemoryReading};
pub(crate) use random::Random;
pub use run::{Command, Listening, Remote, Setup, System, TICK_MS, remote, run};
pub use share::Share;
