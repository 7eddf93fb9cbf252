"""The core's own filters, as the rest of the gateway sees them."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, get_args

from penstock._core import (
    check_access_log,
    check_certificate,
    check_client_certificates,
    check_expression,
    check_filter,
    check_regex,
    check_template,
    native_filters,
)
from penstock.filters.catalogue import (
    Answers,
    CertificateFacts,
    Checked,
    CheckedCertificate,
    FilterKind,
    PluginDescription,
    SettingProblem,
)
from penstock.filters.setting_path import read_setting_path


class NativeCatalogue:
    """The kinds that are part of the core."""

    def __init__(self) -> None:
        text = native_filters()
        self.digest = blake2b(text.encode(), digest_size=16).hexdigest()
        kinds = (_kind(described) for described in json.loads(text))
        self.kinds: Mapping[str, FilterKind] = MappingProxyType({kind.name: kind for kind in kinds})
        self.plugins: Mapping[str, PluginDescription] = MappingProxyType({})

    def check(self, kind: str, settings: Mapping[str, Any]) -> Checked:
        """The settings of a native filter in resolved form, or everything that is wrong with them."""
        try:
            found = json.loads(check_filter(kind, json.dumps(settings, allow_nan=False)))
        except (TypeError, ValueError) as problem:
            return Checked(problems=(SettingProblem((), f"settings are plain data: {problem}"),))
        problems = tuple(
            SettingProblem(read_setting_path(one["path"], settings), one["message"], one.get("hint") or "")
            for one in found["problems"]
        )
        return Checked(found["settings"], problems)

    def check_expression(self, text: str) -> str | None:
        """What is wrong with a condition, if anything."""
        return check_expression(text)

    def check_template(self, text: str) -> str | None:
        """What is wrong with a template, if anything."""
        return check_template(text)

    def check_regex(self, text: str) -> str | None:
        """What is wrong with a regular expression, if anything."""
        return check_regex(text)

    def check_certificate(self, certificate: str, key: str, ocsp: str | None = None) -> CheckedCertificate:
        """What a certificate says, or everything that is wrong with it and its key."""
        found = json.loads(check_certificate(certificate, key, ocsp))
        problems = _problems(found["problems"])
        facts = found["facts"]
        known = CertificateFacts(**{**facts, "names": tuple(facts["names"])}) if facts else None
        return CheckedCertificate(known, problems)

    def check_client_certificates(self, authorities: str, revoked: str | None) -> Sequence[SettingProblem]:
        """Everything that is wrong with authorities for clients and a list of what they revoked."""
        return _problems(json.loads(check_client_certificates(authorities, revoked)))

    def check_access_log(self, log: str) -> Sequence[SettingProblem]:
        """Everything that is wrong with an access log as a plan has it, in JSON."""
        return [_log_problem(found) for found in json.loads(check_access_log(log))]


def _problems(found: list[dict[str, str]]) -> tuple[SettingProblem, ...]:
    return tuple(SettingProblem((one["field"],), one["message"], one["hint"]) for one in found)


def _log_problem(found: dict[str, Any]) -> SettingProblem:
    """In the words of the resource: what a pattern is about are fields there."""
    steps = found["path"]
    # A member may be called by a number.
    path = [int(step) if step.isdecimal() and steps[0] != "fields" else _FIELDS.get(step, step) for step in steps]
    return SettingProblem(tuple(path), found["message"])


_FIELDS = {"members": "fields"}


@cache
def native_catalogue() -> NativeCatalogue:
    """The core's catalogue; the core is asked once, since it cannot change while it runs."""
    return NativeCatalogue()


def _kind(described: dict[str, Any]) -> FilterKind:
    name = described["name"]
    schema = described["schema"]
    answers = schema.get("x-penstock-answers", "sometimes")
    if answers not in get_args(Answers):
        raise ValueError(f"filter {name}: x-penstock-answers is {answers!r}")
    return FilterKind(
        name=name,
        summary=described["summary"],
        page=described["page"],
        schema=schema,
        example=described["example"],
        results=tuple(described["results"]),
        buffers_body=described["buffers_body"],
        source="{file}:{line}".format(**described["source"]),
        answers=answers,
    )
