"""What the rest of the gateway sees of filters: kinds, their settings, and how both are checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from penstock.base.problem import Steps

Answers = Literal["never", "sometimes", "always", "forwards"]
"""Whether a filter ends its pipeline with an answer; `forwards` leaves one in hand and goes on."""


@dataclass(frozen=True, slots=True)
class FilterKind:
    """One kind of filter, native or Python.

    `source` says where its code is, `plugin` names the plugin that brought it (empty: part of the gateway).
    """

    name: str
    summary: str
    page: str
    schema: Mapping[str, Any]
    example: str
    results: tuple[str, ...] = ()
    buffers_body: bool = False
    source: str = ""
    answers: Answers = "sometimes"
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class SettingProblem:
    """Something wrong with one setting of a filter."""

    path: Steps
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """Settings in resolved form (defaults filled in, bytes, milliseconds), or their problems."""

    settings: Any = None
    problems: tuple[SettingProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class PluginDescription:
    """What a plugin's files were found to hold, without importing them here.

    `filters` names the file that defines each filter; `problems` are those of the files themselves.
    """

    digest: str
    filters: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What a certificate says of itself.

    Units: `not_before` and `not_after` are seconds since 1970.
    """

    names: tuple[str, ...]
    issuer: str
    not_before: int
    not_after: int


@dataclass(frozen=True, slots=True)
class CheckedCertificate:
    """What a certificate says, or everything that is wrong with it and its key."""

    facts: CertificateFacts | None = None
    problems: tuple[SettingProblem, ...] = ()


class Catalogue(Protocol):
    """All kinds of filters, and the checks that belong to the core. Pure: the same question, the same answer."""

    @property
    def digest(self) -> str:
        """Changes when any answer of the catalogue may change; compiled forms are remembered by it."""

    @property
    def kinds(self) -> Mapping[str, FilterKind]:
        """Every kind by its name."""

    @property
    def plugins(self) -> Mapping[str, PluginDescription]:
        """What is known of the plugins, by the names of their resources."""

    def check(self, kind: str, settings: Mapping[str, Any]) -> Checked:
        """The settings of a filter in resolved form, or everything that is wrong with them."""

    def check_expression(self, text: str) -> str | None:
        """What is wrong with a condition, if anything."""

    def check_template(self, text: str) -> str | None:
        """What is wrong with a template, if anything."""

    def check_regex(self, text: str) -> str | None:
        """What is wrong with a regular expression, if anything."""

    def check_certificate(self, certificate: str, key: str, ocsp: str | None = None) -> CheckedCertificate:
        """What a certificate says, or everything that is wrong with it and its key; nothing of the key is told."""

    def check_client_certificates(self, authorities: str, revoked: str | None) -> Sequence[SettingProblem]:
        """Everything that is wrong with authorities for clients and a list of what they revoked."""

    def check_access_log(self, log: str) -> Sequence[SettingProblem]:
        """Everything that is wrong with an access log as a plan has it, in JSON."""
