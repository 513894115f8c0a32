"""A frame type in, the handler for it out: the table of what means what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from voicespan.integrations.pipecat.caller import Caller
from voicespan.integrations.pipecat.model import Model
from voicespan.integrations.pipecat.pipeline import Pipeline
from voicespan.integrations.pipecat.playout import Playout
from voicespan.integrations.pipecat.services import OUTPUT, REALTIME, TTS, Service
from voicespan.integrations.pipecat.synthesis import Synthesis

_OUTPUT = frozenset({OUTPUT})
_TTS = frozenset({TTS})
_AUDIBLE = frozenset({OUTPUT, REALTIME, TTS})

Call = Callable[[Any, Any, Service], None]


@dataclass(frozen=True, slots=True)
class Handler:
    """What to do with a frame.

    `side`: of the call (None: the whole); `roles`: whose push counts; `downstream`: not
    the copy going up; `once`: not again when a processor passes it on.
    """

    side: str | None
    call: Call
    roles: frozenset[str] | None = None
    downstream: bool = True
    once: bool = True

    def __call__(self, pipeline: Pipeline, frame: Any, service: Service) -> None:
        """Hand a frame over."""
        self.call(getattr(pipeline, self.side) if self.side else pipeline, frame, service)


HANDLERS = {
    "VADUserStartedSpeakingFrame": Handler("caller", Caller.voice_started),
    "VADUserStoppedSpeakingFrame": Handler("caller", Caller.voice_stopped),
    "UserStartedSpeakingFrame": Handler("caller", Caller.turn_started),
    "UserStoppedSpeakingFrame": Handler("caller", Caller.turn_stopped),
    "LLMContextUserTurnFrame": Handler("caller", Caller.committed),
    "InterimTranscriptionFrame": Handler("caller", Caller.transcribed, downstream=False),
    "TranscriptionFrame": Handler("caller", Caller.transcribed, downstream=False),
    "UserMuteStartedFrame": Handler("caller", Caller.muted),
    "UserMuteStoppedFrame": Handler("caller", Caller.unmuted),
    "MetricsFrame": Handler("caller", Caller.metrics),
    "LLMFullResponseStartFrame": Handler(None, Pipeline.response_started),
    "LLMFullResponseEndFrame": Handler(None, Pipeline.response_ended),
    "LLMTextFrame": Handler(None, Pipeline.text),
    "EagerEndOfTurnCancelFrame": Handler("model", Model.dropped, downstream=False),
    "FunctionCallResultFrame": Handler(None, Pipeline.tool_result),
    "TTSAudioRawFrame": Handler(None, Pipeline.audio, roles=_AUDIBLE, downstream=False, once=False),
    "OutputAudioRawFrame": Handler(
        "playout", Playout.played, roles=_OUTPUT, downstream=False, once=False
    ),
    "TTSStoppedFrame": Handler("synthesis", Synthesis.stopped, roles=_TTS),
    "TTSTextFrame": Handler("playout", Playout.spoken, roles=_OUTPUT),
    "BotStartedSpeakingFrame": Handler(None, Pipeline.bot_started, roles=_OUTPUT),
    "BotStoppedSpeakingFrame": Handler(None, Pipeline.bot_stopped, roles=_OUTPUT),
    "InterruptionFrame": Handler(None, Pipeline.interrupted),
    "ErrorFrame": Handler(None, Pipeline.failed, downstream=False),
    "CancelFrame": Handler(None, Pipeline.cancelled),
    "StartFrame": Handler(None, Pipeline.started, once=False),
}
"""Frame class → handler; a subclass is handled as the first of these along its MRO."""


def handler_for(kind: type) -> Handler | None:
    """Return the handler of a frame type, None if it means nothing to us."""
    for base in kind.__mro__:
        if (handler := HANDLERS.get(base.__name__)) is not None:
            return handler
    return None
