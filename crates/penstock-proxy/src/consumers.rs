//! Consumers as a worker knows them: found by what they send.

use std::collections::HashMap;
use std::ops::Bound;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use foldhash::fast::RandomState;
use penstock_plan::{Body, Consumer as ConsumerPlan, Part, Plan};

use crate::exchange::Consumer;

/// The part that all keys are in.
const KEYS: &str = "consumer_keys/all";
/// Longest key that anybody has: a longer one is not even looked at.
const LONGEST_KEY: usize = 256;

/// Every consumer by the digests of its keys; the default is nobody.
///
/// Found by digest, it never compares a key: how long it takes says nothing of how much of a guess is right.
#[derive(Default)]
pub(crate) struct Consumers {
    by_digest: HashMap<[u8; 32], Arc<Consumer>, RandomState>,
    /// What it was made of.
    parts: Vec<Arc<Part>>,
}

impl Consumers {
    /// Those of a plan; the earlier ones, if they are the same. Without secrets nobody is known.
    ///
    /// # Errors
    /// One sentence if the keys are not there.
    pub(crate) fn build(plan: &Plan, earlier: Option<&Arc<Self>>) -> Result<Arc<Self>, String> {
        let is_one = |part: &&Arc<Part>| matches!(part.body, Body::Consumer(_) | Body::ConsumerKeys(_));
        // Both kinds of parts begin alike, so that hardly any other is looked at.
        let behind = plan.parts.range::<str, _>((Bound::Included("consumer"), Bound::Unbounded));
        let parts = behind.take_while(|(key, _)| key.starts_with("consumer")).map(|(_, part)| part);
        let parts: Vec<_> = parts.filter(is_one).map(Arc::clone).collect();
        if let Some(same) = earlier.filter(|earlier| earlier.is_of(&parts)) {
            return Ok(Arc::clone(same));
        }
        let mut by_digest = HashMap::default();
        if let (Some(secrets), Some(Body::ConsumerKeys(keys))) =
            (&plan.secrets, plan.parts.get(KEYS).map(|part| &part.body))
        {
            let known = parts.iter().filter_map(|part| consumer(part));
            let known: HashMap<&str, Arc<Consumer>> = known.map(|one| (&*one.name, Arc::new(of(one)))).collect();
            let digests = secrets.digests(&keys.keys_hash)?.into_iter();
            by_digest.extend(digests.filter_map(|(name, digest)| Some((digest, Arc::clone(known.get(name)?)))));
        }
        Ok(Arc::new(Self { by_digest, parts }))
    }

    /// Whose key it is.
    pub(crate) fn find(&self, key: &[u8]) -> Option<&Arc<Consumer>> {
        if key.is_empty() || key.len() > LONGEST_KEY {
            return None;
        }
        self.by_digest.get(digest(&SHA256, key).as_ref())
    }

    fn is_of(&self, parts: &[Arc<Part>]) -> bool {
        let is_same = |(one, other): (&Arc<Part>, &Arc<Part>)| Arc::ptr_eq(one, other) || one.hash == other.hash;
        self.parts.len() == parts.len() && self.parts.iter().zip(parts).all(is_same)
    }
}

fn consumer(part: &Part) -> Option<&ConsumerPlan> {
    if let Body::Consumer(consumer) = &part.body { Some(consumer) } else { None }
}

fn of(plan: &ConsumerPlan) -> Consumer {
    let groups = plan.groups.iter().map(|group| group.as_str().into()).collect();
    Consumer { name: plan.name.as_str().into(), groups }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fmt::Write as _;

    use serde_json::{Map, Value, json};

    use super::*;

    fn hex(key: &str) -> String {
        digest(&SHA256, key.as_bytes()).as_ref().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// A plan of consumers, each a name, the groups and the keys.
    pub(crate) fn plan(of: &[(&str, &[&str], &[&str])]) -> Plan {
        let part = |hash: &str, body: Value| json!({"hash": hash, "body": body});
        let mut parts: Map<String, Value> = of
            .iter()
            .map(|(name, groups, _)| {
                let body = json!({"kind": "consumer", "name": name, "groups": groups});
                (format!("consumer/{name}"), part(&format!("{name}{groups:?}"), body))
            })
            .collect();
        let keys_hash = format!("{of:?}");
        let body = json!({"kind": "consumer_keys", "keys_hash": keys_hash});
        parts.insert(KEYS.to_owned(), part(&keys_hash, body));
        let digests: Map<String, Value> = of
            .iter()
            .map(|(name, _, keys)| ((*name).to_owned(), keys.iter().map(|key| hex(key)).collect::<Vec<_>>().into()))
            .collect();
        let mut plan: Plan = serde_json::from_value(json!({"parts": parts})).unwrap();
        plan.secrets = Some(serde_json::from_value(json!({keys_hash: digests})).unwrap());
        plan
    }

    #[test]
    fn each_of_its_keys_leads_to_a_consumer_and_nothing_else_does() {
        let plan = plan(&[("alice", &["gold"], &["first key of alice", "second"]), ("bob", &[], &["bob's"])]);
        let consumers = Consumers::build(&plan, None).unwrap();
        let found = |key: &str| consumers.find(key.as_bytes()).map(|one| &*one.name);
        for (key, expected) in [
            ("first key of alice", Some("alice")),
            ("second", Some("alice")),
            ("bob's", Some("bob")),
            ("first key of alic", None),
            ("first key of alicf", None),
            ("Second", None),
            ("", None),
            (&hex("second"), None),
            (&"x".repeat(LONGEST_KEY + 1), None),
        ] {
            assert_eq!(found(key), expected, "{key}");
        }
    }

    #[test]
    fn what_did_not_change_is_taken_over_and_what_did_is_not() {
        let of = |keys: &[&str]| plan(&[("alice", &[], keys)]);
        let first = Consumers::build(&of(&["one"]), None).unwrap();
        assert!(Arc::ptr_eq(&first, &Consumers::build(&of(&["one"]), Some(&first)).unwrap()));
        let second = Consumers::build(&of(&["two"]), Some(&first)).unwrap();
        assert!(second.find(b"one").is_none() && second.find(b"two").is_some());
        let nobody = Consumers::build(&Plan::default(), Some(&second)).unwrap();
        assert!(nobody.find(b"two").is_none());
    }

    #[test]
    fn keys_that_are_missing_refuse_the_plan_and_without_secrets_nobody_is_known() {
        let mut plan = plan(&[("alice", &[], &["one"])]);
        plan.secrets = Some(serde_json::from_value(json!({})).unwrap());
        assert!(Consumers::build(&plan, None).is_err());
        plan.secrets = None;
        assert!(Consumers::build(&plan, None).unwrap().find(b"one").is_none());
    }
}
