"""Certificates as the plan says them, and what a listener asks of handshakes."""

from typing import cast

from penstock.compiler import plan_types
from penstock.compiler.compiled import Fragment, Reference
from penstock.compiler.plan_types import CipherSuite
from penstock.compiler.settings import keep_secret
from penstock.filters.catalogue import Catalogue
from penstock.model.certificate import Certificate, CertificatePair, ListenerTls
from penstock.model.kinds import resource_key
from penstock.model.listener import Listener


def compile_certificate(certificate: Certificate, catalogue: Catalogue, fragment: Fragment) -> None:
    """The parts of a certificate's pairs; their keys go with the secrets."""
    _check_form(certificate, fragment)
    fragment.is_ordered = certificate.acme is not None
    seen: set[str] = set()
    for index, pair in enumerate(certificate.given):
        if pair.name in seen:
            fragment.error(("pairs", index, "name"), f"pair `{pair.name}` is there twice")
        seen.add(pair.name)
        _compile_pair(certificate, pair, catalogue, fragment)


def _check_form(certificate: Certificate, fragment: Fragment) -> None:
    if certificate.acme is not None:
        for name in ("certificate", "key", "ocsp", "folder", "pairs"):
            if getattr(certificate, name):
                fragment.error((name,), "`acme` orders what stands in its place", "leave one of the two out")
        return
    if certificate.folder is None and not certificate.pairs:
        for name in ("certificate", "key"):
            is_sure = all(fragment.is_whole((one,)) for one in (name, "folder", "pairs", "acme"))
            if getattr(certificate, name) is None and is_sure:
                fragment.error((), f"`{name}` is missing")
        return
    for name in ("certificate", "key", "ocsp"):
        if getattr(certificate, name) is not None:
            fragment.error((name,), "the pairs of a folder stand in its place", "make it a `Certificate` of its own")
    if not certificate.pairs and fragment.is_whole(("folder",)):
        fragment.error(("folder",), "folders are read for configuration in files alone", "give `pairs` in its place")


def _compile_pair(certificate: Certificate, pair: CertificatePair, catalogue: Catalogue, fragment: Fragment) -> None:
    key = pair.key.get_secret_value()
    if all(fragment.is_whole((name,)) for name in ("certificate", "key", "ocsp", "pairs")):
        for problem in catalogue.check_certificate(pair.certificate, key, pair.ocsp).problems:
            if pair.name:
                where = ("folder",) if certificate.folder is not None else ("pairs",)
                message = f"{pair.name}: {problem.path[0]}: {problem.message}"
                fragment.error(where, message, problem.hint)
            else:
                fragment.error(problem.path, problem.message, problem.hint)
    name = f"{certificate.name}/{pair.name}" if pair.name else certificate.name
    fragment.parts[resource_key("Certificate", name)] = {
        "kind": "certificate",
        "name": name,
        "certificate": pair.certificate,
        "key_hash": keep_secret(key, fragment),
        "ocsp": pair.ocsp,
    }


def listener_tls(listener: Listener, catalogue: Catalogue, fragment: Fragment) -> plan_types.ListenerTls | None:
    """What a listener asks of handshakes."""
    tls = listener.tls
    if tls is None:
        return None
    if not tls.has_cipher_of_version:
        fragment.error(
            ("tls", "ciphers"),
            "none of them belongs to TLS 1.3, and `min_version` asks for it",
            "add TLS_AES_128_GCM_SHA256, or leave `ciphers` out",
        )
    for index, name in enumerate(tls.certificates):
        path = ("tls", "certificates", index)
        if name in tls.certificates[:index]:
            fragment.error(path, f"certificate `{name}` is there twice")
        fragment.references.append(Reference(path, "certificate", name))
    return {
        "certificates": [resource_key("Certificate", name) for name in tls.certificates],
        "min_version": tls.min_version,
        "ciphers": None if tls.ciphers is None else cast("list[CipherSuite]", list(tls.ciphers)),
        "unknown_name": tls.unknown_name,
        "client": _client(tls, catalogue, fragment),
        "early_data": tls.early_data,
    }


def _client(tls: ListenerTls, catalogue: Catalogue, fragment: Fragment) -> plan_types.ClientCertificates | None:
    if tls.client_ca is None:
        for name in ("client_certificate", "client_crl"):
            if getattr(tls, name) is not None:
                fragment.error(("tls", name), "nobody is named who may sign certificates of clients", "add `client_ca`")
        return None
    if all(fragment.is_whole(("tls", name)) for name in ("client_ca", "client_crl")):
        for problem in catalogue.check_client_certificates(tls.client_ca, tls.client_crl):
            fragment.error(("tls", *problem.path), problem.message, problem.hint)
    return {
        "authorities": tls.client_ca,
        "revoked": tls.client_crl,
        "is_required": tls.client_certificate != "optional",
    }
