"""Workers followed, attached to and let go of: what was there before is there again."""

import asyncio
import gc
from typing import Any

import pytest
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor

import voicespan
from tests.pipecat.conftest import quiet_pipecat
from tests.pipecat.rig import Bot, Call, run_call
from tests.processes import run as run_python
from voicespan import attributes as a
from voicespan.testing import Captured, capture


async def greeting(c: Call) -> None:
    await c.agent_spoke()
    await c.end()


async def ended(c: Call) -> None:
    await c.end()


def idle_worker() -> PipelineWorker:
    return PipelineWorker(Pipeline([FrameProcessor()]))


def test_uninstrument_restores_pipecat_and_leaves_the_wrappers_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = PipelineWorker.run
    with capture():
        assert PipelineWorker.run is not original
    assert PipelineWorker.run is original
    with capture():
        ours = PipelineWorker.run

        async def theirs(self: Any, *args: Any) -> Any:
            return await ours(self, *args)

        monkeypatch.setattr(PipelineWorker, "run", theirs)
    assert PipelineWorker.run is theirs


def test_a_wrapper_left_beneath_somebody_elses_follows_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ours cannot be taken from below theirs, and a later `instrument()` wraps over both."""
    with capture() as first:
        ours = PipelineWorker.run

        async def theirs(self: Any, *args: Any) -> Any:
            return await ours(self, *args)

        monkeypatch.setattr(PipelineWorker, "run", theirs)
    with quiet_pipecat():
        asyncio.run(run_call(Bot(greeting="Hello!"), greeting))
        assert not first.sessions
        with capture() as second:
            asyncio.run(run_call(Bot(greeting="Hello!"), greeting))
    assert len(second.sessions) == 1
    assert PipelineWorker.run is theirs


def test_a_call_leaves_the_applications_own_wrappers_on_its_objects() -> None:
    pushed = []

    async def whole() -> None:
        call = Call(Bot())
        observer: Any = call.worker._observer
        original = observer.on_push_frame

        async def theirs(data: Any) -> None:
            pushed.append(data)
            await original(data)

        observer.on_push_frame = theirs
        run_tts = call.tts.__dict__["run_tts"] = call.tts.run_tts
        await call.play(ended)
        assert observer.on_push_frame is theirs
        assert call.tts.__dict__["run_tts"] is run_tts

    with quiet_pipecat(), capture() as calls:
        asyncio.run(whole())
    assert pushed
    assert len(calls.sessions) == 1


def test_attach_names_the_call_of_one_worker() -> None:
    async def whole() -> None:
        call = Call(Bot())
        session = voicespan.integrations.pipecat.attach(call.worker, agent="front", user_id="u1")
        assert session is voicespan.integrations.pipecat.attach(call.worker)
        await call.play(ended)

    with quiet_pipecat(), capture() as calls:
        asyncio.run(whole())
    (session,) = calls.sessions
    assert session.attributes[a.GEN_AI_AGENT_NAME] == "front"
    assert session.attributes[a.USER_ID] == "u1"


def test_the_session_of_a_worker_that_never_runs_ends_with_the_worker() -> None:
    async def attach_and_drop() -> None:
        worker = idle_worker()
        session = voicespan.integrations.pipecat.attach(worker)
        gc.collect()
        assert not session.ended
        del worker
        gc.collect()
        assert session.ended

    with quiet_pipecat(), capture() as calls:
        asyncio.run(attach_and_drop())
        (session,) = calls.sessions
    assert session.end_reason == "never_ran"


def test_an_integration_is_loaded_when_it_is_named() -> None:
    done = run_python(
        "import sys, voicespan\n"
        "assert not [name for name in sys.modules if name.startswith('voicespan.')]\n"
        "print(voicespan.integrations.pipecat.attach.__name__, 'pipecat' in sys.modules)\n"
        "voicespan.integrations.nonsense"
    )
    assert done.stdout.split() == ["attach", "False"]
    assert "has no attribute 'nonsense'" in done.stderr


def test_capture_may_be_repeated() -> None:
    def once() -> Captured:
        with quiet_pipecat(), capture() as calls:
            asyncio.run(run_call(Bot(greeting="Hello!"), greeting))
        return calls

    assert [len(once().turns), len(once().turns)] == [1, 1]
