"""A frame processor in, what it is (role, provider, model) and calls to its methods out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from voicespan._guard import guard
from voicespan.integrations.wrapping import Method, Wrapping
from voicespan.providers import provider_name

STT, LLM, TTS, REALTIME, INPUT, OUTPUT = "stt", "llm", "tts", "realtime", "input", "output"

_BASES = {
    "STTService": STT,
    "LLMService": LLM,
    "TTSService": TTS,
    "BaseInputTransport": INPUT,
    "BaseOutputTransport": OUTPUT,
}
"""Pipecat's base classes, 0.0.105 → 1.14; found by name along the MRO, so that none is imported."""

_GENERIC_MODULES = frozenset(
    f"pipecat.services.{name}"
    for name in ("ai_service", "ai_services", "llm_service", "stt_service", "tts_service")
)
_VENDOR_PREFIX = "pipecat.services."

_DETECTION = "session_properties.audio.input.turn_detection"
_TRANSCRIPTION = (
    "session_properties.audio.input.transcription.model",
    "session_properties.input_audio_transcription.model",
)


class Service:
    """One processor of a pipeline. `facts()` is read when needed: settings change mid-call."""

    def __init__(self, processor: Any) -> None:
        """Find out what it is."""
        self.processor = processor
        self.role = _role(processor)
        self.provider = _provider(processor)
        self._wrappings: list[Wrapping] = []

    def facts(self) -> dict[str, Any]:
        """Return provider, model, voice and language, as far as they are known now."""
        settings = getattr(self.processor, "_settings", None)
        return {
            "provider": self.provider,
            "model": _text(getattr(settings, "model", None)) or _text(_model_name(self.processor)),
            "voice": self._voice(settings),
        }

    def recognition(self) -> dict[str, Any]:
        """Return provider and model of the recognition of a service that hears by itself."""
        settings = getattr(self.processor, "_settings", None)
        model = _text(setting(settings, *_TRANSCRIPTION))
        return {"provider": self.provider, "model": model or self.facts()["model"]}

    def transcribes(self) -> bool:
        """Return whether a realtime service was told to transcribe what it hears."""
        return setting(getattr(self.processor, "_settings", None), *_TRANSCRIPTION) is not None

    def decides_turns(self) -> bool:
        """Return whether this is a realtime service that waits for nobody's turn decision."""
        if self.role != REALTIME:
            return False
        settings = getattr(self.processor, "_settings", None)
        manual = getattr(self.processor, "_is_manual_turn_detection", None)  # Azure, Inworld
        server = getattr(self.processor, "_is_turn_detection_enabled", None)  # xAI
        return not (
            getattr(self.processor, "_vad_disabled", False)  # Gemini
            or setting(settings, _DETECTION) is False  # OpenAI
            or (manual is not None and manual())
            or (server is not None and not server())
        )

    def _voice(self, settings: Any) -> str | None:
        if self.role not in (TTS, REALTIME):
            return None
        return _text(setting(settings, "voice", "session_properties.audio.output.voice"))

    def response_model(self) -> str | None:
        """Return the model that answered, where the service learns of it."""
        return _text(getattr(self.processor, "_full_model_name", None))

    def wrap(self, name: str, around: Callable[[Method], Method]) -> None:
        """Wrap a method on this instance; a service that has none is left as it is."""
        if getattr(self.processor, name, None) is not None:
            self._wrappings.append(Wrapping(self.processor, name, around))

    def before(self, name: str, note: Callable[..., None]) -> None:
        """Tell `note` of each call of an asynchronous method, with its positional arguments."""

        def around(original: Method) -> Method:
            async def noted(*args: Any, **kwargs: Any) -> Any:
                with guard(f"pipecat.{name}"):
                    note(*args)
                return await original(*args, **kwargs)

            return noted

        self.wrap(name, around)

    def release(self) -> None:
        """Take every wrapper back."""
        while self._wrappings:
            self._wrappings.pop().release()


def setting(settings: Any, *paths: str) -> Any:
    """Return the first of these dotted paths that leads anywhere, else None."""
    for path in paths:
        found = settings
        for name in path.split("."):
            found = getattr(found, name, None)
        if found is not None:
            return found
    return None


def _role(processor: Any) -> str | None:
    for base in type(processor).__mro__:
        role = _BASES.get(base.__name__) if base.__module__.startswith("pipecat.") else None
        if role == LLM:
            return LLM if hasattr(processor, "_process_context") else REALTIME
        if role is not None:
            return role
    return None


def _provider(processor: Any) -> str | None:
    """Take the first class along the MRO that Pipecat keeps under a vendor, else our own name."""
    for base in type(processor).__mro__:
        module = base.__module__
        if module.startswith(_VENDOR_PREFIX) and module not in _GENERIC_MODULES:
            return provider_name(base.__name__)
    return provider_name(type(processor).__name__)


def _model_name(processor: Any) -> Any:
    metrics = getattr(processor, "_metrics", None)
    return getattr(processor, "model_name", None) or getattr(metrics, "_model_name", None)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
