"""What may happen on a call in, the turns it must become out: one table for every source.

`expected` knows no framework: the tracker has to reach it from `facts`, and each framework from
a real call that brings the same situation about. Numbers of milliseconds are those of `facts`;
where the times are a real call's own they say only that there is such a number.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Initiator = Literal["user", "agent"]


@dataclass(frozen=True)
class Expected:
    """One turn. `stages`: kinds in order, `:outcome` unless ok; `events`: without `first_audio`.

    `ttfa`: the user's last end to first audio; `barge_in`: the user's onset to silence; both ms.
    """

    initiator: Initiator
    outcome: str
    stages: str
    user: str = ""
    agent: str = ""
    events: str = ""
    ttfa: int | None = None
    barge_in: int | None = None


@dataclass(frozen=True)
class Fact:
    """A verb of the session, told at `at` milliseconds; `stage` names the stage it is about."""

    at: int
    verb: str
    said: Mapping[str, Any] = field(default_factory=dict)
    stage: str | None = None


@dataclass(frozen=True)
class Situation:
    """Something that happens on calls. `commits`: its source reports turn decisions."""

    name: str
    why: str
    expected: tuple[Expected, ...]
    facts: tuple[Fact, ...]
    commits: bool = True


Facts = Iterable[Fact]


# --- what can happen, in ms ----------------------------------------------------------------------


def user(start: int, end: int | None, *, hangover: int = 0) -> Facts:
    """The user speaks; their end is found `hangover` later. Without an end they go on speaking."""
    yield Fact(start, "user_started_speaking")
    if end is not None:
        yield Fact(end + hangover, "user_stopped_speaking", {"hangover": hangover / 1000})


def transcript(at: int, text: str, **said: Any) -> Facts:
    """The user's words are recognised."""
    yield Fact(at, "user_transcript", {"text": text, **said})


def commit(at: int, **said: Any) -> Facts:
    """It is decided that the user is done."""
    yield Fact(at, "turn_committed", said)


def work(kind: str, start: int, end: int | None, first: int | None = None, **how: Any) -> Facts:
    """A stage from start to end. `first`: its first token or byte; `error`, `cut`: how it ends."""
    error, cut, key = how.pop("error", None), how.pop("cut", False), how.pop("key", None)
    stage = f"{kind}@{start}"
    yield Fact(start, "stage", {"kind": kind, "key": key, **how}, stage)
    if first is not None:
        yield Fact(first, "first_byte" if kind == "tts" else "first_token", {}, stage)
    if end is not None and error:
        yield Fact(end, "fail", {"error": error}, stage)
    elif end is not None:
        yield Fact(end, "interrupt" if cut else "stop", {}, stage)


def llm(start: int, end: int | None, first: int | None = None, **how: Any) -> Facts:
    """One request to a language model."""
    return work("llm", start, end, first, **how)


def tool(start: int, end: int | None, name: str = "look_up", **how: Any) -> Facts:
    """One tool call."""
    return work("tool", start, end, name=name, **how)


def tts(start: int, end: int | None, text: str = "", **how: Any) -> Facts:
    """One synthesis."""
    return work("tts", start, end, text=text or None, **how)


def realtime(start: int, end: int | None, text: str = "", **how: Any) -> Facts:
    """One generation of a speech-to-speech model."""
    return work("realtime", start, end, text=text or None, **how)


def agent(start: int, end: int | None, *, cut: bool = False, **said: Any) -> Facts:
    """The agent is heard."""
    yield Fact(start, "agent_started_speaking")
    if end is not None:
        yield Fact(end, "agent_stopped_speaking", {"interrupted": cut, **said})


def reply(start: int, text: str, *, until: int) -> Facts:
    """A whole answer, asked of the model at `start`: first token +200, spoken from +500 on."""
    yield from llm(start, start + 400, start + 200)
    yield from tts(start + 250, start + 600, text, first=start + 450)
    yield from agent(start + 500, until)


def say(at: int, verb: str, **said: Any) -> Facts:
    """Any other verb."""
    yield Fact(at, verb, said)


def facts(*groups: Facts) -> tuple[Fact, ...]:
    """Return facts in the order in which they happen."""
    return tuple(sorted((fact for group in groups for fact in group), key=lambda fact: fact.at))


