"""The caller's own attributes: written beside ours, never instead of them, and bounded."""

from __future__ import annotations

import os

import pytest

import voicespan
from voicespan import attributes as a
from voicespan.spans.facts import MAX_CUSTOM
from voicespan.spans.ids import SessionIds, ids_of
from voicespan.testing import FakeClock, capture


def test_more_attributes_than_a_span_holds_leave_ours_whole(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The SDK keeps the latest 128: a turn must not lose whose it is to its own notes."""
    with (
        capture() as calls,
        voicespan.session(external_session_id="s") as session,
        session.turn() as turn,
    ):
        for n in range(300):
            turn.set_attribute(f"note.{n}", n)
    (found,) = calls.turns
    assert found.session_id == "s"
    assert found.outcome == "no_response"
    notes = [name for name in found.attributes if name.startswith("note.")]
    assert len(notes) == MAX_CUSTOM
    assert len([record for record in caplog.records if record.name == "voicespan"]) == 1


def test_ours_win_over_the_callers() -> None:
    with (
        capture() as calls,
        voicespan.session(attributes={a.SESSION_ID: "forged"}) as session,
        session.turn() as turn,
    ):
        turn.set_attribute(a.VOICE_TURN_OUTCOME, "splendid")
    (found,) = calls.turns
    assert found.outcome == "no_response"
    assert found.session_id == session.identity.session_id != "forged"


def test_a_handoff_does_not_rewrite_who_spoke_before_it() -> None:
    clock = FakeClock()
    with capture(clock=clock) as calls, voicespan.session(agent="front") as session:
        with session.turn() as turn, turn.llm(model="m"):
            session.handoff("billing", from_="front")
        with session.turn() as turn, turn.llm(model="m"):
            clock.advance(0.1)
    agents = [[(s.attributes or {})[a.GEN_AI_AGENT_NAME] for s in t.spans] for t in calls.turns]
    assert agents == [["front", "front"], ["billing", "billing"]]


def drawn_in_child() -> SessionIds:
    """Return the ids a forked child draws first."""
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        ids = ids_of(None)
        os.write(write, f"{ids.trace_id} {ids.span_id}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    trace_id, span_id = os.read(read, 256).decode().split()
    os.close(read)
    os.close(write)
    return SessionIds(int(trace_id), int(span_id))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_forked_workers_do_not_draw_the_same_ids() -> None:
    """A server that loads the application and then forks must not merge its workers' calls."""
    assert drawn_in_child() != drawn_in_child()
