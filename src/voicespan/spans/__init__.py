"""Settled turns in, OpenTelemetry spans out: the only code that starts and ends spans."""
