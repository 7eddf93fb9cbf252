//! Which subject has which place: as the supervisor says, or, without one, in order of appearance.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use penstock_plan::Upstream;

use super::measure::{Kind, Meter, Place};
use super::meters::{
    EndpointMeter, FilterMeter, GatewayMeter, LimiterMeter, ListenerMeter, RouteMeter, UpstreamMeter, kinds,
};

/// The subject that stands for all of its kind that have no place of their own.
pub(super) const OTHERS: &str = "*";
/// The route of requests that no route took.
pub(super) const NO_ROUTE: &str = "-";

/// Places by the keys of their subjects.
pub type Places = BTreeMap<String, Place>;

/// Says where subjects have their places.
pub trait Directory: Send + Sync {
    /// The place of a subject, by its key; none where it has no place of its own.
    fn place(&self, key: &str) -> Option<Place>;
}

impl Directory for Places {
    fn place(&self, key: &str) -> Option<Place> {
        self.get(key).copied()
    }
}

/// The key of a subject: its kind, and its labels as they are.
fn key(kind: &str, labels: &[&str]) -> String {
    labels.iter().fold(kind.to_owned(), |key, label| key + "/" + label)
}

/// The places of one plan: looked up, and noted as in use.
pub(crate) struct Placing<'a> {
    directory: &'a dyn Directory,
    used: Places,
}

/// The meters of an upstream and of its endpoints, in order.
#[derive(Debug, Clone)]
pub(crate) struct UpstreamMeters {
    pub(crate) own: UpstreamMeter,
    pub(crate) endpoints: Box<[EndpointMeter]>,
}

impl<'a> Placing<'a> {
    /// Begins with what every plan has.
    pub(crate) fn new(directory: &'a dyn Directory) -> Self {
        let mut placing = Self { directory, used: Places::new() };
        placing.meter::<GatewayMeter>(&[]);
        placing.route(NO_ROUTE);
        let others = [
            others::<ListenerMeter>(),
            others::<RouteMeter>(),
            others::<UpstreamMeter>(),
            others::<EndpointMeter>(),
            others::<FilterMeter>(),
            others::<LimiterMeter>(),
        ];
        for key in others {
            placing.place(key);
        }
        placing
    }

    /// The places that were looked up.
    pub(crate) fn used(self) -> Places {
        self.used
    }

    /// The meter of a listener.
    pub(crate) fn listener(&mut self, name: &str) -> ListenerMeter {
        self.meter(&[name])
    }

    /// The meter of a route.
    pub(crate) fn route(&mut self, name: &str) -> RouteMeter {
        self.meter(&[name])
    }

    /// The meters of an upstream.
    pub(crate) fn upstream(&mut self, plan: &Upstream) -> UpstreamMeters {
        let endpoints = plan.endpoints.iter().map(|endpoint| self.meter(&[&plan.name, &endpoint.address]));
        let endpoints = endpoints.collect();
        UpstreamMeters { own: self.meter(&[&plan.name]), endpoints }
    }

    /// The meter of a step's filter, by the name of its pipeline and its own.
    pub(crate) fn filter(&mut self, pipeline: &str, step: &str) -> FilterMeter {
        self.meter(&[pipeline, step])
    }

    /// The meter of a step that limits a rate; none where its bucket would be another's too.
    pub(crate) fn limiter(&mut self, pipeline: &str, step: &str) -> Option<LimiterMeter> {
        let others = self.place(others::<LimiterMeter>()).unwrap_or_default();
        let own = self.place(key(LimiterMeter::KIND, &[pipeline, step])).unwrap_or_default();
        (own.words != 0 && own.words != others.words).then(|| LimiterMeter::at(own))
    }

    /// The meter of a subject; that of the others where it has no place.
    fn meter<M: Meter>(&mut self, labels: &[&str]) -> M {
        let own = key(M::KIND, labels);
        M::at(self.place(own).or_else(|| self.place(others::<M>())).unwrap_or_default())
    }

    fn place(&mut self, key: String) -> Option<Place> {
        let place = self.directory.place(&key)?;
        self.used.insert(key, place);
        Some(place)
    }
}

/// The meter of a subject as a plan's places have it.
pub(super) fn meter<M: Meter>(places: &Places, labels: &[&str]) -> M {
    let place = places.get(&key(M::KIND, labels)).or_else(|| places.get(&others::<M>()));
    M::at(place.copied().unwrap_or_default())
}

fn others<M: Meter>() -> String {
    key(M::KIND, &vec![OTHERS; M::LABELS.len()])
}

/// Gives every subject a place when it is first asked for, and keeps it: for a worker that has its table alone.
pub struct OwnDirectory {
    given: Mutex<Given>,
}

struct Given {
    places: Places,
    /// The next free place of each region.
    next: Place,
    kinds: Arc<[Kind]>,
}

impl Default for OwnDirectory {
    fn default() -> Self {
        let next = Place { counters: 1, gauges: 1, histograms: 1, words: 1 };
        Self { given: Mutex::new(Given { places: Places::new(), next, kinds: kinds().into() }) }
    }
}

impl OwnDirectory {
    /// All places that were given.
    pub fn places(&self) -> Places {
        self.given.lock().unwrap_or_else(PoisonError::into_inner).places.clone()
    }
}

impl Directory for OwnDirectory {
    fn place(&self, key: &str) -> Option<Place> {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = given.places.get(key) {
            return Some(*place);
        }
        let kinds = Arc::clone(&given.kinds);
        let kind = kinds.iter().find(|kind| key.split('/').next() == Some(kind.name))?;
        let place = given.next;
        given.next.counters += kind.counters.len() as u32;
        given.next.gauges += kind.gauges.len() as u32;
        given.next.histograms += kind.histograms.len() as u32;
        given.next.words += kind.words;
        given.places.insert(key.to_owned(), place);
        Some(place)
    }
}
