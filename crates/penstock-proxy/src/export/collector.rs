//! Who takes batches: where it is, and what requests to it say.

use std::sync::Arc;

use penstock_plan::{Collector as CollectorPlan, CollectorProtocol, Secrets};

use crate::exchange::Head;
use crate::tls::ClientTls;

/// A collector in the form that deliveries use.
#[derive(Debug)]
pub(crate) struct Collector {
    /// As the plan has it.
    pub(crate) plan: CollectorPlan,
    /// Fields that every request has.
    pub(super) head: Head,
    /// What is asked in handshakes; none: clear text is spoken.
    pub(super) tls: Option<Arc<ClientTls>>,
}

/// What is delivered to a collector: where it is taken, and what it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Intake {
    /// Path behind the collector's own.
    pub(crate) path: &'static str,
    /// What the bodies are.
    pub(crate) content_type: &'static str,
}

impl Intake {
    /// Whether answers are those of OpenTelemetry.
    pub(super) fn is_otlp(self) -> bool {
        matches!(self.content_type, "application/x-protobuf" | "application/grpc")
    }
}

impl Collector {
    /// Puts the values of its fields in their places.
    ///
    /// # Errors
    /// One sentence where one is missing.
    pub(crate) fn build(plan: &CollectorPlan, tls: Option<Arc<ClientTls>>, secrets: &Secrets) -> Result<Self, String> {
        let mut head = Head::default();
        for header in &plan.headers {
            head.add(header.name.as_bytes(), secrets.text(&header.value_hash)?.as_bytes());
        }
        Ok(Self { plan: plan.clone(), head, tls })
    }

    /// Whether it is called, not posted to.
    pub(crate) fn is_called(&self) -> bool {
        self.plan.protocol == CollectorProtocol::Grpc
    }
}
