"""Facts about a call in, turns and stages out; knows no OpenTelemetry."""
