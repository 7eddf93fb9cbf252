//! What was counted in the last quarter of an hour, by reading the shared table every second.

mod past;
mod reading;
mod spread;
mod taking;

pub use spread::Spread;
pub use taking::{Statistics, Watched, Window};
