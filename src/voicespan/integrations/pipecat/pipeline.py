"""What happens in a pipeline in, told to the side of the call it belongs to."""

from __future__ import annotations

import time
from typing import Any

from voicespan.attributes import EVENT_EXCEPTION, KIND_STT
from voicespan.integrations.pipecat.caller import Caller
from voicespan.integrations.pipecat.model import Model
from voicespan.integrations.pipecat.playout import Playout
from voicespan.integrations.pipecat.realtime import Realtime
from voicespan.integrations.pipecat.services import (
    INPUT,
    LLM,
    OUTPUT,
    REALTIME,
    STT,
    TTS,
    Service,
)
from voicespan.integrations.pipecat.synthesis import Synthesis
from voicespan.integrations.pipecat.tools import Tools
from voicespan.primitives.records import exception_event
from voicespan.primitives.session import Session

_TRANSPORTS = {
    "daily": "webrtc",
    "livekit": "webrtc",
    "smallwebrtc": "webrtc",
    "websocket": "websocket",
    "local": "local",
    "whatsapp": "whatsapp",
}
"""Pipecat's `pipecat.transports.<package>` → what `voice.transport.kind` says."""


class Pipeline:
    """Routes what happens in a pipeline to the caller, a model, its tools or the voice."""

    def __init__(self, session: Session) -> None:
        """Begin a call."""
        self._session = session
        self.model = Model(session)
        self.realtime = Realtime(session)
        self.tools = Tools(session, self._called)
        self.caller = Caller(session, self.realtime.asked)
        self.synthesis = Synthesis(session)
        self.playout = Playout(session)
        self.is_over = False
        self._was_cut = False
        self._has_voice = False

    def adopt(self, processor: Any) -> Service:
        """Take note of a processor seen for the first time: when it passes `StartFrame` on."""
        service = Service(processor)
        self._has_voice |= service.role in (TTS, REALTIME)
        for side in (self.caller, self.model, self.realtime, self.tools, self.synthesis):
            side.adopt(service)
        if service.role in (INPUT, OUTPUT) and self._session.identity.transport is None:
            self._session.identify(transport=_transport(processor))
        return service

    def started(self, frame: Any, service: Service) -> None:
        """The pipeline starts: every processor passes this on, and is adopted by being seen."""

    def text(self, frame: Any, service: Service) -> None:
        """A token of an answer."""
        if service.role == LLM:
            self.model.text(frame)
        elif service.role == REALTIME:
            self.realtime.text(frame)

    def response_started(self, frame: Any, service: Service) -> None:
        """A realtime model began to answer; other models' requests are seen where they run."""
        if service.role == REALTIME:
            self.playout.response_started()
            self.realtime.started(service)

    def response_ended(self, frame: Any, service: Service) -> None:
        """A model has answered."""
        if service.role == REALTIME:
            self.realtime.ended()
        elif service.role == LLM:
            self.model.answered()

    def tool_result(self, frame: Any, service: Service) -> None:
        """A tool returned: a realtime model has something to answer."""
        if self.tools.result(frame):
            self.realtime.asked(time.monotonic())

    def audio(self, frame: Any, service: Service) -> None:
        """Agent audio, on its way through the pipeline."""
        if service.role == OUTPUT:
            self.playout.played(frame, service)
        elif service.role == REALTIME:
            self.realtime.first_token()
            self._was_cut = self._was_cut and not self.realtime.is_open
        else:
            self._was_cut = self._was_cut and self.synthesis.was_cut(frame)
            self.synthesis.audio(frame)

    def bot_started(self, frame: Any, service: Service) -> None:
        """The caller begins to hear something: no answer if it is only what was left of a cut one.

        Pipecat plays a chunk that was on its way between synthesiser and transport when the user
        cut in, and says that the bot has started; it does not say that it has stopped (1.14).
        """
        if not self._was_cut:
            self.playout.started(frame, service)

    def bot_stopped(self, frame: Any, service: Service) -> None:
        """The caller hears nothing more."""
        self.playout.stopped(self.synthesis.take_made())

    def interrupted(self, frame: Any, service: Service) -> None:
        """The user's turn began; Pipecat says so at every turn, not only at a barge-in."""
        self._was_cut = self._has_voice
        self.playout.interrupted()
        self.synthesis.interrupted()
        self.realtime.interrupted()

    def failed(self, frame: Any, service: Service) -> None:
        """A service, a tool or some other processor reported a failure."""
        message, error = str(frame.error), getattr(frame, "exception", None) or str(frame.error)
        if self.tools.failed(message, error):
            return
        if service.role == TTS:
            self.synthesis.failed(error)
        elif service.role == REALTIME:
            self.realtime.failed(service, error)
        elif service.role == LLM:
            self.model.fail(error)
        elif service.role == STT and self._session.current_turn is not None:
            self._session.stage(KIND_STT, **service.facts()).fail(error)
        else:
            self._session.event(EVENT_EXCEPTION, exception_event(error, 0).attributes)

    def cancelled(self, frame: Any, service: Service) -> None:
        """The pipeline is torn down at once: nobody hears anything from here on."""
        self.over("cancelled")

    def over(self, reason: str | None = None) -> None:
        """The call is over."""
        if not self.is_over:
            self.playout.over(self.synthesis.take_made())
            self.is_over = True
            if reason is not None:
                self._session.end(reason)

    def _called(self, service: Service, item: Any) -> None:
        if service.role == LLM:  # a realtime service has said so before
            self.model.called(item.tool_call_id, item.function_name, item.arguments)


def _transport(processor: Any) -> str | None:
    for base in type(processor).__mro__:
        _, _, package = base.__module__.partition("pipecat.transports.")
        if kind := _TRANSPORTS.get(package.partition(".")[0]):
            return kind
    return None
