//! What conditions and templates may look at.

use super::{Request, Response};

/// The facts of one exchange, borrowed for one evaluation.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The request.
    pub request: &'a Request,
    /// The answer, once there is one.
    pub response: Option<&'a Response>,
    /// Name of the chosen route; empty before routing.
    pub route: &'a str,
    /// Names of the route's path parameters; the values are [`Request::param`] by position.
    pub param_names: &'a [Box<str>],
}
