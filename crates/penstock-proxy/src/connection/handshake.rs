//! The handshake before a connection's first request.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use rustls::Error;

use super::serve::{Connection, end_exchange, linger, note_failure, refuse};
use super::work::Work;
use crate::exchange::Session;
use crate::failure::Failure;
use crate::wire::HandshakeFailure;

/// Goes through the handshake if there is one; says whether requests may follow.
pub(super) async fn handshake(connection: &mut Connection) -> bool {
    if connection.client.session().is_none() {
        return true;
    }
    match finish(connection).await {
        Ok(()) => {
            if let Some(session) = connection.client.facts() {
                connection.worker.recorder.shaken_hands(&connection.listener.meter.get(), &session);
            }
            true
        }
        Err(None) => false,
        Err(Some(failure)) => {
            connection.worker.recorder.count(connection.listener.meter.get().handshake_failures, 1);
            // Rare, and large: it would make every connection's task larger.
            Box::pin(give_up(connection, failure)).await;
            false
        }
    }
}

/// Handshakes until it is done; fails without a word where nobody ever said anything.
async fn finish(connection: &mut Connection) -> Result<(), Option<Failure>> {
    let header_time_ms = connection.listener.current().plan.limits.header_time_ms;
    let late_at_ms = super::lifetime::at(connection, header_time_ms);
    connection.deadline.arm(late_at_ms);
    poll_fn(|context| {
        let Connection { client, worker, .. } = &mut *connection;
        let Some(session) = client.session_mut() else { return Poll::Ready(Ok(())) };
        if let Poll::Ready(outcome) = session.poll_handshake(context, &worker.handshakes) {
            return Poll::Ready(outcome.map_err(|failure| judged(&failure, &session.asked().name)));
        }
        let has_begun = session.has_begun();
        if !has_begun {
            connection.deadline.arm_earlier(connection.worker.idle_until_ms());
        }
        if connection.deadline.has_passed(connection.worker.clock.coarse_ms()) {
            return Poll::Ready(Err(has_begun.then_some(Failure::HandshakeUnfinished)));
        }
        Poll::Pending
    })
    .await
}

fn judged(failure: &HandshakeFailure, name: &str) -> Option<Failure> {
    Some(match failure {
        HandshakeFailure::Silent => return None,
        HandshakeFailure::Gone => Failure::HandshakeUnfinished,
        HandshakeFailure::PlainHttp => Failure::PlainHttp,
        HandshakeFailure::Refused(Error::NoCertificatesPresented) => Failure::NoClientCertificate,
        HandshakeFailure::Refused(Error::InvalidCertificate(_) | Error::InvalidCertRevocationList(_)) => {
            Failure::ClientCertificateRefused
        }
        HandshakeFailure::Refused(Error::AlertReceived(_)) => Failure::RefusedByClient,
        HandshakeFailure::Refused(Error::PeerIncompatible(_) | Error::NoApplicationProtocol) => {
            Failure::NothingInCommon
        }
        // The library's only word for it: the choice of the certificate gave none.
        HandshakeFailure::Refused(Error::General(_)) if !name.is_empty() => Failure::UnknownServerName,
        HandshakeFailure::Refused(_) => Failure::HandshakeMalformed,
    })
}

/// Counts and logs it once; a client that speaks clear text is told so in clear text.
pub(super) async fn give_up(connection: &mut Connection, failure: Failure) {
    let mut work = begin(connection);
    if failure == Failure::PlainHttp {
        connection.speak_clear_text();
        refuse(connection, &mut work, failure).await;
    } else {
        note(connection, &mut work, failure);
    }
    end_exchange(connection, work);
    if failure == Failure::PlainHttp {
        linger(connection).await;
    }
}

/// Counts and logs a connection that ended before anything could be asked on it.
pub(super) fn note_unserved(connection: &Connection, failure: Failure) {
    let mut work = begin(connection);
    note(connection, &mut work, failure);
    end_exchange(connection, work);
}

fn begin(connection: &Connection) -> Box<Work> {
    let mut work = connection.worker.lend_work();
    connection.forget_previous(&mut work);
    work.record.started_us = connection.worker.clock.now_us();
    work
}

fn note(connection: &Connection, work: &mut Work, failure: Failure) {
    let exchange = &mut work.exchange;
    connection.worker.write_id(&mut exchange.request.id);
    if let Some(session) = connection.client.session() {
        let name = session.asked().name.clone();
        exchange.request.host.push_str(&name);
        exchange.request.session.get_or_insert_with(|| Arc::new(Session { name, ..Session::default() }));
    }
    exchange.response.status = failure.verdict().status;
    note_failure(work, failure);
}
