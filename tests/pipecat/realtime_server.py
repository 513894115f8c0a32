"""A script and real caller audio in; OpenAI's realtime protocol on a loopback websocket, out.

The server hears: its voice activity detection works on the audio it is sent, its times are
positions in that audio, and `audio_start_ms` and `audio_end_ms` contain the prefix and the silence
of the session, as the provider documents. It speaks faster than real time, as the provider does,
and cancels its response when the caller talks over it. Whatever it is told is kept in `received`.
"""

import asyncio
import base64
import json
from collections import deque
from collections.abc import AsyncGenerator, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from voicespan.demo.pipecat_services import tone, voiced
from voicespan.demo.truth import Instant

RATE = 24_000
CHUNK_SECONDS = 0.1
ONSET_WINDOWS = 2
PREFIX_MS = 300
SILENCE_MS = 500

Event = dict[str, Any]

USAGE: Event = {
    "total_tokens": 240,
    "input_tokens": 180,
    "output_tokens": 60,
    "input_token_details": {
        "text_tokens": 100,
        "audio_tokens": 80,
        "cached_tokens": 64,
        "cached_tokens_details": {"text_tokens": 40, "audio_tokens": 24},
    },
    "output_token_details": {"text_tokens": 20, "audio_tokens": 40},
}


@dataclass(frozen=True)
class Heard:
    """What transcription makes of one utterance, `delay` seconds after it was committed."""

    text: str
    delay: float = 0.1
    interim: tuple[str, ...] = ()