# --- the table -----------------------------------------------------------------------------------

ANSWERED = "user_speech stt llm tts agent_speech"
ORDER = "Where is my order?"
HERE = "It is on its way."

SITUATIONS: tuple[Situation, ...] = (
    Situation(
        "greeting",
        "The agent speaks first: its turn has no time to first audio, which is not zero.",
        (Expected("agent", "completed", "tts agent_speech", agent="Hello!"),),
        facts(tts(0, 300, "Hello!"), agent(200, 1500)),
    ),
    Situation(
        "plain",
        "The user asks, the agent answers.",
        (Expected("user", "completed", ANSWERED, ORDER, HERE, ttfa=1010),),
        facts(
            user(0, 1200, hangover=200),
            transcript(1500, ORDER),
            commit(1700, waited_for="silence"),
            reply(1710, HERE, until=4000),
        ),
    ),
    Situation(
        "preemptive_kept",
        "The model is asked before the decision, and its answer is the one that is heard.",
        (Expected("user", "completed", ANSWERED, ORDER, HERE, ttfa=600),),
        facts(
            user(0, 1200),
            transcript(1300, ORDER),
            llm(1310, 1600, first=1500),
            tts(1520, 1750, HERE),
            commit(1700, preemptive=True),
            agent(1800, 4000),
        ),
    ),
    Situation(
        "preemptive_dropped",
        "The user goes on before the decision: the early answer is thrown away unheard, and the "
        "turn is neither interrupted nor two.",
        (
            Expected(
                "user",
                "completed",
                "user_speech stt llm:interrupted user_speech stt llm tts agent_speech",
                "Where is my order? The blue one.",
                HERE,
                ttfa=1010,
            ),
        ),
        facts(
            user(0, 1200),
            transcript(1300, ORDER),
            llm(1310, 1650, cut=True),
            user(1600, 2400),
            transcript(2600, "The blue one."),
            commit(2900),
            reply(2910, HERE, until=5000),
        ),
    ),
    Situation(
        "tools",
        "Two rounds of the model with tools between them are one turn.",
        (
            Expected(
                "user",
                "completed",
                "user_speech stt llm tool tool llm tts agent_speech",
                ORDER,
                HERE,
                ttfa=2810,
            ),
        ),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1500),
            llm(1510, 1900),
            tool(1910, 3000),
            tool(1920, 3500, "check_stock"),
            reply(3510, HERE, until=6000),
        ),
    ),
    Situation(
        "filler",
        "A filler bridges the tool: the caller heard it first, and the answer is the same turn.",
        (
            Expected(
                "user",
                "completed",
                "user_speech stt llm tts tool agent_speech llm tts agent_speech",
                ORDER,
                f"One moment. {HERE}",
                ttfa=900,
            ),
        ),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1500),
            llm(1510, 1900),
            tts(1800, 2200, "One moment."),
            tool(1910, 4000),
            agent(2100, 3000),
            reply(4010, HERE, until=6500),
        ),
    ),
    Situation(
        "filler_runs_on",
        "The answer follows the filler without a gap: playout is one, and the turn ends with it.",
        (
            Expected(
                "user",
                "completed",
                "user_speech stt llm tts tool agent_speech llm tts",
                ORDER,
                f"One moment. {HERE}",
                ttfa=900,
            ),
            Expected("user", "completed", ANSWERED, "Thanks.", "Bye.", ttfa=910),
        ),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1500),
            llm(1510, 1900),
            tts(1800, 2200, "One moment."),
            tool(1910, 2400),
            agent(2100, 6000),
            llm(2410, 2800),
            tts(2700, 3100, HERE),
            user(6500, 7000),
            transcript(7300, "Thanks."),
            commit(7400),
            reply(7410, "Bye.", until=8500),
        ),
    ),
    Situation(
        "resumed_user",
        "The user pauses and goes on before any decision: one turn, counted from their last word.",
        (
            Expected(
                "user",
                "completed",
                "user_speech stt user_speech stt llm tts agent_speech",
                "Where is my order?",
                HERE,
                ttfa=1010,
            ),
        ),
        facts(
            user(0, 800),
            transcript(1000, "Where is"),
            user(1600, 2400),
            transcript(2600, "my order?"),
            commit(2900),
            reply(2910, HERE, until=5000),
        ),
    ),
    Situation(
        "cough",
        "Speech without words or an answer is no turn, only an event on its neighbour.",
        (
            Expected("user", "completed", ANSWERED, ORDER, HERE, ttfa=1010),
            Expected("user", "completed", ANSWERED, "Thanks.", "Bye.", events="noise", ttfa=1010),
        ),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1700),
            reply(1710, HERE, until=4000),
            user(5000, 5300),
            user(8000, 9000),
            transcript(9200, "Thanks."),
            commit(9500),
            reply(9510, "Bye.", until=11_000),
        ),
    ),
    Situation(
        "cough_first",
        "A cough before anything was said is told of on the turn that comes.",
        (Expected("user", "completed", ANSWERED, ORDER, HERE, events="noise", ttfa=1010),),
        facts(
            user(0, 300),
            user(5000, 6200),
            transcript(6400, ORDER),
            commit(6700),
            reply(6710, HERE, until=9000),
        ),
    ),
    Situation(
        "backchannel",
        "A short word of assent while the agent carries on is neither a turn nor an interruption.",
        (
            Expected(
                "user",
                "completed",
                f"{ANSWERED} stt",
                ORDER,
                HERE,
                events="backchannel",
                ttfa=1010,
            ),
        ),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1700),
            reply(1710, HERE, until=6000),
            user(3000, 3300),
            transcript(3500, "Uh-huh."),
        ),
    ),
    Situation(
        "cough_over_agent",
        "A noise while the agent carries on leaves no trace but an event.",
        (Expected("user", "completed", ANSWERED, ORDER, HERE, events="noise", ttfa=1010),),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1700),
            reply(1710, HERE, until=6000),
            user(3000, 3300),
        ),
    ),
    Situation(
        "false_interruption_resumed",
        "The agent pauses for a noise and resumes: nobody was interrupted.",
        (
            Expected(
                "user", "completed", ANSWERED, ORDER, HERE, events="false_interruption", ttfa=1010
            ),
        ),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1700),
            reply(1710, HERE, until=8000),
            user(3000, 3300),
            say(3200, "agent_paused"),
            say(4500, "agent_resumed"),
        ),
    ),
    Situation(
        "false_interruption_cut",
        "A noise cuts the agent for good: the turn was interrupted, but by nobody's words.",
        (
            Expected(
                "user",
                "interrupted",
                "user_speech stt llm tts agent_speech:interrupted",
                ORDER,
                events="barge_in false_interruption",
                ttfa=1010,
                barge_in=200,
            ),
        ),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1700),
            llm(1710, 2110),
            tts(1960, 2310, HERE),
            agent(2210, 3200, cut=True),
            user(3000, 3300),
        ),
    ),
    Situation(
        "barge_in",
        "The user cuts the agent off: its turn is interrupted, the next opens at their onset.",
        (
            Expected(
                "user",
                "interrupted",
                "user_speech stt llm tts agent_speech:interrupted",
                ORDER,
                "It is",
                events="barge_in",
                ttfa=1010,
                barge_in=250,
            ),
            Expected("user", "completed", ANSWERED, "No, the other.", "I see.", ttfa=1010),
        ),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1700),
            llm(1710, 2110),
            tts(1960, 2310, HERE),
            agent(2210, 3250, cut=True, heard=1.04, text="It is"),
            user(3000, 4000),
            transcript(4200, "No, the other."),
            commit(4500),
            reply(4510, "I see.", until=6000),
        ),
    ),
    Situation(
        "barge_in_while_generating",
        "The user speaks on after the decision, before anything is heard: the answer under way is "
        "cut, without a latency, since nothing was audible.",
        (
            Expected(
                "user",
                "interrupted",
                "user_speech stt llm:interrupted",
                ORDER,
                events="barge_in",
            ),
            Expected("user", "completed", ANSWERED, "The blue one.", HERE, ttfa=1010),
        ),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1700),
            llm(1710, 2050, cut=True),
            user(2000, 3000),
            transcript(3200, "The blue one."),
            commit(3500),
            reply(3510, HERE, until=5000),
        ),
    ),
    Situation(
        "barge_in_twice",
        "Two barge-ins in a row are three turns.",
        (
            Expected(
                "user",
                "interrupted",
                "user_speech stt llm tts agent_speech:interrupted",
                ORDER,
                events="barge_in",
                ttfa=1010,
                barge_in=200,
            ),
            Expected(
                "user",
                "interrupted",
                "user_speech stt llm tts agent_speech:interrupted",
                "No.",
                events="barge_in",
                ttfa=1010,
                barge_in=300,
            ),
            Expected("user", "completed", ANSWERED, "Stop.", "Bye.", ttfa=1010),
        ),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1700),
            llm(1710, 2110),
            tts(1960, 2310, HERE),
            agent(2210, 3200, cut=True),
            user(3000, 3500),
            transcript(3700, "No."),
            commit(4000),
            llm(4010, 4410),
            tts(4260, 4610, "I see."),
            agent(4510, 5300, cut=True),
            user(5000, 5500),
            transcript(5700, "Stop."),
            commit(6000),
            reply(6010, "Bye.", until=8000),
        ),
    ),
    Situation(
        "no_response",
        "The user is left without an answer.",
        (Expected("user", "no_response", "user_speech stt", ORDER),),
        facts(user(0, 1200), transcript(1400, ORDER), commit(1700), say(20_000, "end")),
    ),
    Situation(
        "proactive_prompt",
        "The user says nothing for long, so the agent asks: a turn of its own.",
        (
            Expected("user", "completed", ANSWERED, ORDER, HERE, ttfa=1010),
            Expected("agent", "completed", "llm tts agent_speech", agent="Still there?"),
        ),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1700),
            reply(1710, HERE, until=4000),
            reply(12_000, "Still there?", until=14_000),
        ),
    ),
    Situation(
        "handoff",
        "A tool hands the call to another agent, who answers: the same turn.",
        (
            Expected(
                "user",
                "completed",
                "user_speech stt llm tool llm tts agent_speech",
                "Billing, please.",
                "Billing here.",
                events="handoff",
                ttfa=1410,
            ),
        ),
        facts(
            user(0, 1200),
            transcript(1400, "Billing, please."),
            commit(1500),
            llm(1510, 1900),
            tool(1910, 2100, "transfer"),
            say(2050, "handoff", to="billing", from_="front"),
            reply(2110, "Billing here.", until=4000),
        ),
    ),
    Situation(
        "handoff_greeting",
        "The new agent greets when the old one has finished: a turn of the agent's.",
        (
            Expected("user", "completed", ANSWERED, "Billing, please.", "One moment.", ttfa=1010),
            Expected("agent", "completed", "llm tts agent_speech", agent="Billing here."),
        ),
        facts(
            user(0, 1200),
            transcript(1400, "Billing, please."),
            commit(1700),
            reply(1710, "One moment.", until=3000),
            reply(3500, "Billing here.", until=5000),
        ),
    ),
    Situation(
        "llm_retried",
        "The model fails and the next try succeeds: an event, not an error.",
        (
            Expected(
                "user",
                "completed",
                "user_speech stt llm:error llm tts agent_speech",
                ORDER,
                HERE,
                events="retry",
                ttfa=1610,
            ),
        ),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1500),
            llm(1510, 2300, error="503"),
            reply(2310, HERE, until=5000),
        ),
    ),
    Situation(
        "llm_failed",
        "The model fails for good: the turn is an error.",
        (Expected("user", "error", "user_speech stt llm:error llm:error", ORDER, events="retry"),),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1500),
            llm(1510, 2000, error="503"),
            llm(2010, 2500, error="503"),
            say(20_000, "end"),
        ),
    ),
    Situation(
        "llm_failed_apology",
        "An apology from a tape is heard, but the question was not answered: still an error.",
        (
            Expected(
                "user",
                "error",
                "user_speech stt llm:error tts agent_speech",
                ORDER,
                "Sorry.",
                ttfa=1300,
            ),
        ),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1500),
            llm(1510, 2000, error="503"),
            tts(2100, 2600, "Sorry."),
            agent(2500, 3500),
        ),
    ),
    Situation(
        "tool_failed",
        "A tool fails and the model makes the best of it: no error of the turn's.",
        (
            Expected(
                "user",
                "completed",
                "user_speech stt llm tool:error llm tts agent_speech",
                ORDER,
                "I cannot tell.",
                ttfa=2310,
            ),
        ),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1500),
            llm(1510, 1900),
            tool(1910, 3000, error="timeout"),
            reply(3010, "I cannot tell.", until=5000),
        ),
    ),
    Situation(
        "tts_failed",
        "The answer exists but cannot be spoken: an error.",
        (Expected("user", "error", "user_speech stt llm tts:error", ORDER),),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1500),
            llm(1510, 2000),
            tts(1900, 2500, HERE, error="quota"),
            say(20_000, "end"),
        ),
    ),
    Situation(
        "stt_failed",
        "The user spoke and was not understood through a fault of ours: an error, not a cough.",
        (Expected("user", "error", "user_speech stt:error"),),
        facts(
            user(0, 1200),
            work("stt", 900, 1400, error="socket closed"),
            say(20_000, "end"),
        ),
    ),
    Situation(
        "hang_up_while_agent_speaks",
        "The caller hangs up while the agent is talking.",
        (
            Expected(
                "user",
                "abandoned",
                "user_speech stt llm tts agent_speech:interrupted",
                ORDER,
                ttfa=1010,
            ),
        ),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1700),
            llm(1710, 2110),
            tts(1960, 2310, HERE),
            agent(2210, None),
            say(3000, "end"),
        ),
    ),
    Situation(
        "hang_up_while_user_speaks",
        "The call ends in the middle of the user's sentence, before any words of it were known.",
        (
            Expected("agent", "completed", "tts agent_speech", agent="Hello!"),
            Expected("user", "abandoned", "user_speech:interrupted"),
        ),
        facts(tts(0, 300, "Hello!"), agent(200, 1500), user(2500, None), say(4000, "end")),
    ),
    Situation(
        "text_only",
        "Nobody speaks: a turn is over when its answer has been given.",
        (
            Expected("user", "completed", "llm", ORDER, HERE),
            Expected("user", "completed", "llm", "Thanks.", "Bye."),
        ),
        facts(
            say(0, "user_wrote", text=ORDER),
            llm(10, 800, output=HERE),
            say(1500, "user_wrote", text="Thanks."),
            llm(1510, 2000, output="Bye."),
        ),
        commits=False,
    ),
    Situation(
        "text_only_idle",
        "Nobody speaks, and the source says when the agent is done.",
        (Expected("user", "completed", "llm tool llm", ORDER, HERE),),
        facts(
            say(0, "user_wrote", text=ORDER),
            llm(10, 300),
            tool(310, 500),
            llm(510, 800, output=HERE),
            say(810, "agent_idle"),
        ),
        commits=False,
    ),
    Situation(
        "no_voice_activity",
        "Nobody tells when the user speaks, only what they said: their words open the turn.",
        (Expected("user", "completed", "stt llm tts agent_speech", ORDER, HERE),),
        facts(transcript(0, ORDER), commit(300), reply(310, HERE, until=3000)),
    ),
    Situation(
        "llm_failed_and_asked_again",
        "The model fails, nothing is heard, and the user asks again: that is a turn of its own.",
        (
            Expected("user", "error", "user_speech stt llm:error", ORDER),
            Expected("user", "completed", ANSWERED, "Hello?", HERE, ttfa=1010),
        ),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1500),
            llm(1510, 2000, error="503"),
            user(3000, 3600),
            transcript(3800, "Hello?"),
            commit(4100),
            reply(4110, HERE, until=6000),
        ),
    ),
    Situation(
        "realtime",
        "One model hears and speaks; the words come when the answer is already heard.",
        (
            Expected(
                "user", "completed", "user_speech realtime agent_speech stt", ORDER, HERE, ttfa=600
            ),
        ),
        facts(
            user(0, 1200),
            commit(1500),
            realtime(1510, 2600, HERE),
            agent(1800, 4000),
            transcript(2000, ORDER),
        ),
    ),
    Situation(
        "realtime_late_words",
        "The words of the user come after a short answer has ended: they open no turn.",
        (
            Expected(
                "user", "completed", "user_speech realtime agent_speech stt", ORDER, HERE, ttfa=600
            ),
        ),
        facts(
            user(0, 1200),
            commit(1500),
            realtime(1510, 2000, HERE),
            agent(1800, 2500),
            transcript(3000, ORDER),
        ),
    ),
    Situation(
        "realtime_barge_in",
        "A speech-to-speech model is cut off.",
        (
            Expected(
                "user",
                "interrupted",
                "user_speech stt realtime agent_speech:interrupted",
                ORDER,
                events="barge_in",
                ttfa=600,
                barge_in=100,
            ),
            Expected(
                "user", "completed", "user_speech realtime stt agent_speech", "No.", "Oh.", ttfa=700
            ),
        ),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1500),
            realtime(1510, 2400, HERE),
            agent(1800, 3100, cut=True),
            user(3000, 3500),
            commit(3800),
            realtime(3810, 4400, "Oh."),
            transcript(4000, "No."),
            agent(4200, 5000),
        ),
    ),
    Situation(
        "overlap_answered_later",
        "Words said over the agent, who finishes, are answered afterwards: they open a turn at "
        "their onset.",
        (
            Expected("user", "completed", ANSWERED, ORDER, HERE, ttfa=1010),
            Expected("user", "completed", ANSWERED, "And the invoice?", "Sent.", ttfa=1710),
        ),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1700),
            reply(1710, HERE, until=4000),
            user(2800, 3800),
            transcript(4100, "And the invoice?"),
            commit(5000),
            reply(5010, "Sent.", until=7000),
        ),
    ),
    Situation(
        "overlap_answered_while_audible",
        "Words said over the agent are decided on and asked of the model while it still talks.",
        (
            Expected("user", "completed", ANSWERED, ORDER, HERE, ttfa=1010),
            Expected("user", "completed", ANSWERED, "And the invoice?", "Sent.", ttfa=1200),
        ),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1700),
            reply(1710, HERE, until=4900),
            user(2800, 3800),
            transcript(4000, "And the invoice?"),
            commit(4200),
            llm(4210, 4600),
            tts(4500, 4850, "Sent."),
            agent(5000, 7000),
        ),
    ),
    Situation(
        "long_pause",
        "The agent falls silent between two sentences while the next is being made: one turn.",
        (
            Expected(
                "user",
                "completed",
                "user_speech stt llm tts agent_speech tts agent_speech",
                ORDER,
                "It left. It arrives today.",
                ttfa=900,
            ),
        ),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1500),
            llm(1510, 6000),
            tts(1800, 2500, "It left."),
            agent(2100, 3500),
            tts(5900, 6400, "It arrives today."),
            agent(6200, 8000),
        ),
    ),
    Situation(
        "user_at_the_agents_end",
        "The user begins as the agent utters its last syllable: nobody was interrupted.",
        (
            Expected("user", "completed", ANSWERED, ORDER, HERE, ttfa=1010),
            Expected("user", "completed", ANSWERED, "Thanks.", "Bye.", ttfa=1010),
        ),
        facts(
            user(0, 1200),
            transcript(1400, ORDER),
            commit(1700),
            reply(1710, HERE, until=4000),
            user(3950, 4800),
            transcript(5000, "Thanks."),
            commit(5300),
            reply(5310, "Bye.", until=7000),
        ),
    ),
    Situation(
        "queued_utterances",
        "The agent says two things in a row, each under a key of its own: nothing is lost.",
        (Expected("agent", "completed", "tts agent_speech tts agent_speech", agent="One. Two."),),
        facts(
            tts(0, 300, "One.", key="a"),
            say(200, "agent_started_speaking", key="a"),
            tts(250, 500, "Two.", key="b"),
            say(1000, "agent_stopped_speaking"),
            say(1010, "agent_started_speaking", key="b"),
            say(2000, "agent_stopped_speaking"),
        ),
    ),
)

BY_NAME: dict[str, Situation] = {situation.name: situation for situation in SITUATIONS}

INTERLEAVED = ("barge_in", "tools")
"""Two calls of one process at the same time: each must be what it is alone."""
