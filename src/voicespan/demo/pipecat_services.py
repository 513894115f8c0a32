"""A script in; what real speech, language and voice services would push through Pipecat out.

The three services derive from Pipecat's own base classes and replace only the network, so
frames, metrics, usage, cancellation and errors are the framework's. Nothing is downloaded,
no account is needed. Works with Pipecat 0.0.105 to 1.14.
"""

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk
from openai.types.completion_usage import PromptTokensDetails
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.services.openai.base_llm import OpenAILLMSettings
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.utils.time import time_now_iso8601

from voicespan.demo.milestone import Milestone

_WORD = re.compile(r"\S+")

VOICED = 500  # peak amplitude (of 32767) above which 20 ms of audio counts as speech


def tone(seconds: float, sample_rate: int, *, hz: float = 220.0, amplitude: float = 0.2) -> bytes:
    """Sixteen-bit mono PCM of a sine, standing in for a voice."""
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    return (np.sin(2 * np.pi * hz * t) * amplitude * 32767).astype(np.int16).tobytes()


def voiced(pcm: bytes) -> bool:
    """Whether the audio is loud enough to be a voice."""
    return bool(pcm) and bool(np.abs(np.frombuffer(pcm, dtype=np.int16)).max() > VOICED)


@dataclass(frozen=True)
class Heard:
    """What speech-to-text makes of one utterance; `text=""` is a cough.

    `delay`: seconds from the true end of speech to the final transcript. `interim`: partial
    transcripts and the seconds of speech after which each appears. `finalized`: whether the
    service promises that nothing more will follow.
    """

    text: str
    delay: float = 0.3
    interim: tuple[tuple[float, str], ...] = ()
    finalized: bool = True


class ScriptedSTT(STTService):
    """Streaming speech-to-text with its own endpointing, reading transcripts from a script."""

    def __init__(self, *, model: str = "scripted-stt-1", ttfs_p99_latency: float = 0.35) -> None:
        super().__init__(
            ttfs_p99_latency=ttfs_p99_latency,
            settings=STTSettings(model=model, language=None),
        )
        self._script: deque[Heard] = deque()
        self._heard: Heard | None = None
        self._speech = 0.0
        self._silence = 0.0
        self._interims = 0

    def expect(self, heard: Heard) -> None:
        """Append the transcript of the next utterance."""
        self._script.append(heard)

    def can_generate_metrics(self) -> bool:
        """Yes: the base class measures and reports for us."""
        return True

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Follow the audio clock through one utterance: onset, interims, end, final."""
        seconds = len(audio) / (self.sample_rate * 2)
        if voiced(audio):
            self._speech += seconds
            self._silence = 0.0
            if self._heard is None:
                self._heard = self._script.popleft() if self._script else Heard("")
                self._interims = 0
            for interim in self._due_interims(self._heard):
                yield interim
        elif self._heard is not None:
            self._silence += seconds
            if self._silence >= self._heard.delay:
                final, self._heard, self._speech = self._heard, None, 0.0
                if final.text:
                    yield await self._final(final)

    def _due_interims(self, heard: Heard) -> list[InterimTranscriptionFrame]:
        due = [text for after, text in heard.interim[self._interims :] if self._speech >= after]
        self._interims += len(due)
        return [InterimTranscriptionFrame(text, self._user_id, time_now_iso8601()) for text in due]

    async def _final(self, heard: Heard) -> TranscriptionFrame:
        # Pipecat reports the audio seconds with each final since 1.5; earlier not at all.
        report_usage = getattr(self, "emit_stt_usage_metrics", None)
        if report_usage is not None:
            await report_usage()
        frame = TranscriptionFrame(heard.text, self._user_id, time_now_iso8601())
        frame.finalized = heard.finalized
        return frame


@dataclass(frozen=True)
class ToolCall:
    """One function the model asks for."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    call_id: str = "call_1"


@dataclass(frozen=True)
class Reply:
    """One response of the language model; all times in seconds.

    `error` is raised instead of (no chunks) or after the chunks; `hang` never ends after them.
    """

    chunks: tuple[str, ...] = ()
    tools: tuple[ToolCall, ...] = ()
    first_token: float = 0.25
    between: float = 0.02
    prompt_tokens: int = 120
    cached_tokens: int = 64
    error: Exception | None = None
    hang: bool = False

    @classmethod
    def say(cls, text: str, **options: Any) -> "Reply":
        """A reply streamed word by word."""
        words = text.split(" ")
        return cls(chunks=(words[0], *(f" {word}" for word in words[1:])), **options)


