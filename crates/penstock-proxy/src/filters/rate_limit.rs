//! `RateLimit`: turns away requests that come faster than a rate.

use std::num::{NonZeroU32, NonZeroU64};

use penstock_shared::gcra::{self, Verdict};
use penstock_shared::{ClientKey, CounterSlot, KeyedLimit, monotonic_ns};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kind::here;
use super::leaf::{Leaf, LeafProblem, leaf};
use super::{NativeFilter, Source, scratch};
use crate::exchange::Exchange;
use crate::expression::Template;
use crate::pipeline::{Filter, Outcome, ResultId};
use crate::telemetry::LimiterMeter;
use crate::unit::Rate;
use crate::worker::Share;

/// Refuses requests that come faster than `rate`, with `429` and `Retry-After`.
///
/// There is one bucket for all requests of the step, or one for each value of `key`. It holds `burst` requests and
/// fills again at the rate; a request that finds it empty is refused and takes nothing from it. All workers of a node
/// answer as one, whatever connection or protocol a request comes by, also after a reload that leaves the step as it is
/// and after the death of a worker. A change of the rate goes on with the buckets as they are.
///
/// With `key: client_ip` every client has a bucket: an IPv4 address, or the /64 of an IPv6 address. It is the address
/// that `trusted_proxies` of the listener make believed; what strangers say in `X-Forwarded-For` gives nobody more. A
/// template makes keys of anything else; requests for which it comes out empty, as without the header, share one
/// bucket. Whoever may choose the value freely gets a fresh bucket with each: limit by what was verified, or add a
/// second step without `key`. There is room for more than a million keys whose buckets are not full; those that find
/// none share one bucket of the step.
///
/// Where several nodes share a store, `rate` and `burst` are those of all of them together, and each has an equal part:
/// as many as are there now, drained ones left out. At least one request may come at once at each. A node that hears
/// from the store no more keeps the part it had. With `scope: each_node` each has the whole.
///
/// Results: `limited`. A jump on it may answer otherwise.
///
/// ```yaml
/// kind: RateLimit
/// rate: 100/s
/// key: client_ip
/// ```
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-penstock-answers" = "sometimes"))]
pub struct RateLimit {
    /// How many requests may pass in the long run.
    pub rate: Rate,
    /// Requests that may come at once after a pause. Absent: those of one second, and at least one.
    #[serde(default)]
    pub burst: Option<NonZeroU32>,
    /// What has a bucket of its own: `client_ip`, or a template such as `{{ request.headers['x-tenant'] }}`. Absent:
    /// all requests have one.
    #[serde(default)]
    pub key: Option<LimitKey>,
    /// Whether the rate is that of all nodes together, or of each.
    #[serde(default)]
    pub scope: Scope,
    /// Where buckets are kept; none before the step is to run.
    #[serde(skip)]
    limiter: Option<Limiter>,
}

/// The nodes that a rate is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Scope {
    /// All together.
    #[default]
    AllNodes,
    /// Each by itself.
    EachNode,
}

const CLIENT_IP: &str = "client_ip";
const LIMITED: ResultId = ResultId(0);
const SECOND_NS: u64 = 1_000_000_000;

/// What has a bucket of its own.
#[derive(Debug)]
pub enum LimitKey {
    /// A client, by its address.
    ClientIp,
    /// What a template makes of the request.
    Template(Template),
}

impl Leaf for LimitKey {
    const NAME: &'static str = "limit_key";

    fn read(text: &str) -> Result<Self, LeafProblem> {
        if text == CLIENT_IP {
            return Ok(Self::ClientIp);
        }
        let template = <Template as Leaf>::read(text)?;
        if template.is_constant().is_some() {
            let hint = "write `client_ip` or a template such as `{{ request.headers['x-tenant'] }}`, or leave it out";
            return Err((format!("`{text}` is the same for all requests"), hint.into()));
        }
        Ok(Self::Template(template))
    }

    fn text(&self) -> &str {
        match self {
            Self::ClientIp => CLIENT_IP,
            Self::Template(template) => template.source(),
        }
    }
}

leaf!(LimitKey);

/// The buckets of a step, in the table that all workers share.
#[derive(Debug)]
struct Limiter {
    share: Share,
    meter: LimiterMeter,
    rate: gcra::Rate,
}

impl NativeFilter for RateLimit {
    const SOURCE: Source = here!();
    const RESULTS: &'static [&'static str] = &["limited"];
}

impl Filter for RateLimit {
    fn on_request(&self, exchange: &mut Exchange) -> Outcome {
        let Some(limiter) = &self.limiter else { return Outcome::Failed };
        match self.verdict(limiter, exchange) {
            Verdict::Admitted { .. } => {
                limiter.count(limiter.meter.admitted);
                Outcome::Continue
            }
            Verdict::Limited { retry_after_ns } => {
                limiter.count(limiter.meter.limited);
                exchange.refuse(429, "rate_limited", "too many requests; come again later");
                let seconds = retry_after_ns.div_ceil(SECOND_NS);
                exchange.response.head.add(b"retry-after", seconds.to_string().as_bytes());
                Outcome::Result(LIMITED)
            }
        }
    }
}

impl RateLimit {
    /// Its name as a kind of steps.
    pub(crate) const KIND: &'static str = "RateLimit";

    /// Keeps its buckets in the table from now on, at the place that the meter says.
    pub(crate) fn keep_in(&mut self, share: &Share, meter: LimiterMeter) {
        let count = NonZeroU64::new(self.rate.count()).unwrap_or(NonZeroU64::MIN);
        let period_ns = NonZeroU64::new(self.rate.per_millis().saturating_mul(1_000_000)).unwrap_or(NonZeroU64::MIN);
        let rate = gcra::Rate::new(count, period_ns, self.burst.map(NonZeroU64::from));
        self.limiter = Some(Limiter { share: share.clone(), meter, rate });
    }

    fn verdict(&self, limiter: &Limiter, exchange: &Exchange) -> Verdict {
        let nodes = match self.scope {
            Scope::AllNodes => limiter.share.table.nodes(),
            Scope::EachNode => 1,
        };
        let rate = limiter.rate.divided(nodes);
        match &self.key {
            None => limiter.admit(&rate),
            Some(LimitKey::ClientIp) => {
                limiter.admit_key(rate, ClientKey::new(exchange.request.client.ip).as_bytes())
            }
            Some(LimitKey::Template(template)) => scratch::with_bytes(|key| {
                template.render(&exchange.facts(), key);
                limiter.admit_key(rate, key)
            }),
        }
    }
}

impl Limiter {
    fn admit(&self, rate: &gcra::Rate) -> Verdict {
        gcra::admit(self.share.table.word(self.meter.bucket), rate, 1, monotonic_ns())
    }

    fn admit_key(&self, rate: gcra::Rate, key: &[u8]) -> Verdict {
        let limit = KeyedLimit { rate, overflow: self.meter.bucket, overflowed: self.meter.overflowed };
        self.share.table.keyed(self.share.column).admit(&limit, key, 1, monotonic_ns())
    }

    fn count(&self, counter: CounterSlot) {
        self.share.table.counter(counter).add(self.share.column, 1);
    }
}

#[cfg(test)]
#[path = "rate_limit_tests.rs"]
mod tests;
