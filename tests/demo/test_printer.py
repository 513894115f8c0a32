"""Records made by hand in, what is printed of them out: ordinary turns and odd ones."""

from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from tests.demo.records import answered, ns, stage, turn
from voicespan.demo.account import Bar, account_of
from voicespan.demo.look import Look
from voicespan.demo.printer import turn_lines
from voicespan.demo.tally import Tally
from voicespan.demo.waterfall import Axis
from voicespan.primitives.records import Event, Identity, Turn

WIDTHS = (40, 60, 80, 100, 200)


def printed(record: Turn, *, silent_since: float | None = None, **console: Any) -> str:
    out = StringIO()
    to = Console(file=out, **({"width": 100} | console))
    since = None if silent_since is None else ns(silent_since)
    account = account_of(record, Identity("call"))
    for line in turn_lines(account, Look.of(to), silent_since=since):
        to.print(line, highlight=False)
    return out.getvalue()


def row(text: str, name: str) -> str:
    """The last line that is called so: what was said comes before the waterfall."""
    return [line for line in text.splitlines() if line.startswith(f" {name} ")][-1]


def bars(text: str, name: str) -> str:
    return row(text, name)[24:].rstrip("0123456789 ")


def test_silence_is_drawn_between_caller_and_agent_and_owned() -> None:
    text = printed(answered())
    caller, silence, agent = (bars(text, name) for name in ("caller", "silence", "agent"))
    assert list(dict.fromkeys(silence.strip())) == ["e", "l", "v", ":"]
    assert silence.index("e") == caller.rindex("#") + 1
    assert silence.index(":") == agent.index("#")
    assert row(text, "silence").endswith(" 1500")
    assert "e=endpointing 800 -> l=llm 500 -> v=tts 200" in text


def test_header_says_how_long_the_caller_waited_and_for_what() -> None:
    text = printed(answered())
    assert (
        " turn 1  caller | completed | first audio 1.50 s, slow | mostly endpointing 0.80 s" in text
    )


def test_a_narrow_header_breaks_between_facts() -> None:
    lines = printed(answered(), width=60).splitlines()
    assert lines[1].endswith("first audio 1.50 s, slow")
    assert lines[2].strip() == "mostly endpointing 0.80 s"


def test_ruler_counts_from_the_callers_end() -> None:
    text = printed(answered())
    zero = row(text, "ms").index("|0")
    assert bars(text, "silence").index("e") + 24 == zero


def test_words_heard_are_told_from_words_cut() -> None:
    cut = answered(outcome="interrupted", barge_in_latency=200_000_000)
    cut.stages[-1].facts |= {"text": "It is", "heard": 0.6}
    text = printed(cut)
    assert "It is // noon.  (heard 0.6 s of 1.5 s)" in text
    assert "barge-in 0.20 s" in text


def test_words_of_a_voice_that_times_none_are_all_doubtful() -> None:
    cut = answered(outcome="interrupted")
    cut.stages[-1].facts["heard"] = 0.6
    assert "agent    // It is noon.  (heard 0.6 s of 1.5 s)" in printed(cut)


def test_a_false_interruption_is_not_called_a_barge_in() -> None:
    events = (
        Event("barge_in", ns(3)),
        Event("false_interruption", ns(3), {"voice.overlap.duration": 0.4}),
    )
    text = printed(answered(events=events, outcome="interrupted", barge_in_latency=1_000_000_000))
    assert "false barge-in 1.00 s" in " ".join(text.split())
    assert "^ false_interruption 400 ms" in text
    assert "barge_in" not in text


def test_what_was_hummed_is_quoted() -> None:
    hum = stage("stt", 3, 3.6, text="Uh huh.", talked_over=True)
    event = Event("backchannel", ns(3), {"voice.overlap.duration": 0.3})
    text = printed(answered(hum, events=(event,)))
    assert 'backchannel "Uh huh." 300 ms ^' in text
    assert "=" in row(text, "caller")


def test_dead_air_before_an_agent_that_speaks_unasked() -> None:
    spoken = turn(stage("agent_speech", 10, 12), initiator="agent")
    text = printed(spoken, silent_since=7)
    assert "agent | completed | after 3.00 s of dead air" in text
    assert "dead air" not in printed(spoken)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("fancy", [False, True])
