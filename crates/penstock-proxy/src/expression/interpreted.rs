//! Expressions that minijinja evaluates: any allowed shape that our evaluator does not know.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use minijinja::value::{Enumerator, Object, Value, ValueKind};
use minijinja::{Environment, UndefinedBehavior};

use super::ExpressionProblem;
use super::fact::{Fact, Mapping};
use super::names::{Member, member};
use super::operand::{Operand, Text};
use crate::exchange::{Facts, Head, Request, Response};

/// Most instructions of one evaluation; the longest expression needs fewer.
const FUEL: u64 = 20_000;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_fuel(Some(FUEL));
    environment
});

/// An expression as minijinja holds it.
pub(super) struct Interpreted {
    expression: minijinja::Expression<'static, 'static>,
}

impl Interpreted {
    /// Compiles an expression that passed the check.
    pub(super) fn new(text: &str) -> Result<Self, ExpressionProblem> {
        let compiled = ENVIRONMENT.compile_expression_owned(text.to_owned());
        let expression = compiled.map_err(|error| ExpressionProblem::of_syntax(&error, text))?;
        Ok(Self { expression })
    }

    /// The value in one exchange; one that cannot be computed is undefined.
    pub(super) fn value(&self, facts: Facts<'_>) -> Value {
        let root = Value::from_object(Root(Arc::new(Snapshot::of(facts))));
        self.expression.eval(root).unwrap_or_default()
    }
}

/// A value as our evaluator holds it; what it has no form for is its text.
pub(super) fn operand(value: &Value) -> Operand<'_> {
    let text = |text: Cow<'static, str>| Operand::Text(Text::Plain(text));
    match value.kind() {
        ValueKind::Undefined | ValueKind::Invalid => Operand::Undefined,
        ValueKind::Bool => Operand::Bool(value.is_true()),
        ValueKind::Number if value.is_integer() => {
            value.as_i64().map_or_else(|| text(value.to_string().into()), Operand::Int)
        }
        ValueKind::String => Operand::text(value.as_str().unwrap_or_default()),
        _ => text(value.to_string().into()),
    }
}

/// An owned copy of the facts: minijinja's values outlive no borrow.
#[derive(Debug)]
struct Snapshot {
    request: Request,
    response: Option<Response>,
    route: Box<str>,
    param_names: Box<[Box<str>]>,
}

impl Snapshot {
    fn of(facts: Facts<'_>) -> Self {
        let from = facts.request;
        let request = Request {
            head: copied(&from.head),
            method_span: from.method_span,
            path: from.path.clone(),
            routed_path: from.routed_path.clone(),
            query: from.query,
            host: from.host.clone(),
            client: from.client,
            id: from.id.clone(),
            params: from.params.clone(),
            session: from.session.clone(),
            consumer: from.consumer.clone(),
            ..Request::default()
        };
        let response = facts.response.map(|from| Response {
            head: copied(&from.head),
            status: from.status,
            ..Response::default()
        });
        Self { request, response, route: facts.route.into(), param_names: facts.param_names.into() }
    }

    fn value(&self, fact: &Fact) -> Option<Value> {
        let facts = Facts {
            request: &self.request,
            response: self.response.as_ref(),
            route: &self.route,
            param_names: &self.param_names,
        };
        match fact.value(facts) {
            Operand::Text(text) => Some(Value::from(text.as_str())),
            Operand::Int(number) => Some(Value::from(number)),
            Operand::Bool(value) => Some(Value::from(value)),
            Operand::Undefined | Operand::List(_) => None,
        }
    }
}

fn copied(head: &Head) -> Head {
    let mut copy = Head::default();
    copy.load(head.buffer());
    head.fields().iter().for_each(|field| copy.found(*field));
    copy
}

/// What the names `request`, `response`, `tls` and `consumer` are looked up in.
#[derive(Debug)]
struct Root(Arc<Snapshot>);

/// `request`, `response`, `tls` or `consumer`.
#[derive(Debug)]
struct Part(Arc<Snapshot>, &'static str);

/// Values by name.
#[derive(Debug)]
struct Named(Arc<Snapshot>, Mapping);

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "request" => Some(Value::from_object(Part(Arc::clone(&self.0), "request"))),
            "tls" => Some(Value::from_object(Part(Arc::clone(&self.0), "tls"))),
            "consumer" => Some(Value::from_object(Part(Arc::clone(&self.0), "consumer"))),
            "response" if self.0.response.is_some() => Some(Value::from_object(Part(Arc::clone(&self.0), "response"))),
            _ => None,
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

impl Object for Part {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match member(self.1, key.as_str()?)? {
            Member::Plain(plain) => self.0.value(&Fact::Plain(plain)),
            Member::Mapping(mapping) => Some(Value::from_object(Named(Arc::clone(&self.0), mapping))),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

impl Object for Named {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.value(&Fact::of(self.1, key.as_str()?))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}
