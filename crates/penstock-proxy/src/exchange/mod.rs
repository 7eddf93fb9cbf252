//! One request and its answer: heads, client, and what a filter may see and change.

mod address_text;
mod consumer;
#[allow(clippy::module_inception, reason = "the room is named after its main thing")]
mod exchange;
mod facts;
mod head;
mod name;
mod refusal;
mod request;
mod response;
mod session;
mod text;

pub use address_text::AddressText;
pub use consumer::Consumer;
pub use exchange::{Answer, Exchange, LocalBody, RouteName};
pub use facts::Facts;
pub use head::{Field, Head, Span};
pub use name::Name;
pub use request::{Client, Method, Params, Request, Version, percent_decoded};
pub use response::Response;
pub use session::{ClientCertificate, ClientField, Session};
pub use text::{decoded_text, latin1_text};