class ScriptedLLM(OpenAILLMService):
    """The real OpenAI service with the HTTP request replaced by a scripted stream."""

    def __init__(self, replies: Iterable[Reply] = (), *, model: str = "gpt-4.1-mini") -> None:
        super().__init__(api_key="offline", settings=OpenAILLMSettings(model=model))
        self._replies = deque(replies)
        self._snapshot = f"{model}-2025-04-14"  # providers answer with the dated name
        self.requested = Milestone()

    def then(self, reply: Reply) -> None:
        """Append the answer to the next request."""
        self._replies.append(reply)

    async def get_chat_completions(self, context: Any) -> Any:
        """Answer the next request; an empty script is a mistake of the test and raises."""
        self.requested.reach()
        if not self._replies:
            raise LookupError("the language model was asked more often than its script answers")
        reply = self._replies.popleft()
        if reply.error is not None and not reply.chunks:
            await asyncio.sleep(reply.first_token)
            raise reply.error
        return self._stream(reply)

    async def _stream(self, reply: Reply) -> AsyncGenerator[ChatCompletionChunk, None]:
        await asyncio.sleep(reply.first_token)
        for number, delta in enumerate(_deltas(reply)):
            if number:
                await asyncio.sleep(reply.between)
            yield self._chunk(choices=[{"index": 0, "delta": delta, "finish_reason": None}])
        if reply.error is not None:
            raise reply.error
        if reply.hang:
            await asyncio.Event().wait()
        yield self._chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
        yield self._chunk(choices=[], usage=_usage(reply))

    def _chunk(self, **fields: Any) -> ChatCompletionChunk:
        return ChatCompletionChunk.model_validate(
            {
                "id": "chatcmpl-offline",
                "object": "chat.completion.chunk",
                "created": 1,
                "model": self._snapshot,
                **fields,
            }
        )


def _deltas(reply: Reply) -> list[dict[str, Any]]:
    texts: list[dict[str, Any]] = [{"content": text} for text in reply.chunks]
    return texts + [_tool_delta(index, call) for index, call in enumerate(reply.tools)]


def _tool_delta(index: int, call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": json.dumps(dict(call.arguments))}
    return {
        "tool_calls": [
            {"index": index, "id": call.call_id, "type": "function", "function": function}
        ]
    }


def _usage(reply: Reply) -> CompletionUsage:
    completion = len(reply.chunks) + 12 * len(reply.tools)
    return CompletionUsage(
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=completion,
        total_tokens=reply.prompt_tokens + completion,
        prompt_tokens_details=PromptTokensDetails(cached_tokens=reply.cached_tokens),
    )


@dataclass(frozen=True)
class Speech:
    """How one piece of text is synthesised; all times in seconds.

    `speed`: audio seconds delivered per second. `leading_silence`: digital silence before the
    voice. `failure`: an exception is raised, a text is pushed as an ErrorFrame, both after
    `fail_after` seconds of audio.
    """

    seconds: float | None = None
    first_byte: float = 0.15
    speed: float = 10.0
    leading_silence: float = 0.0
    failure: Exception | str | None = None
    fail_after: float = 0.0


class ScriptedTTS(TTSService):
    """Text-to-speech over "HTTP": first byte after a delay, then faster than real time.

    `words`: the provider says when each word is spoken, as Cartesia or ElevenLabs do.
    """

    def __init__(
        self, speech: Speech | None = None, *, model: str = "scripted-tts-1", words: bool = False
    ) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            push_text_frames=not words,
            settings=TTSSettings(model=model, voice="sine", language=None),
        )
        self._usual = speech or Speech()
        self._times_words = words
        self._timed: tuple[str, float] = ("", 0.0)  # speech context, its seconds of audio so far
        self._script: deque[Speech] = deque()

    def then(self, speech: Speech) -> None:
        """Say how the next piece of text is synthesised, instead of the usual way."""
        self._script.append(speech)

    def can_generate_metrics(self) -> bool:
        """Yes: the base class measures and reports for us."""
        return True

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        """Synthesise one piece of text as a provider reached by HTTP would."""
        speech = self._script.popleft() if self._script else self._usual
        await asyncio.sleep(speech.first_byte)
        if speech.failure is None or speech.fail_after:
            await self.start_tts_usage_metrics(text)
        audio = self._audio(text, speech)
        if self._times_words:
            await self._time_words(text, len(audio) / (self.sample_rate * 2), context_id)
        for chunk in _pieces(audio, self.sample_rate // 10 * 2):
            await self.stop_ttfb_metrics()
            yield TTSAudioRawFrame(chunk, self.sample_rate, 1, context_id=context_id)
            await asyncio.sleep(0.1 / speech.speed)
        if isinstance(speech.failure, Exception):
            raise speech.failure
        if speech.failure is not None:
            yield ErrorFrame(error=speech.failure)

    async def _time_words(self, text: str, seconds: float, context_id: str) -> None:
        """Say when each word begins, in seconds from the start of the context's audio."""
        context, before = self._timed
        start = before if context == context_id else 0.0
        starts = [start + seconds * found.start() / len(text) for found in _WORD.finditer(text)]
        self._timed = context_id, start + seconds
        await self.add_word_timestamps(
            list(zip(_WORD.findall(text), starts, strict=True)), context_id
        )

    def _audio(self, text: str, speech: Speech) -> bytes:
        if speech.failure is not None:
            return tone(speech.fail_after, self.sample_rate)
        seconds = len(text) * 0.06 if speech.seconds is None else speech.seconds
        silence = bytes(round(speech.leading_silence * self.sample_rate) * 2)
        return silence + tone(seconds, self.sample_rate)


def _pieces(audio: bytes, size: int) -> list[bytes]:
    return [audio[start : start + size] for start in range(0, len(audio), size)]
