"""A hand-written call in, every one of its spans whole out."""

from __future__ import annotations

from typing import Any

import pytest

import voicespan
from tests.spans.seen import Seen, asked, parents, said, seen
from voicespan.schema import problems
from voicespan.testing import Captured, FakeClock, capture

pytestmark = pytest.mark.usefixtures("fresh")

SID = "CA0123456789abcdef"


def two_turns(clock: FakeClock) -> None:
    """Hold the call: an answer with a tool, then one that the caller cuts off."""
    with voicespan.session(
        agent="support_v3",
        agent_version="v42",
        user_id="user_42",
        call_sid=SID,
        transport="webrtc",
        external_session_id="call-7",
        tenant="acme",
    ) as session:
        clock.advance(0.5)
        with session.turn() as turn:
            with turn.user_speech() as heard:
                clock.advance(1.0)
                heard.transcript("I can't log in")
            with turn.stt(provider="Deepgram", model="nova-3") as stt:
                clock.advance(0.1)
                stt.transcript("I can't log in", confidence=0.97, language="en")
                stt.usage(audio_seconds=1.0)
            with turn.llm(provider="openai", model="gpt-4.1-mini", temperature=0.2) as llm:
                clock.advance(0.2)
                llm.first_token()
                clock.advance(0.1)
                llm.messages(
                    input=[{"role": "user", "content": "I can't log in"}], output="One moment"
                )
                llm.usage(input_tokens=420, output_tokens=80)
            with turn.tool("lookup", arguments={"id": 42}, call_id="c1") as tool:
                clock.advance(0.05)
                tool.result({"found": True})
            with turn.tts(provider="cartesia", model="sonic-2", voice="calm") as tts:
                clock.advance(0.04)
                tts.first_byte()
                clock.advance(0.06)
                tts.usage(characters=10, audio_seconds=0.9)
            with turn.agent_speech() as speech:
                clock.advance(0.9)
                speech.transcript("One moment")
            turn.event("guardrail:toxicity", {"flagged": False})
        clock.advance(0.25)
        with session.turn() as turn:
            with turn.user_speech() as heard:
                clock.advance(0.5)
                heard.transcript("Hello?")
            with turn.agent_speech() as speech:
                speech.transcript("Yes I")
                clock.advance(0.4)
                speech.interrupt(heard=0.4)
        session.transport_quality(mos=4.2, packet_loss=0.003, jitter=0.018)
        session.outcome("resolved")


COMMON: dict[str, Any] = {
    "session.id": "call-7",
    "gen_ai.conversation.id": "call-7",
    "user.id": "user_42",
    "gen_ai.agent.name": "support_v3",
    "gen_ai.agent.version": "v42",
    "voice.agent.version": "v42",
    "voice.call.sid": SID,
    "voice.session.bucket": 40,
    "voice.transport.kind": "webrtc",
    "tenant": "acme",
}
FIRST = COMMON | {"voice.turn.number": 1}
SECOND = COMMON | {"voice.turn.number": 2}
ROOT = "turn #1"

