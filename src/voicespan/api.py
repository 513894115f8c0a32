"""What an application calls in, sessions and spans out: the functions `voicespan` exports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from voicespan._guard import guarded, warn_once
from voicespan.attributes import KIND_SESSION, KIND_TURN
from voicespan.primitives.calls import in_force
from voicespan.primitives.checks import is_name
from voicespan.primitives.clock import SystemClock
from voicespan.primitives.current import current_session, identity_var
from voicespan.primitives.records import Identity
from voicespan.primitives.session import Session
from voicespan.primitives.turn import TurnHandle
from voicespan.primitives.worker import InlineWorker

if TYPE_CHECKING:
    from voicespan.spans.own import OwnSpan


def _inert_session(**_: object) -> Session:
    """Return a session nobody listens to."""
    return Session(Identity(session_id=""), SystemClock(), InlineWorker())


@guarded(_inert_session)
def session(
    *,
    agent: str | None = None,
    agent_version: str | None = None,
    user_id: str | None = None,
    call_sid: str | None = None,
    transport: str | None = None,
    external_session_id: str | None = None,
    tenant: str | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> Session:
    """Begin a call. Use it in a `with` block, or call `end()` when the call is over.

    `attributes` are put on every span of the call; `call_sid` fixes its trace id.
    """
    return in_force.current().open(
        agent=agent,
        agent_version=agent_version,
        user_id=user_id,
        call_sid=call_sid,
        transport=transport,
        external_session_id=external_session_id,
        tenant=tenant,
        attributes=attributes,
    )


@guarded(None)
def identify(
    *,
    user_id: str | None = None,
    call_sid: str | None = None,
    external_session_id: str | None = None,
    tenant: str | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Say who is calling: of the call under way in this context, else of the next one in it."""
    said = {
        "user_id": user_id,
        "call_sid": call_sid,
        "external_session_id": external_session_id,
        "tenant": tenant,
        "attributes": attributes,
    }
    known = {name: value for name, value in said.items() if value is not None}
    under_way = current_session()
    if under_way is not None:
        under_way.identify(**known)
    else:
        identity_var.set((identity_var.get() or {}) | known)


@guarded(None)
def annotate(
    *,
    session_id: str | None = None,
    call_sid: str | None = None,
    outcome: str | None = None,
    scores: Mapping[str, float | str] | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Add what was learned after a call to its trace; a Call SID is enough from any process."""
    from voicespan._instrument import annotate_call

    annotate_call(
        session_id,
        call_sid,
        outcome=outcome,
        scores=dict(scores or {}),
        attributes=dict(attributes or {}),
    )


@guarded(None)
def event(name: str, attributes: Mapping[str, Any] | None = None) -> None:
    """Add an event to the turn under way; nothing outside a call."""
    if (under_way := current_session()) is not None:
        under_way.event(name, attributes)


def _inert_span(*_: object, **__: object) -> OwnSpan:
    from voicespan.spans.own import OwnSpan

    return OwnSpan(None, "")


@guarded(_inert_span)
def span(name: str, attributes: Mapping[str, Any] | None = None) -> OwnSpan:
    """Return a context manager for a span of your own; a no-op outside a call."""
    from voicespan.spans.own import OwnSpan

    if not is_name(name, "span"):
        return _inert_span()
    if name in (KIND_SESSION, KIND_TURN):
        warn_once("span.kind", "%s is no name for a span of your own", name)
        return _inert_span()
    return OwnSpan(current_session(), name, attributes)


@guarded(None)
def current_turn() -> TurnHandle | None:
    """Return the turn under way in this context, None outside one."""
    under_way = current_session()
    return under_way.current_turn if under_way is not None else None
