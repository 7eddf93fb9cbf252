//! Upstreams: endpoints, how one is picked, and the connections kept to it.

mod balance;
mod budget;
mod destinations;
mod endpoint;
mod multiplexed;
#[allow(clippy::module_inception, reason = "the room is named after its main thing")]
mod upstream;

pub(crate) use endpoint::{Endpoint, InFlight};
pub(crate) use multiplexed::Multiplexed;
pub(crate) use upstream::{DestinationEndpoint, PlannedUpstream, Upstream, Upstreams, first_pick};
