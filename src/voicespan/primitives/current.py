"""Which call the running code belongs to: context variables, set by sessions and integrations."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from voicespan.primitives.session import Session

session_var: ContextVar[Session | None] = ContextVar("voicespan_session", default=None)
"""The session of the call under way in this context."""

identity_var: ContextVar[dict[str, Any] | None] = ContextVar("voicespan_identity", default=None)
"""What `identify()` said before there was a session to say it of."""


def current_session() -> Session | None:
    """Return the session of the call under way in this context, None outside a call."""
    session = session_var.get()
    return None if session is None or session.ended else session