def test_no_line_is_wider_than_the_terminal(width: int, fancy: bool) -> None:
    events = (Event("guardrail:" + "x" * 70, ns(3)), Event("backchannel", ns(3.9)))
    lookup = stage("tool", 2, 2.1, name="look_up_" * 20, arguments="{}", result="y" * 900)
    text = printed(answered(lookup, events=events), width=width, **_terminal(fancy))
    assert max(cell_len(line) for line in Text.from_ansi(text).plain.splitlines()) <= width


def test_a_log_gets_ascii_and_no_colour_and_a_terminal_gets_both() -> None:
    assert printed(answered()).isascii()
    fancy = printed(answered(), **_terminal(True))
    assert "\x1b[" in fancy
    assert "▆" in fancy
    assert printed(answered(), no_color=True, **_terminal(True)).isascii()


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(turn(), id="nothing at all"),
        pytest.param(turn(stage("user_speech", 0, 1), outcome="no_response"), id="no answer"),
        pytest.param(turn(stage("user_speech", 0, None), outcome="abandoned"), id="still open"),
        pytest.param(turn(stage("llm", 0, 1, output="Hi.")), id="in writing"),
        pytest.param(turn(stage("llm", 0, 0, first_token=0)), id="zero length"),
        pytest.param(answered(stage("tool", 2, 2, name="now")), id="zero length inside"),
        pytest.param(turn(stage("llm", 0, 1, first_token=5)), id="token after the end"),
        pytest.param(turn(stage("agent_speech", 0, 86_400), initiator="agent"), id="a whole day"),
        pytest.param(answered(stage("tts", 2.3, 2.6, text=None, model=7)), id="wrong types"),
        pytest.param(answered(committed=None, waited_for=None), id="unattributed"),
    ],
)
@pytest.mark.parametrize("width", WIDTHS)
def test_odd_turns_are_printed_like_any_other(record: Turn, width: int) -> None:
    text = printed(record, width=width)
    assert " turn 1 " in text
    assert max(len(line) for line in text.splitlines()) <= width


def test_an_error_says_where_and_what() -> None:
    failed = turn(
        stage("user_speech", 0, 1),
        stage("llm", 1.5, 2, model="brain", error=ConnectionError("no route\x1b[2J to host")),
        outcome="error",
    )
    text = printed(failed)
    assert "caller | error" in text
    assert "error   llm: ConnectionError: no route [2J to host" in text
    assert row(text, "llm brain").rstrip().split()[-2].endswith("!")


def test_names_that_do_not_fit_or_would_move_the_cursor_are_tamed() -> None:
    wild = answered(stage("検索" * 30, 2, 2.2, model="a\nb\x1b[31m" + "c" * 200))
    for width in WIDTHS:
        text = printed(wild, width=width)
        assert "\x1b" not in text
        assert max(cell_len(line) for line in text.splitlines()) <= width


def test_bars_stay_on_the_axis() -> None:
    axis = Axis(ns(0), ns(10), 50)
    assert axis.columns(Bar("llm", ns(-5), ns(20))) == range(50)
    assert len(axis.columns(Bar("llm", ns(3), ns(3)))) == 1
    assert [ms for _, ms in axis.ticks(ns(2))] == [-2000, 0, 2000, 4000, 6000, 8000]


def test_tally_names_the_biggest_owner_first() -> None:
    lines = tally_of(answered(), answered(number=2))
    owners = [line.split() for line in lines if line.startswith((" silence", "              "))]
    assert owners[0][:4] == ["silence", "endpointing", "1.60", "s"]
    assert owners[1][0] == "llm"
    assert any("p50 1.50 s, slow" in line for line in lines)
    assert any("2 turns | ended: hung up" in line for line in lines)


def test_tally_of_a_call_without_turns() -> None:
    lines = tally_of()
    assert any("0 turns" in line for line in lines)
    assert any("never" in line for line in lines)


def tally_of(*turns: Turn) -> list[str]:
    tally = Tally()
    for record in turns:
        tally.add(account_of(record, Identity("call")))
    call = SimpleNamespace(started_at=ns(0), ended_at=ns(30))
    session: Any = SimpleNamespace(call=call, end_reason="hung up")
    look = Look.of(Console(file=StringIO(), width=80))
    return [line.plain for line in tally.lines(session, look)]


def _terminal(fancy: bool) -> dict[str, Any]:
    known = {"force_terminal": True, "color_system": "truecolor", "_environ": {}}
    return known if fancy else {}
