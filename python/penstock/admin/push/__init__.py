"""Sends metrics to a collector, as OpenTelemetry data."""