EXPECTED = (
    Seen(
        "session",
        at=(0, 4100),
        attributes=COMMON
        | {
            "voice.span.kind": "session",
            "gen_ai.operation.name": "invoke_workflow",
            "voice.session.end_reason": "completed",
            "voice.session.outcome": "resolved",
            "voice.session.turn_count": 2,
            "voice.session.interruption_count": 1,
            "voice.session.false_interruption_count": 0,
            "voice.session.talk_over": 0.0,
            "voice.session.ttfa.p50": 0.0,
            "voice.session.ttfa.p95": 0.55,
            "voice.transport.mos": 4.2,
            "voice.transport.packet_loss": 0.003,
            "voice.transport.jitter": 0.018,
        },
        links=(("turn", "turn #1"), ("turn", "turn #2")),
    ),
    Seen(
        "turn #1",
        at=(500, 2950),
        attributes=FIRST
        | {
            "voice.span.kind": "turn",
            "gen_ai.operation.name": "invoke_agent",
            "voice.turn.initiator": "user",
            "voice.turn.outcome": "completed",
            "voice.turn.preemptive": False,
            "voice.turn.time_to_first_audio": 0.55,
            "voice.turn.ttfa.endpointing": 0.0,
            "voice.turn.ttfa.transcription": 0.1,
            "voice.turn.ttfa.application": 0.0,
            "voice.turn.ttfa.llm": 0.3,
            "voice.turn.ttfa.tool": 0.05,
            "voice.turn.ttfa.tts": 0.04,
            "voice.turn.ttfa.output": 0.06,
            "voice.turn.ttfa.unattributed": 0.0,
            "gen_ai.input.messages": asked("I can't log in"),
            "gen_ai.output.messages": said("One moment"),
        },
        events=(("first_audio", 2050, {}), ("guardrail:toxicity", 2950, {"flagged": False})),
        links=(("session", "session"),),
    ),
    Seen(
        "user_speech #1",
        at=(500, 1500),
        parent=ROOT,
        attributes=FIRST
        | {
            "voice.span.kind": "user_speech",
            "gen_ai.input.messages": asked("I can't log in"),
        },
    ),
    Seen(
        "speech_to_text nova-3 #1",
        at=(1500, 1600),
        kind="CLIENT",
        parent=ROOT,
        attributes=FIRST
        | {
            "voice.span.kind": "stt",
            "gen_ai.operation.name": "speech_to_text",
            "gen_ai.provider.name": "deepgram",
            "peer.service": "deepgram",
            "gen_ai.request.model": "nova-3",
            "gen_ai.output.type": "text",
            "gen_ai.speech.input.language": "en",
            "gen_ai.output.messages": said("I can't log in", "user"),
            "voice.stt.confidence": 0.97,
            "voice.stt.audio_duration": 1.0,
        },
    ),
    Seen(
        "chat gpt-4.1-mini #1",
        at=(1600, 1900),
        kind="CLIENT",
        parent=ROOT,
        attributes=FIRST
        | {
            "voice.span.kind": "llm",
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "peer.service": "openai",
            "gen_ai.request.model": "gpt-4.1-mini",
            "gen_ai.request.temperature": 0.2,
            "gen_ai.response.time_to_first_chunk": 0.2,
            "gen_ai.output.type": "text",
            "gen_ai.usage.input_tokens": 420,
            "gen_ai.usage.output_tokens": 80,
            "gen_ai.input.messages": asked("I can't log in"),
            "gen_ai.output.messages": said("One moment"),
        },
    ),
    Seen(
        "execute_tool lookup #1",
        at=(1900, 1950),
        parent=ROOT,
        attributes=FIRST
        | {
            "voice.span.kind": "tool",
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "lookup",
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": "c1",
            "gen_ai.tool.call.arguments": '{"id": 42}',
            "gen_ai.tool.call.result": '{"found": true}',
        },
    ),
    Seen(
        "text_to_speech sonic-2 #1",
        at=(1950, 2050),
        kind="CLIENT",
        parent=ROOT,
        attributes=FIRST
        | {
            "voice.span.kind": "tts",
            "gen_ai.operation.name": "text_to_speech",
            "gen_ai.provider.name": "cartesia",
            "peer.service": "cartesia",
            "gen_ai.request.model": "sonic-2",
            "gen_ai.response.time_to_first_chunk": 0.04,
            "gen_ai.output.type": "speech",
            "gen_ai.speech.voice": "calm",
            "voice.tts.characters": 10,
            "voice.tts.audio_duration": 0.9,
        },
    ),
    Seen(
        "agent_speech #1",
        at=(2050, 2950),
        parent=ROOT,
        attributes=FIRST
        | {"voice.span.kind": "agent_speech", "gen_ai.output.messages": said("One moment")},
    ),
    Seen(
        "turn #2",
        at=(3200, 4100),
        attributes=SECOND
        | {
            "voice.span.kind": "turn",
            "gen_ai.operation.name": "invoke_agent",
            "voice.turn.initiator": "user",
            "voice.turn.outcome": "interrupted",
            "voice.turn.preemptive": False,
            "voice.turn.time_to_first_audio": 0.0,
            "voice.turn.ttfa.endpointing": 0.0,
            "voice.turn.ttfa.transcription": 0.0,
            "voice.turn.ttfa.application": 0.0,
            "voice.turn.ttfa.llm": 0.0,
            "voice.turn.ttfa.tool": 0.0,
            "voice.turn.ttfa.tts": 0.0,
            "voice.turn.ttfa.output": 0.0,
            "voice.turn.ttfa.unattributed": 0.0,
            "gen_ai.input.messages": asked("Hello?"),
            "gen_ai.output.messages": said("Yes I"),
        },
        events=(("first_audio", 3700, {}),),
        links=(("session", "session"), ("previous_turn", "turn #1")),
    ),
    Seen(
        "user_speech #2",
        at=(3200, 3700),
        parent="turn #2",
        attributes=SECOND
        | {"voice.span.kind": "user_speech", "gen_ai.input.messages": asked("Hello?")},
    ),
    Seen(
        "agent_speech #2",
        at=(3700, 4100),
        parent="turn #2",
        attributes=SECOND
        | {
            "voice.span.kind": "agent_speech",
            "gen_ai.output.messages": said("Yes I"),
            "voice.agent_speech.heard": 0.4,
            "voice.stage.interrupted": True,
        },
    ),
)


