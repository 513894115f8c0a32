"""What a speech-to-speech service tells of its responses in, `realtime` stages out.

Such a service is seldom asked outright: it answers what it hears. A generation therefore begins
when there was something to answer: the turn decision, a tool's result, or a request after all.
"""

from __future__ import annotations

import time
from typing import Any

from voicespan.attributes import KIND_REALTIME
from voicespan.integrations.instants import epoch_of
from voicespan.integrations.pipecat.answers import Answers
from voicespan.integrations.pipecat.services import REALTIME, Service
from voicespan.primitives.session import Session

_REQUESTS = ("_create_response", "_create_initial_response", "_create_single_response")
"""How realtime services ask for an answer outright: OpenAI and its like, Gemini; 0.0.105 → 1.14."""
_RESPONSE_CREATED = "_handle_evt_response_created"
"""Where OpenAI begins a response; 1.14, before that the first audio tells."""
_RESPONSE_DONE = "_handle_evt_response_done"
"""Where OpenAI and its like end a response, with a status no frame carries; 0.0.105 → 1.14."""
_CALLED = "run_function_calls"
"""Where every service hands over what it wants called; a response may end before they run."""

_PATIENCE = 10.0
"""An answer that comes this many seconds after what was asked answers something else."""


class Realtime(Answers):
    """A model that hears and speaks."""

    def __init__(self, session: Session) -> None:
        """Begin idle."""
        super().__init__(session)
        self._asked_at: float | None = None
        self._called_at: float | None = None
        self._tells_end = False

    def adopt(self, service: Service) -> None:
        """Wrap what tells of responses that no frame tells of."""
        if service.role != REALTIME:
            return
        self.follow_usage(service)
        self._tells_end = hasattr(service.processor, _RESPONSE_DONE)
        for name in _REQUESTS:
            service.before(name, lambda *_: self.asked(time.monotonic()))
        service.before(_RESPONSE_CREATED, lambda _: self.started(service))
        service.before(_RESPONSE_DONE, lambda event: self._done(service, event.response))
        service.before(_CALLED, lambda calls: self._asked_for(service, calls))

    def asked(self, at: float) -> None:
        """There is something to answer since this instant: the user is done, or a tool is."""
        self._asked_at = at

    def started(self, service: Service) -> None:
        """The model began to answer: since it was asked, not since it says so."""
        if self._is_generating():
            return
        if self.is_open:
            called = self._called_at
            at = None if called is None else epoch_of(called)
            self._request.stop(final=False, at=at)  # it went on after its tool call
        asked, self._asked_at = self._asked_at, None
        recent = asked is not None and time.monotonic() - asked <= _PATIENCE
        at = epoch_of(asked) if asked is not None and recent else None
        self._begin(self._session.stage(KIND_REALTIME, at=at, **service.facts()))

    def ended(self) -> None:
        """It has answered; its usage may follow."""
        self.state()
        self._request.stop(final=self.record is None or "output_tokens" in self.record.facts)

    def interrupted(self) -> None:
        """The answer is cut; its usage comes when the provider has noticed, too."""
        if self.is_open:
            self._request.interrupt(final=False)

    def failed(self, service: Service, error: BaseException | str) -> None:
        """The answer failed, or what would have been one."""
        if not self.is_open and self._asked_at is not None:
            self.started(service)
        if self.is_open:
            self.fail(error)

    def _is_generating(self) -> bool:
        record = self.record
        if record is None:
            return False
        if self._tells_end or self._asked_at is None:  # else: asked again, and has gone on
            unnoticed = record.outcome == "interrupted" and not record.final
            return record.open or (unnoticed and not record.settled)
        return record.open and not self._calls

    def _done(self, service: Service, response: Any) -> None:
        """Take note of how it ended before Pipecat ends it, which it does in any case."""
        if self._asked_at is not None:
            self.started(service)  # nothing was heard of it before
        if self.record is not None:
            self._request.facts(response_id=response.id)
        if response.status == "cancelled":
            self.interrupted()
        elif response.status == "failed":
            error = (response.status_details or {}).get("error") or {}
            self.fail(error.get("message") or "Response failed")

    def _asked_for(self, service: Service, calls: Any) -> None:
        self.started(service)  # a response may be nothing but the calls
        self._called_at = time.monotonic()
        for call in calls:
            self.called(call.tool_call_id, call.function_name, call.arguments)

    def _consumed(self, service: Service, tokens: Any) -> None:
        super()._consumed(service, tokens)
        if self.record is not None and not self.record.open:
            self._request.stop()  # that was all there was to come
