//! The access logs of a plan, built.

use std::sync::Arc;

use penstock_plan::{AccessLog, Body, LogPlace, Part, Plan};

use super::Builder;
use crate::export::LogReceiver;
use crate::telemetry::{BuiltLog, Shown};

/// What is shown of requests that somebody looks at as they come.
pub(super) fn shown(plan: &Plan) -> Shown {
    let bodies = plan.parts.values().map(|part| &part.body);
    let telemetry = bodies.filter_map(|body| if let Body::Telemetry(one) = body { Some(one) } else { None });
    let logs: Vec<&AccessLog> = telemetry.flat_map(|one| &one.access_logs).collect();
    Shown::of(&logs)
}

impl Builder<'_> {
    /// Lines of a log that goes where one went before wait behind those.
    pub(super) fn add_log(&mut self, key: &Arc<str>, part: &Arc<Part>, (position, log): (usize, &AccessLog)) {
        let known = self.previous.into_iter().flat_map(|previous| &previous.logs);
        let is_free = |known: &&Arc<BuiltLog>| self.built.logs.iter().all(|log| !Arc::ptr_eq(&log.queue, &known.queue));
        let known = known.filter(is_free).find(|known| known.to == log.to).map(|known| Arc::clone(&known.queue));
        match BuiltLog::build(log, known.unwrap_or_default()) {
            Ok(mut built) => {
                built.receiver = self.receiver(key, part, position, log);
                self.built.logs.push(Arc::new(built));
            }
            Err(problems) => {
                let told =
                    problems.into_iter().map(|one| format!("access log: {}: {}", one.path.join("."), one.message));
                self.refuse_all(key, &told.collect::<Vec<_>>());
            }
        }
    }

    fn receiver(&mut self, key: &str, part: &Arc<Part>, position: usize, log: &AccessLog) -> Option<LogReceiver> {
        let LogPlace::Remote(plan) = &log.to else { return None };
        let collector = self.collector(key, part, &format!("access_logs/{position}"), Some(&plan.collector))?;
        Some(LogReceiver { speech: plan.speech.clone(), collector })
    }
}
