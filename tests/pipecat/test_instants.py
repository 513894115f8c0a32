"""A wall clock that is stepped in the middle: nothing remembered, and nothing heard, moves."""

import asyncio
import time

import pytest

from tests.pipecat.conftest import quiet_pipecat
from tests.pipecat.rig import Bot, Call, run_call
from voicespan import attributes as a
from voicespan.integrations.instants import epoch_of, instant_of
from voicespan.testing import capture

HOUR = 3600.0
AGENT_SPEECH = "agent_speech"


def step(patch: pytest.MonkeyPatch, seconds: float) -> None:
    """Set the machine's clock."""
    wall, wall_ns = time.time, time.time_ns
    patch.setattr(time, "time", lambda: wall() + seconds)
    patch.setattr(time, "time_ns", lambda: wall_ns() + round(seconds * 1e9))


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
def test_a_stepped_clock_ages_nothing_that_is_remembered(
    seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered = instant_of(time.time() - 2.0)
    step(monkeypatch, seconds)
    assert time.time() - epoch_of(remembered) == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
def test_a_stepped_clock_bends_nothing_of_what_the_caller_heard(
    seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def script(c: Call) -> None:
        await c.agent_spoke()
        step(monkeypatch, seconds)
        await c.agent_done()
        await c.end()

    with quiet_pipecat(), capture() as calls:
        call = asyncio.run(run_call(Bot(greeting="Hello, and welcome!"), script))
    (heard,) = call.truth.agent
    (speech,) = (span for span in calls.spans if span.name == AGENT_SPEECH)
    assert speech.start_time is not None
    assert speech.end_time is not None
    lasted = (speech.end_time - speech.start_time) / 1e9
    facts = speech.attributes or {}
    assert facts[a.VOICE_AGENT_SPEECH_GAPS] == 0.0
    assert lasted == pytest.approx(facts[a.VOICE_AGENT_SPEECH_HEARD], abs=0.2)
    assert calls.turns[0].outcome == "completed"
    assert not heard.cut