def called(**options: Any) -> Captured:
    """Hold the call of two turns on a fake clock."""
    clock = FakeClock()
    with capture(clock=clock, mask=None, **options) as calls:
        two_turns(clock)
    return calls


def test_every_span_of_a_call_is_exactly_this() -> None:
    found = seen(called().spans)
    for expected in EXPECTED:
        assert found.pop(expected.label) == expected
    assert found == {}


def test_every_span_is_known_to_the_schema() -> None:
    assert [problem for span in called().spans for problem in problems(span)] == []


def test_a_trace_per_session_differs_only_in_trace_parent_and_links() -> None:
    """One long trace, for those who want it: turns are children and need no link upwards."""
    calls = called(trace_per="session")
    found = seen(calls.spans)
    assert {span.context.trace_id for span in calls.spans if span.context} == {
        span.context.trace_id for span in calls.spans if span.name == "session" and span.context
    }
    assert found["turn #1"].parent == found["turn #2"].parent == "session"
    assert found["turn #1"].links == ()
    assert found["turn #2"].links == (("previous_turn", "turn #1"),)
    assert {label: one.attributes for label, one in found.items()} == {
        one.label: one.attributes for one in EXPECTED
    }


def test_the_snippet_of_the_design_runs_as_it_stands() -> None:
    with capture(mask=None) as calls:  # noqa: SIM117  # as it is printed
        with voicespan.session(agent="support_v3", agent_version="v42", user_id="user_42", call_sid="CA…", transport="webrtc", external_session_id="…", attributes={}) as session:  # fmt: skip  # noqa: E501  # as it is printed
            with session.turn() as turn:
                with turn.user_speech() as speech: speech.transcript("I can't log in")  # fmt: skip  # noqa: E701
                with turn.stt(provider="deepgram", model="nova-3") as stt: stt.transcript("I can't log in", confidence=0.97, language="en"); stt.usage(audio_seconds=2.4)  # fmt: skip  # noqa: E501, E701, E702
                with turn.llm(provider="openai", model="gpt-4.1-mini") as llm: llm.first_token(); llm.usage(input_tokens=420, output_tokens=80); llm.messages(input=[], output="…")  # fmt: skip  # noqa: E501, E701, E702
                with turn.tool("lookup_account", arguments={"id": 42}) as tool: tool.result({"found": True})  # fmt: skip  # noqa: E501, E701
                with turn.tts(provider="cartesia", model="sonic-2", voice="…") as tts: tts.first_byte(); tts.usage(characters=33, audio_seconds=1.9)  # fmt: skip  # noqa: E501, E701, E702
                with turn.agent_speech() as speech: speech.transcript("Let me help …")  # fmt: skip  # noqa: E701
                with turn.stage("nlu") as nlu: nlu.set_attribute("intent", "reset")  # fmt: skip  # noqa: E701
                turn.event("guardrail:toxicity", {"flagged": False}); turn.set_attribute("ticket", "T-1")  # fmt: skip  # noqa: E501, E702
            session.transport_quality(mos=4.2, packet_loss=0.003, jitter=0.018); session.outcome("resolved")  # fmt: skip  # noqa: E501, E702
    assert parents(calls.spans) == {
        "session": None,
        "turn #1": None,
        "user_speech #1": "turn #1",
        "speech_to_text nova-3 #1": "turn #1",
        "chat gpt-4.1-mini #1": "turn #1",
        "execute_tool lookup_account #1": "turn #1",
        "text_to_speech sonic-2 #1": "turn #1",
        "agent_speech #1": "turn #1",
        "nlu #1": "turn #1",
    }
    custom = frozenset({"intent", "ticket"})
    assert [problem for span in calls.spans for problem in problems(span, custom)] == []
    (turn_view,) = calls.turns
    assert (turn_view.user_text, turn_view.agent_text) == ("I can't log in", "Let me help …")
    assert turn_view.attributes["ticket"] == "T-1"


