"""A small catalogue for tests of what needs only its face: a few kinds, checked loosely."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.filters import (
    CertificateFacts,
    Checked,
    CheckedCertificate,
    FilterKind,
    PluginDescription,
    SettingProblem,
)

_UPSTREAM = {"type": "string", "x-penstock-reference": "upstream"}
_SHARE = {"type": "object", "properties": {"upstream": _UPSTREAM, "weight": {"type": "integer"}}}
_TO = {"anyOf": [_UPSTREAM, {"type": "array", "items": {"$ref": "#/$defs/Share"}}]}

KINDS = (
    FilterKind(
        name="Forward",
        summary="Sends the request to an upstream.",
        page="Sends the request to an upstream.",
        schema={"type": "object", "properties": {"to": _TO, "host": {"type": "string"}}, "$defs": {"Share": _SHARE}},
        example="kind: Forward\nto: orders\n",
        results=("failed", "timed_out", "server_error", "client_error"),
        answers="forwards",
    ),
    FilterKind(
        name="Respond",
        summary="Answers by itself.",
        page="Answers by itself.",
        schema={"type": "object", "properties": {"status": {}, "body": {}}},
        example="kind: Respond\nstatus: 204\n",
        answers="always",
    ),
    FilterKind(
        name="MaxBodySize",
        summary="Turns away large bodies.",
        page="Turns away large bodies.",
        schema={"type": "object", "properties": {"limit": {}}},
        example="kind: MaxBodySize\nlimit: 1MiB\n",
        results=("too_large",),
    ),
    FilterKind(
        name="Buffered",
        summary="Reads the whole body.",
        page="Reads the whole body.",
        schema={"type": "object", "properties": {}},
        example="kind: Buffered\n",
        buffers_body=True,
    ),
    FilterKind(
        name="SetHeaders",
        summary="Sets headers.",
        page="Sets headers.",
        schema={"type": "object", "properties": {"request": {}, "response": {}}},
        example="kind: SetHeaders\nrequest: {set: {x-a: b}}\n",
        answers="never",
    ),
)


@dataclass
class FakeCatalogue:
    """Knows `KINDS`; refuses settings that their schemas do not name and texts that say `broken`."""

    digest: str = "fake"
    kinds: Mapping[str, FilterKind] = field(default_factory=lambda: {kind.name: kind for kind in KINDS})
    plugins: Mapping[str, PluginDescription] = field(default_factory=dict)

    def check(self, kind: str, settings: Mapping[str, Any]) -> Checked:
        known = self.kinds[kind].schema["properties"]
        problems = tuple(SettingProblem((key,), f"unknown key `{key}`") for key in settings if key not in known)
        return Checked(None if problems else dict(settings), problems)

    def check_expression(self, text: str) -> str | None:
        return "not an expression" if "broken" in text else None

    def check_template(self, text: str) -> str | None:
        return "not a template" if "broken" in text else None

    def check_regex(self, text: str) -> str | None:
        return "not a regular expression" if "broken" in text else None

    def check_certificate(self, certificate: str, key: str, ocsp: str | None = None) -> CheckedCertificate:
        good = certificate and key and ocsp != ""
        return CheckedCertificate(CertificateFacts((), "", 0, 0)) if good else CheckedCertificate()

    def check_client_certificates(self, authorities: str, revoked: str | None) -> list[SettingProblem]:
        return [] if authorities or revoked else [SettingProblem(("client_ca",), "no certificate in it", "")]

    def check_access_log(self, log: str) -> list[SettingProblem]:
        return [SettingProblem(("format",), "not a log template")] if "broken" in log else []
