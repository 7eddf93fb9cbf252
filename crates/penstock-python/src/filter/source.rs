//! What a mapping shows, and how each kind of values is found.

use std::sync::Arc;

use penstock_proxy::exchange::{Exchange, Name, decoded_text};
use pyo3::types::{PyString, PyStringMethods};
use pyo3::{Bound, PyResult, Python};

use super::fields::Fields;
use super::loan::Loan;

/// A value, or a name, as Python text.
pub(super) type Text<'py> = Bound<'py, PyString>;

/// What the values of a mapping are of.
pub(super) enum Source {
    /// The parameters of the chosen route's path.
    Params(Arc<Loan>),
    /// The query.
    Query(Arc<Loan>),
    /// The cookies.
    Cookies(Arc<Loan>),
    /// Headers.
    Fields(Fields),
}

impl Source {
    /// Whether there is a value of a name.
    pub(super) fn has(&self, name: &Text<'_>) -> PyResult<bool> {
        match self {
            Self::Fields(fields) => fields.has(name),
            _ => Ok(self.first(name)?.is_some()),
        }
    }

    /// The first value of a name.
    pub(super) fn first<'py>(&self, name: &Text<'py>) -> PyResult<Option<Text<'py>>> {
        if let Self::Fields(fields) = self {
            return fields.first(name);
        }
        let mut found = None;
        self.visit(name, |text| {
            found = Some(PyString::new(name.py(), text));
            false
        })?;
        Ok(found)
    }

    /// Every value of a name, in order.
    pub(super) fn all<'py>(&self, name: &Text<'py>) -> PyResult<Vec<Text<'py>>> {
        if let Self::Fields(fields) = self {
            return fields.all(name);
        }
        let mut found = Vec::new();
        self.visit(name, |text| {
            found.push(PyString::new(name.py(), text));
            true
        })?;
        Ok(found)
    }

    /// The names, each once, in the order of first appearance.
    pub(super) fn names(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        let see = |name: &str| {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        };
        match self {
            Self::Params(loan) => shown(loan, py, |exchange| param_names(exchange).for_each(see)),
            Self::Query(loan) => shown(loan, py, |exchange| each_query_name(exchange, see)),
            Self::Cookies(loan) => shown(loan, py, |exchange| each_cookie_name(exchange, see)),
            Self::Fields(fields) => fields.each_name(py, see),
        }?;
        Ok(names)
    }

    /// Every name and value, repeated names too: headers as they stand, others by name.
    pub(super) fn pairs<'py>(&self, py: Python<'py>) -> PyResult<Vec<(Text<'py>, Text<'py>)>> {
        if let Self::Fields(fields) = self {
            return fields.pairs(py);
        }
        let mut pairs = Vec::new();
        for name in self.names(py)? {
            let name = PyString::new(py, &name);
            pairs.extend(self.all(&name)?.into_iter().map(|value| (name.clone(), value)));
        }
        Ok(pairs)
    }

    /// Shows the values of a name, in order, until `see` says that it has seen enough.
    fn visit(&self, name: &Text<'_>, mut see: impl FnMut(&str) -> bool) -> PyResult<()> {
        let (py, text) = (name.py(), name.to_cow()?);
        match self {
            Self::Params(loan) => shown(loan, py, |exchange| {
                let position = param_names(exchange).position(|known| known == text);
                if let Some(value) = position.and_then(|position| exchange.request.param(position)) {
                    see(&decoded_text(value.as_bytes(), false));
                }
            }),
            Self::Query(loan) => shown(loan, py, |exchange| {
                exchange.request.query_values(text.as_bytes()).all(|value| see(&decoded_text(value, true)));
            }),
            Self::Cookies(loan) => shown(loan, py, |exchange| {
                exchange.request.cookie_values(text.as_bytes()).all(|value| see(&decoded_text(value, false)));
            }),
            Self::Fields(_) => Ok(()),
        }
    }
}

/// Looks at the exchange of a loan.
fn shown(loan: &Loan, py: Python<'_>, see: impl FnOnce(&Exchange)) -> PyResult<()> {
    loan.with(py, |exchange| {
        see(exchange);
        Ok(())
    })
}

fn param_names(exchange: &Exchange) -> impl Iterator<Item = &str> {
    let names = exchange.route.as_ref().map_or(&[][..], |route| &route.param_names);
    names.iter().take(exchange.request.params.spans.len()).map(|name| &**name)
}

fn each_query_name(exchange: &Exchange, mut see: impl FnMut(&str)) {
    let pairs = exchange.request.query_text().split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    pairs.for_each(|pair| see(&decoded_text(before(pair, b'='), true)));
}

fn each_cookie_name(exchange: &Exchange, mut see: impl FnMut(&str)) {
    let lines = exchange.request.head.known(Name::COOKIE);
    let pairs = lines.flat_map(|line| line.split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
    // A piece without a name is no cookie.
    pairs.filter(|pair| pair.contains(&b'=')).for_each(|pair| see(&String::from_utf8_lossy(before(pair, b'='))));
}

fn before(text: &[u8], end: u8) -> &[u8] {
    text.split(|byte| *byte == end).next().unwrap_or_default()
}
