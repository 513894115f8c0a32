"""The demo's call held in real time; what was captured and printed, against the truth of it."""

import asyncio
from dataclasses import dataclass
from io import StringIO

import pytest
from rich.console import Console

from voicespan.demo.call import GREETING, REPLIES, Truth, hold_call
from voicespan.demo.printer import Printer
from voicespan.demo.truth import Instant
from voicespan.primitives.calls import in_force
from voicespan.testing import Captured, TurnView, capture

SILERO = 0.1
"""Seconds within which Silero finds the bounds of the clips (clips/README.md)."""

CLIPS = (
    "Hi, where is my order?",
    "It's order four one seven.",
    "Wait, can you change the address?",
    "Great, that is all. Thank you, bye.",
)


@dataclass(frozen=True)
class Held:
    """A call that is over; `printed` with its lines joined."""

    truth: Truth
    calls: Captured
    printed: str

    def turn(self, number: int) -> TurnView:
        return self.calls.turns[number - 1]


@pytest.fixture(scope="module")
def held() -> Held:
    out = StringIO()
    console = Console(file=out, width=100)
    with capture(mask=None) as calls:
        in_force.current().listen(lambda session: Printer(session, console))
        truth = asyncio.run(hold_call())
    return Held(truth, calls, " ".join(out.getvalue().split()))


def test_each_turn_is_opened_and_ends_as_it_did(held: Held) -> None:
    assert [(turn.initiator, turn.outcome) for turn in held.calls.turns] == [
        ("agent", "completed"),
        ("user", "completed"),
        ("user", "interrupted"),
        ("user", "interrupted"),
        ("agent", "completed"),
        ("user", "completed"),
    ]
    (session,) = held.calls.sessions
    assert session.attributes["voice.session.end_reason"] == "completed"


def test_words_are_those_said_and_those_heard(held: Held) -> None:
    """What was cut off was not heard: the turn has the words up to the cut."""
    assert [turn.user_text for turn in held.calls.turns] == [
        None,
        *CLIPS[:3],
        None,
        CLIPS[3],
    ]
    said = [GREETING, *("".join(reply.chunks) for reply in REPLIES if reply.chunks)]
    for turn, text in zip(held.calls.turns, said, strict=True):
        heard = turn.agent_text or ""
        assert text.startswith(heard)
        assert (heard == text) is (turn.outcome == "completed")


@pytest.mark.parametrize(("number", "utterance"), [(2, 0), (3, 1), (4, 3), (6, 5)])
def test_first_audio_is_timed_from_the_callers_true_end(
    held: Held, number: int, utterance: int
) -> None:
    turn = held.turn(number)
    waited = _after(held.truth.user[utterance].end, held.truth.agent[number - 1].first_played)
    assert turn.ttfa == pytest.approx(waited, abs=SILERO)
    assert sum(turn.parts.values()) == pytest.approx(turn.ttfa, abs=1e-6)


@pytest.mark.parametrize(
    ("number", "owner"), [(2, "endpointing"), (3, "llm"), (4, "llm"), (6, "transcription")]
)
def test_each_wait_has_its_own_culprit(held: Held, number: int, owner: str) -> None:
    parts = held.turn(number).parts
    assert max(parts, key=lambda part: parts[part]) == owner


def test_the_order_is_looked_up(held: Held) -> None:
    """The tool's own spans are below the tool call, which owned what it took."""
    (tool,) = held.turn(3).tools
    assert (tool.name, tool.arguments) == ("lookup_order", {"number": "417"})
    assert tool.result["status"] == "with the courier"
    span = next(s for s in held.turn(3).stages if s.name == "execute_tool lookup_order")
    inside = [s for s in held.calls.spans if s.name in {"orders.query", "courier.track"}]
    assert [s.parent and s.parent.span_id for s in inside] == [span.context.span_id] * 2
    assert held.turn(3).parts["tool"] == pytest.approx(0.6, abs=0.1)


@pytest.mark.parametrize(("number", "utterance"), [(3, 3), (4, 4)])
def test_the_agent_falls_silent_for_the_caller(held: Held, number: int, utterance: int) -> None:
    """From the caller's true onset to the last sound of the agent."""
    cut = held.truth.agent[number - 1]
    assert cut.cut
    latency = _after(held.truth.user[utterance].onset, cut.last_played)
    assert held.turn(number).barge_in_latency == pytest.approx(latency, abs=0.15)


def test_a_hum_does_not_interrupt_and_a_noise_does_for_nothing(held: Held) -> None:
    assert "backchannel" in held.turn(3).events
    assert "false_interruption" not in held.turn(3).events
    assert "false_interruption" in held.turn(4).events


def test_printed_is_what_was_said_and_waited_for(held: Held) -> None:
    heard = [turn.agent_text or "" for turn in held.calls.turns]
    for text in (*CLIPS, *heard, "lookup_order", '"Uh huh."', "mostly transcription"):
        assert text in held.printed
    for turn in held.calls.turns:
        assert f"turn {turn.number} {_opener(turn)} | {turn.outcome}" in held.printed
        if turn.ttfa is not None:
            assert f"first audio {turn.ttfa:.2f} s" in held.printed
        for part, took in turn.parts.items():
            assert (f"={part} {took * 1000:.0f}" in held.printed) or part in {
                "llm",  # may have two stretches, each with its own length
                *(part for part, took in turn.parts.items() if took < 0.005),
            }
    assert "6 turns | ended: completed" in held.printed
    assert "cut off 2 times, 1 of them for nothing" in held.printed


def test_printed_is_plain_where_there_is_no_terminal(held: Held) -> None:
    assert held.printed.isascii()


def _after(earlier: Instant | None, later: Instant) -> float:
    assert earlier is not None
    return (later.mono_ns - earlier.mono_ns) / 1e9


def _opener(turn: TurnView) -> str:
    return "caller" if turn.initiator == "user" else "agent"
