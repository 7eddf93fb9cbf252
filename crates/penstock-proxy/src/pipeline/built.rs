//! Pipelines as workers run them: filters built, conditions compiled, jumps resolved.

use std::borrow::Cow;
use std::sync::Arc;

use penstock_plan::{Body, FilterSource, Plan, Plugin, Step as StepPlan, Target as TargetPlan};
use serde_json::Value;

use super::{Filter, ResultId};
use crate::expression::Condition;
use crate::filters::{self, Forward, ForwardProxy, RateLimit, VerifyKey};
use crate::telemetry::{FilterMeter, LimiterMeter};
use crate::worker::Share;

/// A pipeline that is ready to run.
#[derive(Default)]
pub(crate) struct BuiltPipeline {
    /// The steps, in order.
    pub(crate) steps: Box<[BuiltStep]>,
}

/// One step of it.
pub(crate) struct BuiltStep {
    /// Name, for explanations.
    pub(crate) name: Box<str>,
    /// Condition under which it runs.
    pub(crate) when: Option<Condition>,
    /// What it does.
    pub(crate) action: Action,
    jumps: Box<[(ResultId, Target)]>,
    /// Names of its filter's results, by position.
    results: Box<[Box<str>]>,
    /// What its filter was made of, if it is a foreign one.
    origin: Option<Origin>,
}

/// A foreign filter and what it was made of.
#[derive(Clone)]
struct Origin {
    kind: String,
    digest: String,
    settings: Value,
    filter: Arc<dyn Filter>,
    results: Option<Vec<String>>,
}

impl Origin {
    fn is_of(&self, step: &StepPlan, plugin: &Plugin) -> bool {
        self.kind == step.filter && self.digest == plugin.digest && self.settings == step.settings
    }
}

/// What a step does.
pub(crate) enum Action {
    /// Runs a filter.
    Filter(Arc<dyn Filter>),
    /// Sends the request to an upstream.
    Forward(Forward),
    /// Sends it where it says itself.
    ForwardProxy(ForwardProxy),
    /// Lets in who is known by a key.
    VerifyKey(Box<VerifyKey>),
    /// Ends the pipeline.
    End,
}

/// Where a jump leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// The end of the pipeline.
    End,
    /// The step at this position.
    Step(usize),
}

/// Builds the filters of Python plugins; the core knows no interpreter.
pub trait ForeignFilters: Send + Sync {
    /// Builds the filter of a step and says in which order its results are numbered.
    ///
    /// # Errors
    /// One sentence on what failed.
    fn build(&self, step: &ForeignStep<'_>) -> Result<ForeignFilter, String>;
}

/// A step whose filter is not the core's.
pub struct ForeignStep<'a> {
    /// Where the filter's code is.
    pub plugin: &'a Plugin,
    /// The filter.
    pub kind: &'a str,
    /// Its settings, secrets included.
    pub settings: &'a Value,
    /// Where it is counted.
    pub meter: FilterMeter,
    /// Whether it takes the place of one with other code or settings: what was held against that
    /// one is not its own.
    pub is_changed: bool,
}

/// A filter that is not the core's.
pub struct ForeignFilter {
    /// The filter.
    pub filter: Box<dyn Filter>,
    /// Its results; [`ResultId`] is the position. `None`: any name will do, none is ever given.
    pub results: Option<Vec<String>>,
}

/// For plans without Python filters.
pub struct NoForeignFilters;

impl ForeignFilters for NoForeignFilters {
    fn build(&self, step: &ForeignStep<'_>) -> Result<ForeignFilter, String> {
        let (kind, plugin) = (step.kind, &step.plugin.name);
        Err(format!("filter {kind} of {plugin} needs Python, and this worker runs without it"))
    }
}

/// Builds the filters of one plan, whose parts say what a plugin is.
#[derive(Clone, Copy)]
pub(crate) struct PlanFilters<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) foreign: &'a dyn ForeignFilters,
    /// What limits are kept in; none: nothing is to run.
    pub(crate) share: Option<&'a Share>,
}

/// Where the filter of a step is counted, and keeps what all workers know of it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum StepMeter {
    /// A filter that is not the core's.
    Foreign(FilterMeter),
    /// One that limits a rate.
    Limiter(LimiterMeter),
}

impl<'a> PlanFilters<'a> {
    /// Builds the filter of a step, or takes over that of an equal one with its state.
    fn build(
        self,
        plugin: &str,
        step: &StepPlan,
        meter: Option<StepMeter>,
        earlier: Option<&Origin>,
    ) -> Result<Origin, String> {
        let kind = &step.filter;
        let plugin = self.plugin(plugin).ok_or_else(|| format!("no part {plugin} for filter {kind}"))?;
        let Some(StepMeter::Foreign(meter)) = meter else { return Err(format!("no meter for filter {kind}")) };
        if let Some(same) = earlier.filter(|earlier| earlier.is_of(step, plugin)) {
            return Ok(same.clone());
        }
        let settings = self.settings(step)?;
        let is_changed = earlier.is_some();
        let built = self.foreign.build(&ForeignStep { plugin, kind, settings: &settings, meter, is_changed })?;
        Ok(Origin {
            kind: kind.clone(),
            digest: plugin.digest.clone(),
            settings: step.settings.clone(),
            filter: built.filter.into(),
            results: built.results,
        })
    }

