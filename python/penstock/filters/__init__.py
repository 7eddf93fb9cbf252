"""Filters: the catalogue of every kind, wherever its code is."""

from penstock.filters.catalogue import Catalogue, Checked, FilterKind, PluginDescription, SettingProblem

__all__ = ["Catalogue", "Checked", "FilterKind", "PluginDescription", "SettingProblem"]
