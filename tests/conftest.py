"""Nothing in, a process as if voicespan and OpenTelemetry had just been imported out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.util._once import Once

import voicespan
from voicespan import _guard, _installation
from voicespan.primitives.current import identity_var, session_var

_ENVIRONMENT = ("OTEL_", "VOICESPAN_", "LANGFUSE_")


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process without tracer provider, settings or `instrument()`, and none left behind."""
    import os

    for name in list(os.environ):  # noqa: TID251  # what the developer's shell has set
        if name.startswith(_ENVIRONMENT):
            monkeypatch.delenv(name)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    _take_out()
    _guard.reset()
    session_token, identity_token = session_var.set(None), identity_var.set(None)
    context_token = context.attach(context.Context())
    yield
    context.detach(context_token)
    session_var.reset(session_token)
    identity_var.reset(identity_token)
    voicespan.uninstrument()
    assert _take_out() == 0, "a capture was left in force"


def _take_out() -> int:
    """Take out what an earlier test has left in force, so that it alone fails."""
    left = 0
    while (installation := _installation.in_effect()) is not None:
        installation.leave()
        left += 1
    return left


@pytest.fixture
def provider(fresh: None) -> Iterator[TracerProvider]:
    """The application's own global provider."""
    provider = TracerProvider(shutdown_on_exit=False)
    trace.set_tracer_provider(provider)
    yield provider
    provider.shutdown()
