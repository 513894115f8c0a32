"""Content in, through an application's own provider and exporters; what they get to see out."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import voicespan
from tests.spans.seen import parents
from voicespan._guard import guarded
from voicespan.primitives.turn import TurnHandle
from voicespan.testing import capture

if TYPE_CHECKING:
    from opentelemetry.context import Context

pytestmark = pytest.mark.usefixtures("fresh")

MARK = "mark-4111-1111"


class Starts(SpanProcessor):
    """Remembers what a span was when it began."""

    def __init__(self) -> None:
        self.spans: list[str] = []
        self.attributes: dict[str, dict[str, Any]] = {}

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self.spans.append(span.to_json())
        self.attributes[span.name] = dict(span.attributes or {})


class Application:
    """An application with tracing of its own, set up before voicespan."""

    def __init__(self, **options: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.starts = Starts()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.provider.add_span_processor(self.starts)
        self.ours = InMemorySpanExporter()
        self.handle = voicespan.instrument(
            tracer_provider=self.provider, exporter=self.ours, **options
        )

    def run(self) -> tuple[ReadableSpan, ...]:
        """Hold the call; return what the application's own exporter got."""
        hold()
        assert self.handle.shutdown(10)
        return self.exporter.get_finished_spans()


def hold() -> None:
    """Say the marker wherever content can be."""
    with pytest.raises(RuntimeError, match=MARK):
        say_everything()


def look_up(turn: TurnHandle) -> None:
    """Call a tool that fails."""
    with turn.tool("t", arguments={"c": MARK}) as tool:
        tool.result({"card": MARK})
        with voicespan.span("db") as span:
            span.update(input=MARK, output=[{"role": "tool", "content": MARK}])
            raise ValueError(f"no card {MARK}")


def say_everything() -> None:
    """Hold the call, to its bitter end."""
    with voicespan.session(external_session_id="a") as session:
        with session.turn() as turn:
            with turn.user_speech() as heard:
                heard.transcript(f"my card is {MARK}")
            with turn.stt(model="m") as stt:
                stt.transcript(f"my card is {MARK}")
            with turn.llm(model="m") as llm:
                messages = [{"role": "user", "content": MARK}]
                llm.messages(input=messages, output=MARK, system=MARK)
            with pytest.raises(ValueError, match=MARK):
                look_up(turn)
            with turn.tts(model="m") as tts:
                tts.text(f"you said {MARK}")
                tts.fail(f"cannot say {MARK}")
            with turn.realtime(model="m") as realtime:
                realtime.messages(input=MARK, output=MARK)
            with turn.stage("rag") as rag:
                rag.facts(text=MARK, input=MARK)
                rag.fail(OSError(MARK))
            with turn.agent_speech() as speech:
                speech.transcript(f"you said {MARK}")
            turn.fail(f"all because of {MARK}")
        session.error(RuntimeError(MARK))
        overlapped(session)
        raise RuntimeError(f"and out {MARK}")


def overlapped(session: voicespan.Session) -> None:
    """Have the user talk over the agent."""
    session.user_transcript("hello", key="u1")
    session.agent_started_speaking()
    session.user_started_speaking()
    session.user_transcript(f"yes {MARK}")
    session.user_stopped_speaking()
    session.agent_stopped_speaking(text=f"well {MARK}")
    session.agent_idle()


def leaks(spans: tuple[ReadableSpan, ...]) -> dict[str, list[str]]:
    """Return where the marker is to be seen, by span."""
    found: dict[str, list[str]] = {}
    for span in spans:
        described = json.loads(span.to_json())
        described["resource"] = None
        where = [key for key, value in described.items() if MARK in json.dumps(value)]
        where = [*(k for k, v in (span.attributes or {}).items() if MARK in str(v)), *where]
        if where:
            found.setdefault(span.name, []).extend(w for w in where if w != "attributes")
    return found