async def test_the_same_call_may_be_held_with_async_with() -> None:
    clock = FakeClock()
    with capture(clock=clock, mask=None) as calls:
        async with voicespan.session(external_session_id="a") as session, session.turn() as turn:
            async with turn.llm(model="m") as llm:
                llm.first_token()
            async with turn.stage("rag"):
                clock.advance(1)
    assert parents(calls.spans) == {
        "session": None,
        "turn #1": None,
        "chat m #1": "turn #1",
        "rag #1": "turn #1",
    }


def test_callbacks_need_no_nesting() -> None:
    """start/stop instead of `with`, told after the fact, from whatever callback there is."""
    clock = FakeClock()
    with capture(clock=clock, mask=None) as calls:
        session = voicespan.session(external_session_id="a")
        clock.advance(10)
        at = clock.time() - 5
        turn = session.turn()
        turn.start(at=at)
        llm = turn.llm(model="m")
        llm.start(at=at + 1)
        llm.first_token(at=at + 1.5)
        llm.stop(at=at + 2)
        llm.stop(at=at + 3)
        tool = turn.tool("t")
        tool.start(at=at + 2)
        tool.fail("no such account", at=at + 2.5)
        turn.stop(at=at + 4)
        session.end("hung up", at=at + 4.5)
    found = seen(calls.spans)
    assert {label: one.at for label, one in found.items()} == {
        "session": (0, 9500),
        "turn #1": (5000, 9000),
        "chat m #1": (6000, 7000),
        "execute_tool t #1": (7000, 7500),
    }
    assert found["execute_tool t #1"].status == ("ERROR", "no such account")
    ((event, at_ms, said_of_it),) = found["execute_tool t #1"].events
    assert (event, at_ms) == ("exception", 7500)
    assert said_of_it == {"exception.type": "Error", "exception.message": "no such account"}
    assert found["session"].attributes["voice.session.end_reason"] == "hung up"


def test_what_is_learned_during_a_call_is_on_the_turns_that_follow() -> None:
    with capture() as calls, voicespan.session(external_session_id="a") as session:
        with session.turn():
            pass
        voicespan.identify(user_id="u", tenant="t", attributes={"vertical": "retail"})
        with session.turn():
            pass
    first, second = calls.turns
    assert "user.id" not in first.attributes
    told = {"user.id": "u", "tenant": "t", "vertical": "retail"}
    assert told.items() <= second.attributes.items()
    assert told.items() <= calls.sessions[0].attributes.items()


def test_events_between_turns_and_odd_values_are_written_as_they_can_be() -> None:
    with capture() as calls, voicespan.session() as session:
        session.event("ringing", {"nested": {"a": [1]}, "nothing": None, "ids": [1, 2]})
    (event,) = calls.sessions[0].span.events
    assert event.name == "ringing"
    assert dict(event.attributes or {}) == {"nested": '{"a": [1]}', "ids": (1, 2)}
