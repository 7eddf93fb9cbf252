//! The table of counters, gauges and limits that all processes of one gateway share, and the
//! passing of descriptors between them.
//!
//! Every decision here is one compare-and-swap on one 64-bit word, so N workers answer as one
//! and a killed worker leaves nothing stuck. [`layout`] says what lies where. Time always
//! comes in as a parameter, monotonic; which key has which slot is the supervisor's business.
//!
//! ```
//! use penstock_shared::{CounterSlot, Table, WorkerSlot};
//!
//! let table = Table::create(7)?;
//! let (worker, requests) = (WorkerSlot::new(0).unwrap(), CounterSlot::new(0).unwrap());
//! assert!(table.enroll(worker, std::process::id(), 0));
//! table.counter(requests).add(worker, 1);
//! assert_eq!(table.counter(requests).sum(), 1);
//! # Ok::<(), std::io::Error>(())
//! ```
#![deny(unsafe_op_in_unsafe_fn)]
#![warn(clippy::undocumented_unsafe_blocks)]

pub mod breaker;
mod clock;
mod counter;
pub mod descriptors;
mod gauge;
pub mod gcra;
mod histogram;
mod keyed;
pub mod layout;
mod memory;
pub mod process;
pub mod relief;
mod slots;
mod table;
pub mod watch;
mod worker;

pub use clock::monotonic_ns;
pub use counter::Counter;
pub use gauge::Gauge;
pub use histogram::{Histogram, Merged, bucket_ends};
pub use keyed::{ClientKey, Keyed, KeyedLimit};
pub use memory::MemoryTold;
pub use slots::{CounterSlot, GaugeSlot, HistogramSlot, SlotAllocator, WordSlot, WorkerSlot};
pub use table::Table;
pub use worker::{Heartbeat, Neighbours, SILENT_NS};
