"""A script and real caller audio in; Gemini's Live protocol on a loopback websocket, out.

Spoken as Vertex speaks it: the `google-genai` client connects without TLS only to what it takes
for a gateway before Vertex.
"""

import asyncio
import base64
import json
import re
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from tests.pipecat.realtime_server import (
    CHUNK_SECONDS,
    RATE,
    SILENCE_MS,
    Detector,
    Event,
    Heard,
    Provider,
    Reply,
)
from voicespan.demo.pipecat_services import tone
from voicespan.demo.pipecat_transport import CALLER_RATE
from voicespan.demo.truth import Instant


def _by_modality(**tokens: int) -> list[Event]:
    return [{"modality": name.upper(), "tokenCount": number} for name, number in tokens.items()]


USAGE: Event = {
    "promptTokenCount": 180,
    "candidatesTokenCount": 60,
    "totalTokenCount": 240,
    "cachedContentTokenCount": 64,
    "promptTokensDetails": _by_modality(text=100, audio=80),
    "candidatesTokensDetails": _by_modality(text=20, audio=40),
    "cacheTokensDetails": _by_modality(text=40, audio=24),
}


def _camel(value: Any) -> Any:
    """The protocol takes both spellings of its names, and the client uses both."""
    if isinstance(value, list):
        return [_camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {re.sub(r"_(\w)", lambda m: m[1].upper(), k): _camel(v) for k, v in value.items()}


class GeminiServer(Provider):
    """Gemini: it says when it was interrupted and when it is done, and nothing of the user."""

    def __init__(self, heard: Iterable[Heard] = (), replies: Iterable[Reply] = ()) -> None:
        super().__init__(heard, replies)
        self._detector = Detector(CALLER_RATE)
        self._detects = True
        self._tool_response = asyncio.Event()

    async def _serve(self, connection: ServerConnection) -> None:
        self._connection = connection
        with suppress(ConnectionClosed):
            async for message in connection:
                await self._told(_camel(json.loads(message)))

    async def _told(self, event: Event) -> None:
        if audio := event.get("realtimeInput", {}).get("audio"):
            await self._hear(base64.urlsafe_b64decode(audio["data"]))
            return
        self.received.append((Instant.now(), event))
        if "setup" in event:
            detection = event["setup"].get("realtimeInputConfig", {})
            disabled = detection.get("automaticActivityDetection", {}).get("disabled")
            self._detects = not disabled
            await self._put({"setupComplete": {}})
        elif event.get("clientContent", {}).get("turnComplete"):
            self._respond()
        elif "toolResponse" in event:
            self._tool_response.set()
        elif "activityStart" in event.get("realtimeInput", {}):
            await self._interrupt()
        elif "activityEnd" in event.get("realtimeInput", {}):
            self._answer()

    async def _hear(self, pcm: bytes) -> None:
        if self._detects:
            for what, _ in self._detector.hear(pcm, SILENCE_MS):
                if what == "started":
                    await self._interrupt()
                else:
                    self._answer()

    def _answer(self) -> None:
        heard = self._heard.popleft() if self._heard else Heard("")
        if heard.text:
            self._start(self._transcribe(heard))
        self._respond()

    async def _transcribe(self, heard: Heard) -> None:
        await asyncio.sleep(heard.delay)
        await self._content(inputTranscription={"text": f" {heard.text}."})

    async def _interrupt(self) -> None:
        if await self._stop_responding():
            await self._content(interrupted=True)
            await self._put({"serverContent": {"turnComplete": True}, "usageMetadata": USAGE})

    async def _content(self, **content: Any) -> None:
        await self._put({"serverContent": content})

    async def _reply(self, reply: Reply) -> None:
        await asyncio.sleep(reply.think)
        if reply.words:
            await self._speak(reply)
        if reply.calls:
            self._tool_response.clear()
            calls = [
                {"id": call.call_id, "name": call.name, "args": dict(call.arguments)}
                for call in reply.calls
            ]
            await self._put({"toolCall": {"functionCalls": calls}})
            await self._tool_response.wait()
            await self._reply(self._replies.popleft())
            return
        await asyncio.sleep(reply.done_after)
        await self._put({"serverContent": {"turnComplete": True}, "usageMetadata": USAGE})

    async def _speak(self, reply: Reply) -> None:
        words, pcm = deque(reply.words), tone(reply.seconds, RATE)
        size = round(CHUNK_SECONDS * RATE) * 2
        chunks = [pcm[start : start + size] for start in range(0, len(pcm), size)]
        per_chunk = -(-len(words) // len(chunks))
        due = asyncio.get_running_loop().time()
        for chunk in chunks:
            data = base64.b64encode(chunk).decode()
            audio = {"inlineData": {"mimeType": f"audio/pcm;rate={RATE}", "data": data}}
            await self._content(modelTurn={"parts": [audio]})
            for _ in range(min(per_chunk, len(words))):
                await self._content(outputTranscription={"text": words.popleft()})
            due += CHUNK_SECONDS / reply.pace
            await asyncio.sleep(due - asyncio.get_running_loop().time())
        await self._content(generationComplete=True)
