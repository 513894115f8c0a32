"""A call's identity in, its trace and span ids out: fixed by the Call SID, or drawn once."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry.sdk.trace.id_generator import IdGenerator

_LOW = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class SessionIds:
    """The trace id and span id of a session's span."""

    trace_id: int
    span_id: int


def trace_id_of(call_sid: str) -> str:
    """Return the trace id (32 hex digits) of the session of a call: `sha256(sid)[:16]`."""
    return format(ids_of(call_sid).trace_id, "032x")


def ids_of(call_sid: str | None) -> SessionIds:
    """Return a session's ids: from its Call SID, so that any process can name them, or drawn."""
    if call_sid is None:
        return SessionIds(_draw(128), _draw(64))
    digest = hashlib.sha256(call_sid.encode("utf-8", "surrogatepass")).digest()
    return SessionIds(int.from_bytes(digest[:16]), int.from_bytes(digest[16:24]))


def turn_trace_id(session_trace_id: int) -> int:
    """Return a new trace id with the session's low 64 bits.

    Ratio samplers decide by those (`TraceIdRatioBased`), so a call is kept or dropped whole.
    """
    return _draw(64) << 64 | (session_trace_id & _LOW)


def bucket_of(session_id: str) -> int:
    """Return 0 to 99 by hash of the session, for samplers that have only attributes to go by."""
    digest = hashlib.sha256(session_id.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8]) % 100


class CallIds(IdGenerator):
    """An id generator for our own scope: hands out reserved ids, random ones otherwise."""

    def __init__(self) -> None:
        """Begin with nothing reserved."""
        self._reserved = threading.local()

    @contextmanager
    def reserve(self, trace_id: int, span_id: int | None = None) -> Iterator[None]:
        """Give the root span started within this block, on this thread, these ids."""
        self._reserved.ids = (trace_id, span_id)
        try:
            yield
        finally:
            self._reserved.ids = (None, None)

    def generate_trace_id(self) -> int:
        """Return the reserved trace id, else a random one."""
        return getattr(self._reserved, "ids", (None, None))[0] or _draw(128)

    def generate_span_id(self) -> int:
        """Return the reserved span id, else a random one."""
        return getattr(self._reserved, "ids", (None, None))[1] or _draw(64)

    def is_trace_id_random(self) -> bool:
        """Return True: also ids made from a Call SID are evenly spread."""
        return True


def _draw(bits: int) -> int:
    while True:
        if drawn := random.getrandbits(bits):  # the module's own generator is seeded anew by fork
            return drawn
