"""Filters: the catalogue of every kind, wherever its code is."""

from penstock.filters.catalogue import (
    Catalogue,
    CertificateFacts,
    Checked,
    CheckedCertificate,
    FilterKind,
    PluginDescription,
    SettingProblem,
)

__all__ = [
    "Catalogue",
    "CertificateFacts",
    "Checked",
    "CheckedCertificate",
    "FilterKind",
    "PluginDescription",
    "SettingProblem",
]
