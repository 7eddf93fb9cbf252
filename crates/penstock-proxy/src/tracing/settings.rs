//! What a plan says of traces, in the form that exchanges use.

use penstock_plan::{ParentSampling, Propagation, RouteTracing as RouteTracingPlan, TraceFormat, Tracing};

use crate::export::{Intake, otlp};
use crate::expression::Template;

/// How traces are made.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Forms in which contexts are read and written, the first that holds first.
    pub(super) propagation: Box<[Propagation]>,
    /// Share of the traces that begin here, in millionths.
    pub(super) ratio_millionths: u32,
    /// What is made of the decision that a request brings.
    pub(super) parent: ParentSampling,
    /// Time between two traces that strangers may have recorded.
    pub(super) stranger_every_us: u64,
    /// Attributes of every exchange's span.
    pub(super) attributes: Box<[(Box<str>, Template)]>,
    pub(super) format: TraceFormat,
    pub(super) service: Box<str>,
    /// Whose traces they are, as OTLP has it.
    pub(super) resource: Vec<u8>,
}

/// What a route says of its own requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RouteTracing {
    /// They are not recorded.
    Off,
    /// This share of those that begin a trace, in millionths.
    Ratio(u32),
}

impl RouteTracing {
    pub(crate) fn new(plan: RouteTracingPlan) -> Self {
        match plan {
            RouteTracingPlan::Off => Self::Off,
            RouteTracingPlan::RatioMillionths(millionths) => Self::Ratio(millionths),
        }
    }
}

impl Settings {
    /// # Errors
    /// One sentence where a template cannot be read.
    pub(crate) fn build(plan: &Tracing) -> Result<Self, String> {
        let attributes = plan.attributes.iter().map(|attribute| {
            let template = Template::parse(&attribute.template).map_err(|problem| problem.to_string())?;
            Ok((attribute.name.as_str().into(), template))
        });
        let own = [("service.name", plan.service_name.as_str()), ("telemetry.sdk.name", "penstock")];
        let more = plan.resource.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        Ok(Self {
            propagation: plan.propagation.as_slice().into(),
            ratio_millionths: plan.ratio_millionths,
            parent: plan.parent,
            stranger_every_us: plan.stranger_every_us,
            attributes: attributes.collect::<Result<_, String>>()?,
            format: plan.format,
            service: plan.service_name.as_str().into(),
            resource: otlp::resource(own.into_iter().chain(more)),
        })
    }

    /// Where spans are taken, and as what.
    pub(crate) fn intake(plan: &Tracing) -> Intake {
        use penstock_plan::CollectorProtocol::{Grpc, Http};
        match (plan.format, plan.collector.protocol) {
            (TraceFormat::Zipkin, _) => Intake { path: "", content_type: "application/json" },
            (TraceFormat::Otlp, Http) => Intake { path: "/v1/traces", content_type: "application/x-protobuf" },
            (TraceFormat::Otlp, Grpc) => Intake {
                path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
                content_type: "application/grpc",
            },
        }
    }
}