    /// The settings of a step, secrets included if they are there.
    fn settings(self, step: &StepPlan) -> Result<Cow<'_, Value>, String> {
        match &self.plan.secrets {
            Some(secrets) => secrets.filled(&step.settings),
            None => Ok(Cow::Borrowed(&step.settings)),
        }
    }

    /// What the code of some steps is: equal texts mean equal code.
    pub(crate) fn digests(self, steps: &[StepPlan]) -> String {
        let plugins = steps.iter().filter_map(|step| match &step.source {
            FilterSource::Python(plugin) => self.plugin(plugin),
            FilterSource::Native => None,
        });
        plugins.fold(String::new(), |digests, plugin| digests + "+" + &plugin.digest)
    }

    fn plugin(self, key: &str) -> Option<&'a Plugin> {
        match self.plan.parts.get(key).map(|part| &part.body) {
            Some(Body::Plugin(plugin)) => Some(plugin),
            _ => None,
        }
    }
}

impl BuiltPipeline {
    /// Builds the steps of a plan, each with the meter of its filter where it has one; a foreign filter
    /// of an earlier form whose step has not changed is taken over, with its state.
    ///
    /// # Errors
    /// One sentence for every step that cannot be built.
    pub(crate) fn build(
        steps: &[StepPlan],
        meters: &[Option<StepMeter>],
        filters: PlanFilters<'_>,
        earlier: Option<&Self>,
    ) -> Result<Self, Vec<String>> {
        let (mut built, mut problems) = (Vec::with_capacity(steps.len()), Vec::new());
        for (step, meter) in steps.iter().zip(meters) {
            let origin = earlier.and_then(|earlier| earlier.origin(&step.name));
            match BuiltStep::build(step, *meter, filters, origin) {
                Ok(step) => built.push(step),
                Err(problem) => problems.push(format!("step {}: {problem}", step.name)),
            }
        }
        if problems.is_empty() { Ok(Self { steps: built.into() }) } else { Err(problems) }
    }

    /// Whether a request may name its own destination here.
    pub(crate) fn is_proxy(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.action, Action::ForwardProxy(_)))
    }

    fn origin(&self, step: &str) -> Option<&Origin> {
        self.steps.iter().find(|built| *built.name == *step).and_then(|built| built.origin.as_ref())
    }
}

impl BuiltStep {
    /// Where a result leads, if it leads anywhere.
    pub(crate) fn target(&self, result: ResultId) -> Option<Target> {
        self.jumps.iter().find(|(of, _)| *of == result).map(|(_, target)| *target)
    }

    /// The name of a result.
    pub(crate) fn result_text(&self, result: ResultId) -> Option<&str> {
        self.results.get(usize::from(result.0)).map(|text| &**text)
    }

    fn build(
        plan: &StepPlan,
        meter: Option<StepMeter>,
        filters: PlanFilters<'_>,
        earlier: Option<&Origin>,
    ) -> Result<Self, String> {
        let origin = match &plan.source {
            FilterSource::Python(plugin) => Some(filters.build(plugin, plan, meter, earlier)?),
            FilterSource::Native => None,
        };
        let (action, results) = match &origin {
            Some(origin) => (Action::Filter(Arc::clone(&origin.filter)), origin.results.clone()),
            None => native(&plan.filter, &*filters.settings(plan)?, meter, filters.share)?,
        };
        let when =
            plan.when.as_deref().map(Condition::parse).transpose().map_err(|problem| format!("when: {problem}"))?;
        let jumps = plan.jumps.iter().map(|jump| {
            let position = match &results {
                Some(results) => results.iter().position(|result| *result == jump.result),
                None => Some(usize::from(u8::MAX)),
            };
            let position = position.ok_or_else(|| format!("unknown result {}", jump.result))?;
            let target = match jump.to {
                TargetPlan::End => Target::End,
                TargetPlan::Step(index) => Target::Step(index as usize),
            };
            Ok((ResultId(position as u8), target))
        });
        let jumps = jumps.collect::<Result<Box<[_]>, String>>()?;
        let results = results.into_iter().flatten().map(String::into_boxed_str).collect();
        Ok(Self { name: plan.name.as_str().into(), when, action, jumps, results, origin })
    }
}

fn native(
    kind: &str,
    settings: &Value,
    meter: Option<StepMeter>,
    share: Option<&Share>,
) -> Result<(Action, Option<Vec<String>>), String> {
    let results = || Some(filters::results(kind).iter().map(|result| (*result).to_owned()).collect());
    match kind {
        "end" => Ok((Action::End, None)),
        "Forward" => {
            let forward = serde_json::from_value(settings.clone()).map_err(|error| error.to_string())?;
            Ok((Action::Forward(forward), results()))
        }
        "ForwardProxy" => {
            let proxy = serde_json::from_value(settings.clone()).map_err(|error| error.to_string())?;
            Ok((Action::ForwardProxy(proxy), results()))
        }
        RateLimit::KIND => {
            let mut limit: RateLimit = serde_json::from_value(settings.clone()).map_err(|error| error.to_string())?;
            match (share, meter) {
                (None, _) => {}
                (Some(share), Some(StepMeter::Limiter(meter))) => limit.keep_in(share, meter),
                _ => return Err("the shared table has no room for one more rate limit".to_owned()),
            }
            Ok((Action::Filter(Arc::new(limit)), results()))
        }
        "VerifyKey" => {
            let verify = serde_json::from_value(settings.clone()).map_err(|error| error.to_string())?;
            Ok((Action::VerifyKey(verify), results()))
        }
        kind => Ok((Action::Filter(filters::build(kind, settings)?.into()), results())),
    }
}
