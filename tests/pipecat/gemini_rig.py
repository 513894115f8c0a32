"""Pipecat's Gemini Live service and Google's own client in, both talking to this machine out."""

from typing import Any

import pytest

genai: Any = pytest.importorskip("google.genai")

from pipecat.services.google.gemini_live.llm import (  # noqa: E402  # needs google.genai
    GeminiLiveLLMService,
    GeminiVADParams,
)

MODEL = "gemini-live-2.5-flash"


class LocalGemini(GeminiLiveLLMService):
    """The real service; subclasses may make the client (`create_client`)."""

    def __init__(self, url: str, **options: Any) -> None:
        self._url = url
        super().__init__(api_key="offline", **options)

    def create_client(self) -> None:
        """Connect to a gateway before Vertex: only there the client accepts `ws://`."""
        options = genai.types.HttpOptions(base_url=self._url)
        self._client = genai.Client(vertexai=True, http_options=options)
        self._client._api_client._websocket_ssl_ctx = {}  # given whatever the address is


def gemini_live(url: str, *, manual: bool = False) -> LocalGemini:
    """`manual`: the server does not detect turns."""
    return LocalGemini(
        url,
        settings=LocalGemini.Settings(
            model=MODEL,
            voice="Charon",
            system_instruction="You are a helpful voice agent.",
            vad=GeminiVADParams(disabled=True) if manual else None,
        ),
    )