@dataclass(frozen=True)
class Calls:
    """One function call the model asks for."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    call_id: str = "call_1"


@dataclass(frozen=True)
class Reply:
    """One response; `think`: seconds to the first audio; `pace`: seconds of audio per second.

    `done_after`: seconds from the last audio to `response.done`, which has the usage. `failed`
    ends the response as failed, `error` sends an error event instead of a response.
    """

    words: tuple[str, ...] = ()
    seconds: float = 0.0
    calls: tuple[Calls, ...] = ()
    think: float = 0.3
    pace: float = 4.0
    done_after: float = 0.0
    usage: Event | None = field(default_factory=lambda: USAGE)
    failed: str | None = None
    error: str | None = None

    @property
    def text(self) -> str:
        """All that is said."""
        return "".join(self.words)


class Detector:
    """Finds speech in a stream of audio, by loudness; positions in milliseconds of audio heard."""

    def __init__(self, rate: int) -> None:
        self.heard = 0
        self._size = rate // 50 * 2
        self._rest = b""
        self._loud = 0
        self._quiet = 0
        self._speaking = False

    def hear(self, pcm: bytes, silence_ms: int) -> list[tuple[str, int]]:
        """Take in audio; returns `("started", onset)` and `("stopped", end)`: true positions."""
        self._rest += pcm
        found = []
        while len(self._rest) >= self._size:
            window, self._rest = self._rest[: self._size], self._rest[self._size :]
            self.heard += 20
            found += self._window(voiced(window), silence_ms)
        return found

    def _window(self, loud: bool, silence_ms: int) -> list[tuple[str, int]]:
        self._loud, self._quiet = (self._loud + 1, 0) if loud else (0, self._quiet + 1)
        if not self._speaking and self._loud == ONSET_WINDOWS:
            self._speaking = True
            return [("started", self.heard - 20 * ONSET_WINDOWS)]
        if self._speaking and self._quiet * 20 >= silence_ms:
            self._speaking = False
            return [("stopped", self.heard - 20 * self._quiet)]
        return []


class Provider:
    """A scripted provider, for one call. `sent` and `received` are `(when, event)` in order."""

    def __init__(self, heard: Iterable[Heard] = (), replies: Iterable[Reply] = ()) -> None:
        self.sent: list[tuple[Instant, Event]] = []
        self.received: list[tuple[Instant, Event]] = []
        self.url = ""
        self._heard = deque(heard)
        self._replies = deque(replies)
        self._connection: ServerConnection | None = None
        self._response: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator["Provider"]:
        """Serve on a free port of this machine."""
        async with serve(self._serve, "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            self.url = f"ws://127.0.0.1:{port}/v1/realtime"
            yield self
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, connection: ServerConnection) -> None:
        raise NotImplementedError

    async def _reply(self, reply: Reply) -> None:
        raise NotImplementedError

    async def _put(self, event: Event) -> None:
        self.sent.append((Instant.now(), event))
        if self._connection is not None:
            with suppress(ConnectionClosed):
                await self._connection.send(json.dumps(event))

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _respond(self) -> None:
        if not self._replies:
            raise LookupError("the provider was asked more often than its script answers")
        self._response = self._start(self._reply(self._replies.popleft()))

    async def _stop_responding(self) -> bool:
        """Cut the response under way; False if there is none."""
        response, self._response = self._response, None
        if response is None or response.done():
            return False
        response.cancel()
        await asyncio.gather(response, return_exceptions=True)
        return True


class RealtimeServer(Provider):
    """OpenAI."""

    def __init__(self, heard: Iterable[Heard] = (), replies: Iterable[Reply] = ()) -> None:
        super().__init__(heard, replies)
        self._detector = Detector(RATE)
        self._detection: Event | None = {}
        self._transcribes = False
        self._item = ""
        self._responding = ""
        self._ids = count(1)

    def times(self, kind: str) -> list[Instant]:
        """When events of this type were sent."""
        return [at for at, event in self.sent if event["type"] == kind]

    def told(self, kind: str) -> list[Event]:
        """The events of this type that were received."""
        return [event for _, event in self.received if event["type"] == kind]

    # --- the connection --------------------------------------------------------------------------

    async def _serve(self, connection: ServerConnection) -> None:
        self._connection = connection
        await self._send("session.created", session=self._session({}))
        with suppress(ConnectionClosed):
            async for message in connection:
                event = json.loads(message)
                if event["type"] != "input_audio_buffer.append":
                    self.received.append((Instant.now(), event))
                await self._told(event)

    async def _told(self, event: Event) -> None:
        match event["type"]:
            case "session.update":
                await self._update(event["session"])
            case "input_audio_buffer.append":
                await self._hear(base64.b64decode(event["audio"]))
            case "input_audio_buffer.commit":
                await self._commit(self._id("item"))
            case "response.create":
                self._respond()
            case "response.cancel":
                await self._cancel("client_cancelled")
            case "conversation.item.create":
                await self._send("conversation.item.added", item=event["item"])
                await self._send("conversation.item.done", item=event["item"])
            case "conversation.item.truncate":
                await self._send("conversation.item.truncated", **_only(event, _TRUNCATED))

    async def _update(self, session: Event) -> None:
        audio = session.get("audio", {}).get("input", {})
        asked = audio.get("turn_detection", {})
        self._detection = None if asked is False else asked
        self._transcribes = "transcription" in audio
        await self._send("session.updated", session=self._session(session))

    def _session(self, asked: Event) -> Event:
        """The session in force: what was asked for, with the provider's own defaults."""
        if self._detection is None:
            return {"type": "realtime", "model": asked.get("model")}
        return {
            "type": "realtime",
            "model": asked.get("model"),
            "audio": {"input": {"turn_detection": self._defaults() | self._detection}},
        }

    def _defaults(self) -> Event:
        return {
            "type": "server_vad",
            "prefix_padding_ms": PREFIX_MS,
            "silence_duration_ms": SILENCE_MS,
        }

    async def _send(self, kind: str, **fields: Any) -> None:
        await self._put({"type": kind, "event_id": self._id("event"), **fields})

    def _id(self, what: str) -> str:
        return f"{what}_{next(self._ids)}"

    # --- listening -------------------------------------------------------------------------------

    async def _hear(self, pcm: bytes) -> None:
        if self._detection is None:
            return
        detection = self._defaults() | self._detection
        silence = detection["silence_duration_ms"]
        for what, at in self._detector.hear(pcm, silence):
            if what == "started":
                self._item = self._id("item")
                start = max(0, at - detection["prefix_padding_ms"])
                await self._speech("started", audio_start_ms=start)
                await self._cancel("turn_detected")
            else:
                await self._speech("stopped", audio_end_ms=at + silence)
                await self._commit(self._item)
                self._respond()

    async def _speech(self, what: str, **position: int) -> None:
        await self._send(f"input_audio_buffer.speech_{what}", item_id=self._item, **position)

    async def _commit(self, item: str) -> None:
        await self._send("input_audio_buffer.committed", item_id=item)
        content = [{"type": "input_audio"}]
        said = {"id": item, "type": "message", "role": "user", "content": content}
        await self._send("conversation.item.added", item=said)
        heard = self._heard.popleft() if self._heard else Heard("")
        if self._transcribes and heard.text:
            self._start(self._transcribe(item, heard))

    async def _transcribe(self, item: str, heard: Heard) -> None:
        kind = "conversation.item.input_audio_transcription"
        of = {"item_id": item, "content_index": 0}
        await asyncio.sleep(heard.delay)
        for delta in heard.interim:
            await self._send(f"{kind}.delta", **of, delta=delta)
        await self._send(f"{kind}.completed", **of, transcript=heard.text)

    # --- speaking --------------------------------------------------------------------------------

    async def _cancel(self, reason: str) -> None:
        if await self._stop_responding():
            details = {"type": "cancelled", "reason": reason}
            response = _response(self._responding, "cancelled", USAGE, details)
            await self._send("response.done", response=response)
        elif reason == "client_cancelled":
            code = "response_cancel_not_active"
            problem = {"type": "invalid_request_error", "code": code, "message": "no response"}
            await self._send("error", error=problem)

    async def _reply(self, reply: Reply) -> None:
        if reply.error is not None:
            await asyncio.sleep(reply.think)
            problem = {"type": "server_error", "code": "server_error", "message": reply.error}
            await self._send("error", error=problem)
            return
        response = self._responding = self._id("resp")
        await self._send("response.created", response=_response(response, "in_progress", None))
        if reply.words:
            await self._speak(reply, response)
        else:
            await asyncio.sleep(reply.think)
        for call in reply.calls:
            await self._call(call, response)
        await asyncio.sleep(reply.done_after)
        await self._send("response.done", response=_done(reply, response))

    async def _speak(self, reply: Reply, response: str) -> None:
        item = self._id("item")
        part = {"response_id": response, "item_id": item, "output_index": 0, "content_index": 0}
        said = {"id": item, "type": "message", "role": "assistant", "content": []}
        await asyncio.sleep(reply.think * 0.7)
        await self._send("conversation.item.added", item=said)
        await asyncio.sleep(reply.think * 0.3)
        words, pcm = deque(reply.words), tone(reply.seconds, RATE)
        size = round(CHUNK_SECONDS * RATE) * 2
        chunks = [pcm[start : start + size] for start in range(0, len(pcm), size)]
        per_chunk = -(-len(words) // len(chunks))
        due = asyncio.get_running_loop().time()
        for chunk in chunks:
            for _ in range(min(per_chunk, len(words))):
                delta = words.popleft()
                await self._send("response.output_audio_transcript.delta", **part, delta=delta)
            encoded = base64.b64encode(chunk).decode()
            await self._send("response.output_audio.delta", **part, delta=encoded)
            due += CHUNK_SECONDS / reply.pace
            await asyncio.sleep(due - asyncio.get_running_loop().time())
        await self._send("response.output_audio.done", **part)
        transcript = reply.text
        await self._send("response.output_audio_transcript.done", **part, transcript=transcript)
        await self._send("conversation.item.done", item=said)

    async def _call(self, call: Calls, response: str) -> None:
        item, arguments = self._id("item"), json.dumps(call.arguments)
        asked = {"id": item, "type": "function_call", "call_id": call.call_id, "name": call.name}
        await self._send("conversation.item.added", item={**asked, "arguments": ""})
        at = {"response_id": response, "item_id": item, "output_index": 0, "call_id": call.call_id}
        kind = "response.function_call_arguments"
        await self._send(f"{kind}.delta", **at, delta=arguments)
        await self._send(f"{kind}.done", **at, arguments=arguments)


_TRUNCATED = ("item_id", "content_index", "audio_end_ms")


def _only(event: Event, names: tuple[str, ...]) -> Event:
    return {name: event[name] for name in names}


def _done(reply: Reply, response: str) -> Event:
    if reply.failed is None:
        return _response(response, "completed", reply.usage)
    problem = {"type": "server_error", "code": "server_error", "message": reply.failed}
    return _response(response, "failed", reply.usage, {"type": "failed", "error": problem})


def _response(response: str, status: str, usage: Event | None, details: Any = None) -> Event:
    return {
        "id": response,
        "object": "realtime.response",
        "status": status,
        "status_details": details,
        "output": [],
        "usage": usage,
    }