NAMES = [
    "agent_speech", "agent_speech", "chat m", "db", "execute_tool t", "rag", "realtime_inference m",
    "session", "speech_to_text", "speech_to_text m", "text_to_speech m", "turn", "turn",
    "user_speech",
]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "environment"),
    [
        ({}, {}),
        ({"mask": "pci"}, {}),
        ({"capture_content": False, "mask": None}, {}),
        ({"mask": None}, {"VOICESPAN_CAPTURE_CONTENT": "no"}),
        ({"mask": None}, {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "NO_CONTENT"}),
        ({"mask": None}, {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "EVENT_ONLY"}),
        ({}, {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "SPAN_ONLY"}),
    ],
    ids=str,
)
def test_an_exporter_registered_before_us_never_sees_content(
    options: dict[str, Any], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    application = Application(**options)
    spans = application.run()
    assert sorted(set(NAMES)) == sorted({span.name for span in spans})
    assert leaks(spans) == {}
    assert leaks(application.ours.get_finished_spans()) == {}
    assert MARK not in "".join(application.starts.spans)


def test_the_same_exporter_sees_our_spans_enriched() -> None:
    """What only our steps know is on the very spans the application exports."""
    spans = {span.name: dict(span.attributes or {}) for span in Application().run()}
    assert "voice.turn.outcome" in spans["turn"]
    assert spans["chat m"]["gen_ai.request.model"] == "m"
    assert spans["db"]["error.type"] == "ValueError"
    assert spans["execute_tool t"]["error.type"] == "ValueError"
    assert spans["session"]["voice.session.end_reason"] == "error"
    timed = [span for span in Application().run() if span.name == "turn"]
    assert any("voice.turn.time_to_first_audio" in (span.attributes or {}) for span in timed)


def test_with_masking_off_it_is_all_there() -> None:
    """Else the tests above would prove nothing."""
    assert leaks(Application(mask=None).run()) == {
        "user_speech": ["gen_ai.input.messages"],
        "speech_to_text m": ["gen_ai.output.messages"],
        "chat m": ["gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions"],
        "db": ["gen_ai.input.messages", "gen_ai.output.messages", "status", "events"],
        "execute_tool t": [
            "gen_ai.tool.call.arguments",
            "gen_ai.tool.call.result",
            "status",
            "events",
        ],
        "text_to_speech m": ["gen_ai.input.messages", "status", "events"],
        "realtime_inference m": ["gen_ai.input.messages", "gen_ai.output.messages"],
        "rag": ["gen_ai.input.messages", "status", "events"],
        "agent_speech": ["gen_ai.output.messages", "gen_ai.output.messages"],
        "turn": [
            "gen_ai.input.messages",
            "gen_ai.output.messages",
            "status",
            "events",
            "gen_ai.output.messages",
        ],
        "speech_to_text": ["gen_ai.output.messages"],
        "session": ["events"],
    }


def test_live_spans_begin_bare() -> None:
    """Whoever looks at spans when they start (a sampler, a zpage) finds nothing on them."""
    application = Application(mask=None)
    application.run()
    live = ("session", "turn", "chat m", "execute_tool t", "db")
    assert [application.starts.attributes[name] for name in live] == [{}] * len(live)


# --- steps ----------------------------------------------------------------------------------------


def broken(*args: object, **kwargs: object) -> None:
    """Fail as any step may."""
    raise TypeError("a step failed")


def test_a_mask_that_raises_withholds_everything_but_facts(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("voicespan.processors.masking._withhold", broken)
    spans = Application().run()
    assert {span.name for span in spans} == set(NAMES)
    assert leaks(spans) == {}
    assert all((span.attributes or {})["voice.pii.failed"] is True for span in spans)
    assert {(span.attributes or {})["session.id"] for span in spans} == {"a"}
    failures = [record for record in caplog.records if "step Mask failed" in record.getMessage()]
    assert len(failures) == 1


def test_other_steps_that_raise_leave_the_spans_as_they_are(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("voicespan.processors.ttfa._time", broken)
    monkeypatch.setattr("voicespan.processors.cost.Cost.__call__", broken)
    spans = Application().run()
    assert {span.name for span in spans} == set(NAMES)
    assert leaks(spans) == {}
    turns = [dict(span.attributes or {}) for span in spans if span.name == "turn"]
    assert all("voice.turn.time_to_first_audio" not in turn for turn in turns)
    assert all("voice.turn.outcome" in turn for turn in turns)
    failures = [record.getMessage() for record in caplog.records if "step" in record.getMessage()]
    assert sorted(failure.split(" failed")[0] for failure in failures) == [
        "voicespan: step Cost",
        "voicespan: step TTFA",
    ]


class Recording:
    """A mask that leaves everything, and knows what it was given."""

    def __init__(self, drop: Callable[[Any], bool] = lambda draft: False) -> None:
        self.drop = drop
        self.given: list[list[str]] = []
        self.timed: list[bool] = []
        self.threads: set[str] = set()

    def __call__(self, drafts: list[Any]) -> list[Any]:
        self.given.append([draft.name for draft in drafts])
        self.timed += [
            "voice.turn.time_to_first_audio" in d.attributes for d in drafts if d.kind == "turn"
        ]
        self.threads.add(threading.current_thread().name)
        return [draft for draft in drafts if not self.drop(draft)]

    def withhold(self, drafts: list[Any]) -> list[Any]:
        return []


def spoken_turn(session: voicespan.Session) -> None:
    """Hold a turn with a question, a tool and an answer."""
    with session.turn() as turn:
        with turn.user_speech() as heard:
            heard.transcript("hi")
        with turn.tool("t"), voicespan.span("db"):
            pass
        with turn.agent_speech():
            pass


def test_masking_comes_last_over_a_whole_turn_at_once() -> None:
    step = Recording()
    with capture(mask=step), voicespan.session() as session:
        spoken_turn(session)
    ours = [names for names in step.given if len(names) > 1 or names in (["session"], ["db"])]
    assert ours[0] == ["db"]
    assert ["turn", "user_speech", "execute_tool t", "agent_speech"] in ours
    assert step.timed[0] is True


def test_masking_happens_on_the_worker() -> None:
    """Regular expressions over long prompts have no place on an event loop."""
    step = Recording()
    handle = voicespan.instrument(exporter=[], mask=step)
    with voicespan.session() as session:
        spoken_turn(session)
    assert handle.shutdown(10)
    assert step.given
    assert step.threads == {"voicespan"}


def test_a_step_may_drop_spans() -> None:
    dropping = Recording(drop=lambda draft: draft.name in ("user_speech", "db"))
    with capture(mask=dropping) as calls, voicespan.session() as session:
        spoken_turn(session)
    assert parents(calls.spans) == {
        "session": None,
        "turn #1": None,
        "execute_tool t #1": "turn #1",
        "agent_speech #1": "turn #1",
    }


def test_a_dropped_turn_takes_nothing_with_it() -> None:
    dropping = Recording(drop=lambda draft: draft.kind in ("turn", "session"))
    with capture(mask=dropping) as calls, voicespan.session() as session:
        spoken_turn(session)
    assert sorted(span.name for span in calls.spans) == [
        "agent_speech",
        "db",
        "execute_tool t",
        "user_speech",
    ]


def test_what_other_code_writes_on_the_current_span_is_not_on_ours() -> None:
    """LiveKit writes a tool's raw arguments on whatever span is current, and may end it."""
    with capture() as calls, voicespan.session() as session, session.turn() as turn:
        with turn.tool("t"):
            current = trace.get_current_span()
            current.set_attribute("lk.function_tool.arguments", MARK)
            current.record_exception(ValueError(MARK))
            current.end()
        with voicespan.span("lookup"):
            trace.get_current_span().set_attribute("query", MARK)
    assert leaks(calls.spans) == {}
    assert {span.name for span in calls.spans} == {"session", "turn", "execute_tool t", "lookup"}


def test_a_failure_of_ours_is_logged_without_what_the_exception_says(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @guarded(None)
    def somewhere() -> None:
        raise ValueError(MARK)

    somewhere()
    assert "ValueError" in caplog.text
    assert MARK not in caplog.text
