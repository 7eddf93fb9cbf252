"""Certificates whose time is over, or has not come."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from penstock.base.problem import Problem, Severity
from penstock.filters.catalogue import Catalogue, CertificateFacts
from penstock.model.certificate import Certificate
from penstock.model.loading.loaded import Placed


def check_validity(resources: Iterable[Placed], catalogue: Catalogue, now: datetime) -> Iterator[Problem]:
    """A warning for each certificate that no client would take at a time; it is for the others too that plans go on."""
    for placed in resources:
        certificate = placed.resource
        if isinstance(certificate, Certificate) and certificate.enabled and placed.remains is None:
            for pair in certificate.given:
                facts = catalogue.check_certificate(pair.certificate, pair.key.get_secret_value()).facts
                if message := validity_message(facts, now.timestamp()) if facts else "":
                    yield placed.located(_problem(pair.name, message))


def _problem(pair: str, message: str) -> Problem:
    path, named = (("folder",), f"{pair}: {message}") if pair else (("certificate",), message)
    return Problem(path, named, "clients refuse it; renew it", Severity.WARNING)


def validity_message(facts: CertificateFacts, now: float) -> str:
    """Why no client takes a certificate at a time; empty where clients do.

    Units: seconds since 1970.
    """
    if now > facts.not_after:
        return f"the certificate has expired: it was good until {_day(facts.not_after)}"
    if now < facts.not_before:
        return f"the certificate is not good before {_day(facts.not_before)}"
    return ""


def _day(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"
