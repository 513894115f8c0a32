"""Anything an application may say in, a value OpenTelemetry accepts out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from opentelemetry.util.types import AttributeValue

MAX_MEDIA = 128
"""Characters kept of what is not text in a message: the beginning of a data URL tells its type."""

Convert = Callable[[Any], AttributeValue | None]


def scalar(value: object) -> AttributeValue | None:
    """Return a custom attribute's value: scalars and lists of them as they are, else JSON."""
    if isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, list | tuple) and value and _same_scalars(value):
        return list(value)
    return None if value is None else as_json(value)


def as_text(value: object) -> str:
    """Return text as it is, everything else as JSON."""
    return value if isinstance(value, str) else as_json(value)


def as_json(value: object) -> str:
    """Return JSON; what has no JSON form is written as its `str`."""
    return json.dumps(value, ensure_ascii=False, default=str)


def as_strings(value: str | Iterable[object]) -> Sequence[str]:
    """Return a list of strings from one string or several."""
    return [value] if isinstance(value, str) else [str(item) for item in value]


def messages(value: object, role: str, *, output: bool = False) -> str | None:
    """Return the convention's message list as a JSON string, from messages or plain text.

    Shape: `[{"role": …, "parts": [{"type": "text", "content": …}]}]`, `output` messages with a
    `finish_reason`; what has parts already is kept. Source: OpenTelemetry semantic conventions
    for GenAI, `gen_ai.input.messages` and `gen_ai.output.messages`.
    """
    said = list(value) if isinstance(value, list | tuple) else [value]
    said = [item for item in said if item is not None and item != ""]
    return as_json([_message(item, role, output=output) for item in said]) if said else None


def _message(item: object, role: str, *, output: bool) -> dict[str, Any]:
    if not isinstance(item, dict):
        item = {"content": item}
    role = str(item.get("role", role))
    parts = item.get("parts") or [*_content(item, role), *map(_tool_call, _calls(item))]
    reason = item.get("finish_reason") or ("stop" if output else None)
    return {"role": role, "parts": parts} | ({"finish_reason": reason} if reason else {})


def _content(item: dict[str, Any], role: str) -> list[dict[str, Any]]:
    content = item.get("content")
    if content is None or content == "":
        return []
    if role == "tool":
        return [{"type": "tool_call_response", "id": item.get("tool_call_id"), "response": content}]
    if isinstance(content, list):
        return [part if isinstance(part, dict) else _text(part) for part in map(_flat, content)]
    return [_text(content)]


def _flat(part: object) -> object:
    """Turn OpenAI's `{"type": "text", "text": …}` into the convention's part; cut media short."""
    if not isinstance(part, dict):
        return part
    if part.get("type") == "text" and "text" in part:
        return _text(part["text"])
    return {key: _light(value) for key, value in part.items()}


def _light(value: object) -> object:
    """Keep what is said, not the bytes of an image or of audio."""
    if isinstance(value, dict):
        return {key: _light(inner) for key, inner in value.items()}
    if isinstance(value, str) and len(value) > MAX_MEDIA:
        return f"{value[:MAX_MEDIA]}… ({len(value)} characters)"
    return value


def _text(content: object) -> dict[str, Any]:
    return {"type": "text", "content": as_text(content)}


def _calls(item: dict[str, Any]) -> list[dict[str, Any]]:
    calls = item.get("tool_calls")
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []


def _tool_call(call: dict[str, Any]) -> dict[str, Any]:
    function = call.get("function") or call
    name, arguments = function.get("name"), function.get("arguments")
    return {"type": "tool_call", "id": call.get("id"), "name": name, "arguments": arguments}


def _same_scalars(values: Sequence[Any]) -> bool:
    kind = type(values[0])
    return kind in (str, bool, int, float) and all(type(value) is kind for value in values)
