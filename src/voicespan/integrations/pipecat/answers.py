"""The tokens, tool calls and usage of one model's answers in, facts on its present stage out."""

from __future__ import annotations

from typing import Any

from voicespan._guard import guarded
from voicespan.integrations.pipecat.services import Service
from voicespan.primitives.handles import StageHandle
from voicespan.primitives.records import Stage
from voicespan.primitives.session import Session

_NET_OF_CACHE = frozenset({"anthropic", "aws.bedrock"})
"""Providers whose prompt tokens Pipecat reports without the cached ones (`LLMTokenUsage`)."""


class Answers:
    """What every kind of model does: it answers in words or tool calls, and consumes tokens."""

    def __init__(self, session: Session) -> None:
        """Begin idle."""
        self._session = session
        self._request = StageHandle(None, "")
        self._text: list[str] = []
        self._calls: list[dict[str, Any]] = []

    @property
    def record(self) -> Stage | None:
        """The latest request, under way or over."""
        return self._request.record

    @property
    def is_open(self) -> bool:
        """Whether it is under way."""
        return self.record is not None and self.record.open

    def text(self, frame: Any) -> None:
        """A token of the answer."""
        if not self._text and not self._calls:
            self.first_token()
        self._text.append(frame.text)

    def first_token(self) -> None:
        """The answer has begun."""
        if self.is_open:
            self._request.mark("first_token")

    def called(self, call_id: str, name: str, arguments: Any) -> None:
        """The answer asks for a tool."""
        self._calls.append({"id": call_id, "name": name, "arguments": arguments})
        self.state()

    def state(self) -> None:
        """State the output so far; where speculation holds frames back, it comes after the end."""
        if not self._text and not self._calls:
            return
        message = {"role": "assistant", "content": "".join(self._text), "tool_calls": self._calls}
        reason = "tool_calls" if self._calls else "stop"
        answer = {**message, "finish_reason": reason}
        self._request.facts(output=[answer], finish_reasons=[reason])

    def fail(self, error: BaseException | str) -> None:
        """The request failed."""
        self._request.fail(error)

    def follow_usage(self, service: Service) -> None:
        """Learn what the service consumes; called whether or not metrics are enabled."""
        service.before("start_llm_usage_metrics", lambda tokens: self._consumed(service, tokens))

    def _begin(self, stage: StageHandle) -> None:
        self._request, self._text, self._calls = stage, [], []

    @guarded(None)
    def _consumed(self, service: Service, tokens: Any) -> None:
        cached = getattr(tokens, "cache_read_input_tokens", None)
        written = getattr(tokens, "cache_creation_input_tokens", None)
        net = service.provider in _NET_OF_CACHE
        self._request.usage(
            input_tokens=tokens.prompt_tokens + ((cached or 0) + (written or 0) if net else 0),
            output_tokens=tokens.completion_tokens,
            cache_read_tokens=cached,
            cache_write_tokens=written,
            reasoning_tokens=getattr(tokens, "reasoning_tokens", None),
            audio_input_tokens=getattr(tokens, "input_audio_tokens", None),
            audio_output_tokens=getattr(tokens, "output_audio_tokens", None),
            audio_cache_read_tokens=getattr(tokens, "cache_read_input_audio_tokens", None),
        )
