//! What the compiler asks of the core: filters, settings, expressions, the plan's schema.

use penstock_plan::AccessLog;
use penstock_proxy::expression::{Condition, Template};
use penstock_proxy::{filters, routing, telemetry, tls};
use pyo3::exceptions::PyValueError;
use pyo3::{PyResult, pyfunction};
use serde::Serialize;
use serde_json::{Value, json};

/// The filters of the core with schemas and pages, as JSON.
#[pyfunction]
pub(crate) fn native_filters() -> PyResult<String> {
    to_json(&filters::catalogue())
}

/// Checks settings and resolves them: JSON with `settings` (or null) and `problems`.
#[pyfunction]
pub(crate) fn check_filter(kind: &str, settings_json: &str) -> PyResult<String> {
    let settings: Value =
        serde_json::from_str(settings_json).map_err(|error| PyValueError::new_err(error.to_string()))?;
    let (settings, problems) = match filters::check(kind, settings) {
        Ok(resolved) => (resolved, Vec::new()),
        Err(problems) => (Value::Null, problems),
    };
    to_json(&json!({ "settings": settings, "problems": problems }))
}

/// What is wrong with a condition, or None.
#[pyfunction]
pub(crate) fn check_expression(text: &str) -> Option<String> {
    Condition::parse(text).err().map(|problem| problem.to_string())
}

/// What is wrong with a template, or None.
#[pyfunction]
pub(crate) fn check_template(text: &str) -> Option<String> {
    Template::parse(text).err().map(|problem| problem.to_string())
}

/// What is wrong with a regular expression, or None.
#[pyfunction]
pub(crate) fn check_regex(text: &str) -> Option<String> {
    routing::compile_regex(text).err()
}

/// Everything that is wrong with an access log of a plan: JSON, a list of problems with their paths.
#[pyfunction]
pub(crate) fn check_access_log(log_json: &str) -> PyResult<String> {
    let log: AccessLog = serde_json::from_str(log_json).map_err(|error| PyValueError::new_err(error.to_string()))?;
    to_json(&telemetry::access_log_problems(&log))
}

/// Checks a certificate and its key: JSON with `facts` (or null) and `problems`.
#[pyfunction]
#[pyo3(signature = (certificate, key, ocsp=None))]
pub(crate) fn check_certificate(certificate: &str, key: &str, ocsp: Option<&str>) -> PyResult<String> {
    let (facts, problems) = match tls::check_certificate(certificate, key, ocsp) {
        Ok(facts) => (Some(facts), Vec::new()),
        Err(problems) => (None, problems),
    };
    to_json(&json!({ "facts": facts, "problems": problems }))
}

/// Everything that is wrong with authorities for clients and a list of what they revoked: JSON, a list of problems.
#[pyfunction]
#[pyo3(signature = (authorities, revoked=None))]
pub(crate) fn check_client_certificates(authorities: &str, revoked: Option<&str>) -> PyResult<String> {
    to_json(&tls::check_client_certificates(authorities, revoked))
}

/// The JSON Schema of a plan.
#[pyfunction]
pub(crate) fn plan_schema() -> PyResult<String> {
    to_json(&schemars::schema_for!(penstock_plan::Plan))
}

fn to_json(value: &impl Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| PyValueError::new_err(error.to_string()))
}
