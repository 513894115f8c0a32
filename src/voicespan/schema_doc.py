"""Schema v1 in, `docs/schema.md` out: what to emit, for people and for other languages.

`python -m voicespan.schema_doc` prints the page.
"""

import sys
from collections.abc import Iterable, Iterator

from voicespan import attributes as a
from voicespan.schema import EVENTS, METRICS, SCHEMA, Attribute

_EVERYWHERE = frozenset(a.SPANS)
_IN_TURN = _EVERYWHERE - {a.KIND_SESSION}

_HEAD = f"""\
<!-- Generated: python -m voicespan.schema_doc > docs/schema.md -->

# Schema v{a.SCHEMA_VERSION}

What voicespan emits, and what a bridge in another language emits to be understood in the same
places. Spans have the instrumentation scope `{a.SCOPE_NAME}`. Types are OpenTelemetry's and
strict: a `double` is never sent as an integer, token counts are never sent as doubles. Durations
are seconds. A fact that is not known is an absent attribute, never zero and never a guess.

**Privacy**: `content` is what people said, and leaves the process masked or not at all;
`identifier` points at a person or a call; `none` is neither.
**Source**: `convention` is OpenTelemetry's, agreed or openly proposed; `voice` is ours.
"""

_IDS = f"""\
## Traces, ids and links

* **One trace per turn** (default): each turn is the root of its own trace; the session is a small
  trace of its own. All other spans are children of their turn; spans that other code opens inside
  a tool or model call are children of that call. With `trace_per="session"` the session is the
  root of one trace and the parent of its turns.
* **Links** carry `{a.VOICE_LINK_KIND}`: a turn links to its session's span (`{a.LINK_SESSION}`) and
  to the turn before it (`{a.LINK_PREVIOUS_TURN}`); the session links to its turns (`{a.LINK_TURN}`,
  a bounded number of them).
* **Trace ids**: with a carrier's call SID known at the start, the session's trace id is the first
  16 bytes of SHA-256 of the SID in UTF-8; otherwise random. A turn's trace id has 64 random high
  bits and the session's low 64 bits, so that a sampler by ratio keeps or drops a call whole. A SID
  learnt later is only the attribute `{a.VOICE_CALL_SID}`.
* `{a.SESSION_ID}` and `{a.GEN_AI_CONVERSATION_ID}` have the same value on every span of a call.
* `{a.GEN_AI_USAGE_COST}` stands on the provider call that caused it and nowhere else;
  `{a.VOICE_TURN_COST}` and `{a.VOICE_SESSION_COST}` are sums of it. Without a price there is
  `{a.VOICE_COST_UNPRICED}` and no number.
* Token totals are inclusive: cached, reasoning and per-modality counts are parts of
  `{a.GEN_AI_USAGE_INPUT_TOKENS}` and `{a.GEN_AI_USAGE_OUTPUT_TOKENS}`.
* The parts `voice.turn.ttfa.*` sum to `{a.VOICE_TURN_TIME_TO_FIRST_AUDIO}`, exactly in nanoseconds.
* Messages are JSON strings: `[{{"role": "user", "parts": [{{"type": "text", "content": "…"}}]}}]`.
* Attributes the application sets itself (tenant, prompt version, …) stand beside these.
"""

_OWN_WORDS = """\
Any other kind is the application's own word: an `INTERNAL` span named after its kind, with the
attributes of a generic stage such as `nlu`.
"""


def page() -> str:
    """Return the whole page as markdown."""
    return "\n".join([_HEAD, *_spans(), _IDS, *_attributes(), *_events(), *_metrics()])


def _spans() -> Iterator[str]:
    yield "## Spans\n"
    yield _table(
        ("span name", a.VOICE_SPAN_KIND, "OTel kind", a.GEN_AI_OPERATION_NAME, "bounds"),
        (
            (f"`{it.name}`", f"`{kind}`", it.otel_kind, _code(it.operation), it.bounds)
            for kind, it in a.SPANS.items()
        ),
    )
    yield "Where the model or tool is not known, the name is its first word.\n"
    yield _OWN_WORDS


def _attributes() -> Iterator[str]:
    yield "## Attributes\n\n### Every span\n"
    yield _rows(row for row in SCHEMA.values() if row.kinds in (_EVERYWHERE, _IN_TURN))
    yield f"`{a.VOICE_TURN_NUMBER}` is on every span but the session's.\n"
    for rows, kinds in _kinds_by_rows().items():
        yield f"### {_codes(kinds)}\n"
        yield _rows(rows)
    yield "### On events, links and metrics only\n"
    yield _rows(row for row in SCHEMA.values() if not row.kinds)


def _kinds_by_rows() -> dict[tuple[Attribute, ...], list[str]]:
    """Group kinds with the same attributes: all generic stages are one section."""
    found: dict[tuple[Attribute, ...], list[str]] = {}
    special = [row for row in SCHEMA.values() if row.kinds not in (_EVERYWHERE, _IN_TURN)]
    for kind in a.SPANS:
        found.setdefault(tuple(row for row in special if kind in row.kinds), []).append(kind)
    return found


def _events() -> Iterator[str]:
    yield "## Events\n"
    yield _table(
        ("event", "on", "attributes", "description"),
        (
            (f"`{it.name}`", _kinds(it.kinds), _codes(it.attributes), it.description)
            for it in EVENTS.values()
        ),
    )
    yield (
        f"Events named `{a.EVENT_GUARDRAIL_PREFIX}<name>` and other names are the application's"
        " own, with attributes of its own.\n"
    )


def _metrics() -> Iterator[str]:
    yield "## Metrics\n"
    yield _table(
        ("metric", "instrument", "unit", "attributes", "description"),
        (
            (f"`{it.name}`", it.instrument, f"`{it.unit}`", _codes(it.attributes), it.description)
            for it in METRICS.values()
        ),
    )


def _rows(rows: Iterable[Attribute]) -> str:
    return _table(
        ("attribute", "type", "unit", "privacy", "source", "description"),
        ((f"`{it.name}`", it.type, it.unit, it.privacy, it.source, it.description) for it in rows),
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _code(word: str | None) -> str:
    return f"`{word}`" if word else "-"


def _codes(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words) or "-"


def _kinds(kinds: frozenset[str]) -> str:
    if kinds == _EVERYWHERE:
        return "every span"
    return _codes(kind for kind in a.SPANS if kind in kinds)


if __name__ == "__main__":
    sys.stdout.buffer.write(page().encode())
