//! Taps: requests as they come, for somebody who looks at them, whether there are access logs or not.

mod choice;
mod shown;
mod taps;

pub use choice::Interest;
pub(crate) use shown::Shown;
pub(super) use taps::Taps;
pub use taps::{Batch, Tap, Tapped};
