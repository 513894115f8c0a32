"""`voicespan demo` with a call of no length: what is said around it, and how it may end."""

import sys
from io import StringIO
from pathlib import Path

import pytest
from loguru import logger
from rich.console import Console

import voicespan
from voicespan.cli import main
from voicespan.demo import call, run

pytestmark = pytest.mark.usefixtures("fresh")


async def short_call() -> None:
    with voicespan.session(agent="demo") as session:
        session.user_started_speaking()
        session.user_transcript("hello")
        session.agent_started_speaking()
        session.agent_stopped_speaking(text="hi there")


async def given_up() -> None:
    await short_call()
    raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def no_real_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call, "hold_call", short_call)


def demo() -> tuple[int, str]:
    out = StringIO()
    code = run.run_demo(Console(file=out, width=80))
    return code, " ".join(out.getvalue().split())


def test_turns_then_the_call_then_where_the_spans_went() -> None:
    code, text = demo()
    assert code == 0
    told = [text.index(part) for part in ("turn 1", "hi there", "ended: completed", "went nowhere")]
    assert told == sorted(told)
    assert text.endswith("OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 voicespan demo")


def test_nothing_is_logged_that_the_last_line_says(caplog: pytest.LogCaptureFixture) -> None:
    demo()
    assert not caplog.records


def test_spans_go_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VOICESPAN_EXPORTER", "console")
    code, text = demo()
    assert code == 0
    assert text.endswith("The spans of this call were sent to console")
    assert "turn 1" in capsys.readouterr().err


def test_an_endpoint_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    assert demo()[1].endswith("http://127.0.0.1:9")


def test_ctrl_c_ends_the_call_and_still_sums_it_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call, "hold_call", given_up)
    code, text = demo()
    assert code == 130
    assert "ended: completed" in text
    assert voicespan._instrument.installed() is None


def test_picture_holds_the_turns_and_nothing_of_this_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "demo.svg"
    assert main(["demo", "--save-svg", str(picture)]) == 0
    drawn = picture.read_text()
    assert "turn&#160;1" in drawn
    assert str(Path.home()) not in drawn
    assert str(Path(run.__file__).parents[3]) not in drawn
    assert "turn 1" in capsys.readouterr().out


def test_pipecat_is_silent_during_the_call_and_heard_again_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def talkative() -> None:
        pipecat_says("during")

    heard = StringIO()
    sink = logger.add(heard)
    monkeypatch.setattr(call, "hold_call", talkative)
    try:
        demo()
        pipecat_says("afterwards")
    finally:
        logger.remove(sink)
    assert "during" not in heard.getvalue()
    assert "afterwards" in heard.getvalue()


def pipecat_says(message: str) -> None:
    """Log as a module of Pipecat does: loguru asks the caller's `__name__`."""
    there = {"__name__": "pipecat.pipeline", "say": logger.info, "message": message}
    exec("say(message)", there)  # noqa: S102  # no other way to be called from another module


def test_help_tells_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["demo", "--help"])
    assert ended.value.code == 0
    assert "--save-svg" in capsys.readouterr().out


def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "voicespan.demo.run")
    monkeypatch.setitem(sys.modules, "loguru", None)
    assert main(["demo"]) == 1
    assert "loguru" in (said := capsys.readouterr().err)
    assert "pip install 'voicespan[demo]'" in said
