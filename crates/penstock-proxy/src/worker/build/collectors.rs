//! What a plan says of telemetry, built.

use std::sync::Arc;

use penstock_plan::{Collector as CollectorPlan, CollectorProtocol, Part, Telemetry, Tracing, UpstreamProtocol};

use super::{Builder, Origin, known};
use crate::export::{Collector, Signal, Wanted};
use crate::tracing::Settings;

impl Builder<'_> {
    pub(super) fn add_telemetry(&mut self, key: &Arc<str>, part: &Arc<Part>, telemetry: &Telemetry) {
        telemetry.access_logs.iter().enumerate().for_each(|log| self.add_log(key, part, log));
        self.built.otlp = self.collector(key, part, "otlp", telemetry.otlp.as_ref());
        if let Some(plan) = &telemetry.tracing {
            self.add_tracing(key, part, plan);
        }
    }

    fn add_tracing(&mut self, key: &Arc<str>, part: &Arc<Part>, plan: &Tracing) {
        let collector = self.collector(key, part, "tracing", Some(&plan.collector));
        match Settings::build(plan) {
            Ok(settings) => self.built.tracing = collector.as_ref().map(|_| Arc::new(settings)),
            Err(problem) => self.refuse(key, format!("tracing: {problem}")),
        }
        let wanted = |collector| Wanted { signal: Signal::Traces, collector, intake: Settings::intake(plan) };
        self.built.exports.extend(collector.map(wanted));
    }

    /// A collector of a part, by the name of its setting; one that is as it was goes on as it is.
    pub(super) fn collector(
        &mut self,
        key: &str,
        part: &Arc<Part>,
        setting: &str,
        plan: Option<&CollectorPlan>,
    ) -> Option<Arc<Collector>> {
        let (plan, _) = plan.zip(self.filters.plan.secrets.as_ref())?;
        let key_of_it: Arc<str> = format!("{key}/{setting}").into();
        let trusted = plan.tls.as_ref().map_or_else(String::new, |tls| self.trusted_hashes(tls));
        let origin = Origin { part: Arc::clone(part), code: trusted };
        let earlier = self.previous.and_then(|previous| known(&previous.collectors, &key_of_it, &origin));
        let built = match earlier {
            Some(earlier) => Ok(earlier),
            None => self.build_collector(plan).map(Arc::new),
        };
        match built {
            Ok(built) => {
                self.built.collectors.insert(key_of_it, (origin, Arc::clone(&built)));
                Some(built)
            }
            Err(problem) => {
                self.refuse(key, format!("{setting}: {problem}"));
                None
            }
        }
    }

    fn build_collector(&self, plan: &CollectorPlan) -> Result<Collector, String> {
        let protocol = match plan.protocol {
            CollectorProtocol::Grpc => UpstreamProtocol::H2,
            CollectorProtocol::Http => UpstreamProtocol::Http1,
        };
        let tls = plan.tls.as_ref().map(|tls| self.endpoint_tls(protocol, tls).map(Arc::new)).transpose()?;
        let secrets = self.filters.plan.secrets.as_ref().ok_or("secrets are missing")?;
        Collector::build(plan, tls, secrets)
    }
}
