//! The core's filters, one file each, and the catalogue that names them.

mod destination;
mod instead;
mod kind;
mod leaf;
#[cfg(test)]
pub mod new_filter;
mod path_template;
mod scratch;
mod settings;
mod users;

use std::sync::LazyLock;

use serde_json::Value;

use crate::expression::suggestion::hint;
use crate::pipeline::Filter;

pub use destination::Destination;
pub use forward::{HostChoice, Weighted};
pub(crate) use forward_proxy::{REFUSED, UNAUTHORIZED};
pub use kind::{FilterKind, NativeFilter, SettingProblem, Source};
pub use leaf::{FieldName, HeaderTemplate, Pattern};
pub use path_template::PathTemplate;
pub use users::{Password, Users};

/// Declares the module of each filter and lists it.
macro_rules! catalogue {
    ($($module:ident::$kind:ident),+ $(,)?) => {
        $(
            mod $module;
            pub use $module::$kind;
        )+

        static ENTRIES: &[Entry] = &[$(Entry::of::<$kind>(stringify!($kind))),+];

        #[cfg(test)]
        const MODULES: &[&str] = &[$(stringify!($module)),+];
    };
}

catalogue![
    forward::Forward,
    forward_proxy::ForwardProxy,
    grpc_web::GrpcWeb,
    max_body_size::MaxBodySize,
    max_message_size::MaxMessageSize,
    rate_limit::RateLimit,
    redirect::Redirect,
    request_id::RequestId,
    respond::Respond,
    rewrite_path::RewritePath,
    set_headers::SetHeaders,
    verify_key::VerifyKey,
    web_socket::WebSocket,
];

/// One line of the catalogue: what can be done with a kind.
struct Entry {
    name: &'static str,
    results: &'static [&'static str],
    describe: fn(&'static str) -> FilterKind,
    resolve: fn(Value) -> Result<Value, Vec<SettingProblem>>,
    build: fn(&Value) -> Result<Box<dyn Filter>, String>,
}

impl Entry {
    const fn of<F: NativeFilter>(name: &'static str) -> Self {
        Self { name, results: F::RESULTS, describe: FilterKind::of::<F>, resolve: resolve::<F>, build: build_as::<F> }
    }
}

static KINDS: LazyLock<Vec<FilterKind>> =
    LazyLock::new(|| ENTRIES.iter().map(|entry| (entry.describe)(entry.name)).collect());

/// Every kind, by name.
pub fn catalogue() -> &'static [FilterKind] {
    &KINDS
}

/// The results of a kind by position; none for an unknown kind.
pub fn results(kind: &str) -> &'static [&'static str] {
    entry(kind).map_or(&[], |entry| entry.results)
}

/// Checks the settings of a step as a user wrote them and resolves them for a plan.
///
/// Shape: the settings without the step's own keys (`kind`, `name`, `when`, `on`); the
/// result has defaults filled in, bytes and milliseconds.
/// # Errors
/// Everything that is wrong with them.
pub fn check(kind: &str, settings: Value) -> Result<Value, Vec<SettingProblem>> {
    let (Some(entry), Some(described)) = (entry(kind), KINDS.iter().find(|known| known.name == kind)) else {
        let names: Vec<&str> = ENTRIES.iter().map(|entry| entry.name).collect();
        return Err(vec![SettingProblem::new("", format!("there is no filter `{kind}`"), hint(kind, &names))]);
    };
    let problems = settings::problems(&described.schema, &settings);
    if problems.is_empty() { (entry.resolve)(settings) } else { Err(problems) }
}

/// Builds the filter of a step from the resolved settings of a plan.
///
/// # Errors
/// One sentence on what the settings lack.
pub fn build(kind: &str, resolved: &Value) -> Result<Box<dyn Filter>, String> {
    let entry = entry(kind).ok_or_else(|| format!("there is no filter {kind}"))?;
    (entry.build)(resolved)
}

fn entry(kind: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.name == kind)
}

fn resolve<F: NativeFilter>(settings: Value) -> Result<Value, Vec<SettingProblem>> {
    let one = |message: String| vec![SettingProblem::new("", message, "")];
    let filter: F = serde_json::from_value(settings).map_err(|error| one(error.to_string()))?;
    let problems = filter.problems();
    if !problems.is_empty() {
        return Err(problems);
    }
    serde_json::to_value(&filter).map_err(|error| one(error.to_string()))
}

fn build_as<F: NativeFilter>(resolved: &Value) -> Result<Box<dyn Filter>, String> {
    let filter: F = serde_json::from_value(resolved.clone()).map_err(|error| error.to_string())?;
    match filter.problems().into_iter().next() {
        Some(problem) => Err(problem.message),
        None => Ok(Box::new(filter)),
    }
}

#[cfg(test)]
mod tests;
