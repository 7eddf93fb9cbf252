//! Carries the bytes of a connection to an endpoint, whatever they say.

use std::rc::Rc;
use std::sync::Arc;

use super::connect::connect_wire;
use super::forward::{Miss, choose};
use super::remote::Remote;
use super::serve::{Connection, end_exchange, note_failure};
use super::tunnel::{End, relay};
use super::work::Work;
use crate::exchange::Version;
use crate::failure::Failure;
use crate::listener::BuiltStreamRoute;
use crate::telemetry::Forwarded;
use crate::upstream::{InFlight, Upstream};
use crate::wire::Wire;

/// What the log and the counters say of a connection that was carried: as of a request that was answered.
const CARRIED: u16 = 200;

/// Serves a connection of a listener that speaks TCP.
pub(super) async fn serve_tcp(connection: &mut Connection) {
    let mut work = begin(connection, Version::Tcp);
    if let Some(session) = connection.client.session() {
        work.exchange.request.host.push_str(&session.asked().name);
    }
    let outcome = match enter(connection, "", &mut work) {
        Some(route) => carry(connection, &mut work, &route).await,
        None => Err(Failure::NoRoute),
    };
    end(connection, work, outcome);
}

/// Counts a connection and writes its line.
pub(super) fn end(connection: &Connection, mut work: Box<Work>, outcome: Result<(), Failure>) {
    work.exchange.response.status = CARRIED;
    if let Err(failure) = outcome {
        work.exchange.response.status = failure.verdict().status;
        note_failure(&mut work, failure);
    }
    end_exchange(connection, work);
}

/// What the log and the counters say of a connection begins here.
pub(super) fn begin(connection: &Connection, version: Version) -> Box<Work> {
    let mut work = connection.worker.lend_work();
    connection.forget_previous(&mut work);
    work.record.started_us = connection.worker.clock.now_us();
    let request = &mut work.exchange.request;
    request.version = version;
    connection.worker.write_id(&mut request.id);
    work
}

/// Makes the route for a host the connection's own; what else the plan holds is let go.
pub(super) fn enter(connection: &Connection, host: &str, work: &mut Work) -> Option<Arc<BuiltStreamRoute>> {
    let routes = connection.listener.routes();
    let (route, meter) = routes.streams.of(host)?;
    work.exchange.route = Some(Arc::clone(&route.name));
    work.record.route = (*meter, routes.plan_number);
    work.record.active = Some(connection.worker.recorder.entered(meter.active));
    Some(Arc::clone(route))
}

/// Connects to an endpoint and carries bytes both ways until the connection ends.
pub(super) async fn carry(
    connection: &mut Connection,
    work: &mut Work,
    route: &BuiltStreamRoute,
) -> Result<(), Failure> {
    let upstream = choose(&connection.worker, &route.to).ok_or(Failure::NoEndpoint)?;
    work.record.upstream = Some(Rc::clone(&upstream));
    work.record.upstream_us.0 = connection.worker.clock.now_us();
    let outcome = connect_to_one(connection, work, &upstream).await;
    work.record.upstream_us.1 = connection.worker.clock.now_us();
    let counted = match &outcome {
        Ok(_) => Forwarded::Answered(work.record.upstream_us.1.saturating_sub(work.record.upstream_us.0)),
        Err(_) => Forwarded::Failed,
    };
    connection.worker.recorder.forwarded(&upstream.meter.get(), work.record.attempts, counted);
    let (wire, _in_flight) = outcome?;
    let mut remote = Remote::Wire(wire);
    if relay(connection, work, &mut remote, route.idle_ms).await == End::Broken {
        // Neither side must take what it has for all there was.
        connection.client.abort();
        remote.abort();
    }
    remote.discard(&connection.worker.buffers);
    Ok(())
}

/// Connects to one endpoint after the other, as often as the upstream allows.
async fn connect_to_one(
    connection: &Connection,
    work: &mut Work,
    upstream: &Rc<Upstream>,
) -> Result<(Box<Wire>, InFlight), Failure> {
    let (mut tried, mut left) = (0, upstream.plan.retry.as_ref().map_or(1, |retry| retry.attempts));
    loop {
        let index = upstream.pick(tried, connection.worker.random()).ok_or(Failure::NoEndpoint)?;
        let endpoint = upstream.endpoints.get(index).ok_or(Failure::NoEndpoint)?;
        work.record.endpoint = Some(Rc::clone(endpoint));
        work.record.attempts += 1;
        let began_us = connection.worker.clock.now_us();
        let outcome = connect_wire(connection, work, upstream, index).await;
        if outcome.is_ok() {
            let took_us = connection.worker.clock.now_us().saturating_sub(began_us);
            connection.worker.recorder.answered(&endpoint.meter(), CARRIED, took_us);
        } else {
            connection.worker.recorder.unanswered(&endpoint.meter());
        }
        match outcome {
            Ok((wire, _)) => return Ok((wire, endpoint.enter())),
            Err(Miss::Connect(_)) if left > 0 && upstream.endpoints.len() > 1 => {
                left -= 1;
                tried |= 1 << index.min(63);
            }
            Err(Miss::Connect(failure) | Miss::Failed(failure) | Miss::Gone(failure)) => return Err(failure),
            Err(Miss::Stale) => return Err(Failure::UpstreamClosed),
        }
    }
}
