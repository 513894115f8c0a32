"""Every way a framework names a provider ends in the registry's spelling of it."""

import importlib.util
import itertools
import pkgutil
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicespan import providers
from voicespan.providers import provider_name

HOSTS = {
    "api.openai.com": "openai",
    "API.OpenAI.com.": "openai",
    "eu.api.openai.com:443": "openai",
    "wss://api.openai.com/v1/realtime?model=gpt-realtime": "openai",
    "https://api.groq.com/openai/v1": "groq",
    "https://api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "us-central1-aiplatform.googleapis.com": "gcp.vertex_ai",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "speech.googleapis.com": "gcp.speech",
    "eu-texttospeech.googleapis.com": "gcp.speech",
    "my-resource.openai.azure.com": "azure.ai.openai",
    "wss://my-resource.openai.azure.com/openai/realtime": "azure.ai.openai",
    "my-hub.services.ai.azure.com": "azure.ai.inference",
    "models.inference.ai.azure.com": "azure.ai.inference",
    "eastus.tts.speech.microsoft.com": "azure.ai.speech",
    "bedrock-runtime.us-east-1.amazonaws.com": "aws.bedrock",
    "bedrock-runtime.cn-north-1.amazonaws.com": "aws.bedrock",
    "transcribestreaming.eu-west-1.amazonaws.com": "aws.transcribe",
    "polly.eu-west-1.amazonaws.com": "aws.polly",
    "runtime.sagemaker.us-east-2.amazonaws.com": "aws.sagemaker",
    "us-south.ml.cloud.ibm.com": "ibm.watsonx.ai",
    "api.mistral.ai": "mistral_ai",
    "api.deepseek.com": "deepseek",
    "api.perplexity.ai": "perplexity",
    "wss://api.x.ai/v1/realtime": "x_ai",
    "api.cohere.com": "cohere",
    "api.deepgram.com": "deepgram",
    "api.cartesia.ai": "cartesia",
    "api.elevenlabs.io": "elevenlabs",
    "streaming.assemblyai.com": "assemblyai",
    "wss://users-ws.rime.ai/ws2": "rime",
    "wss://eu2.rt.speechmatics.com/v2": "speechmatics",
    "wss://stt-rt.soniox.com": "soniox",
    "https://dashscope-intl.aliyuncs.com/compatible-mode/v1": "qwen",
    "https://api.together.xyz/v1": "together",
    "agent-gateway.livekit.cloud": "livekit",
}

PIPECAT_CLASSES = {
    "OpenAILLMService": "openai",
    "OpenAILLMService#0": "openai",
    "OpenAIRealtimeLLMService#12": "openai",
    "OpenAIResponsesHttpLLMService": "openai",
    "BaseOpenAILLMService": "openai",
    "OpenAIImageGenService": "openai",
    "AnthropicLLMService": "anthropic",
    "AzureLLMService": "azure.ai.openai",
    "AzureRealtimeLLMService": "azure.ai.openai",
    "AzureVoiceLiveLLMService": "azure.ai.voice_live",
    "AzureSTTService": "azure.ai.speech",
    "AzureHttpTTSService#3": "azure.ai.speech",
    "GoogleLLMService": "gcp.gemini",
    "GoogleVertexLLMService": "gcp.vertex_ai",
    "GeminiLiveLLMService": "gcp.gemini",
    "GeminiLiveVertexLLMService": "gcp.vertex_ai",
    "GeminiTTSService": "gcp.gemini",
    "GoogleSTTService": "gcp.speech",
    "GoogleHttpTTSService": "gcp.speech",
    "AWSBedrockLLMService": "aws.bedrock",
    "AWSNovaSonicLLMService": "aws.bedrock",
    "AWSTranscribeSTTService": "aws.transcribe",
    "AWSPollyTTSService": "aws.polly",
    "DeepgramSTTService": "deepgram",
    "DeepgramFluxSageMakerTTSService": "deepgram",
    "ElevenLabsHttpTTSService": "elevenlabs",
    "ElevenLabsDialogueTTSService": "elevenlabs",
    "AssemblyAISyncSTTService": "assemblyai",
    "RimeNonJsonTTSService": "rime",
    "GrokRealtimeLLMService": "x_ai",
    "XAIHttpTTSService": "x_ai",
    "XTTSService": "xtts",
    "MistralSTTService": "mistral_ai",
    "OLLamaLLMService": "ollama",
    "FunASRSTTService": "funasr",
    "WhisperSTTServiceMLX": "whisper",
    "NvidiaSageMakerHTTPTTSService": "nvidia",
    "FishAudioTTSService": "fishaudio",
    "ResembleAITTSService": "resemble",
}

MODULES = {
    "pipecat.services.openai.llm": "openai",
    "pipecat.services.openai.base_llm": "openai",
    "pipecat.services.google.llm": "gcp.gemini",
    "pipecat.services.google.gemini_live.llm": "gcp.gemini",
    "pipecat.services.google.gemini_live.vertex.llm": "gcp.vertex_ai",
    "pipecat.services.google.vertex.llm": "gcp.vertex_ai",
    "pipecat.services.google.stt": "gcp.speech",
    "pipecat.services.aws.llm": "aws.bedrock",
    "pipecat.services.aws.nova_sonic.llm": "aws.bedrock",
    "pipecat.services.aws.agent_core": "aws.bedrock",
    "pipecat.services.aws.stt": "aws.transcribe",
    "pipecat.services.aws.tts": "aws.polly",
    "pipecat.services.azure.llm": "azure.ai.openai",
    "pipecat.services.azure.realtime.llm": "azure.ai.openai",
    "pipecat.services.azure.voice_live.llm": "azure.ai.voice_live",
    "pipecat.services.azure.tts": "azure.ai.speech",
    "pipecat.services.deepgram.flux.sagemaker.stt": "deepgram",
    "pipecat.services.acme.stt": "acme",
    "livekit.plugins.deepgram": "deepgram",
    "livekit.plugins.openai.realtime.realtime_model.RealtimeModel": "openai",
    "livekit.plugins.azure.stt.STT": "azure.ai.speech",
    "livekit.plugins.azure.responses.llm.LLM": "azure.ai.openai",
    "livekit.plugins.azure.realtime.realtime_model.RealtimeModel": "azure.ai.voice_live",
    "livekit.plugins.aws.tts.TTS": "aws.polly",
    "livekit.plugins.aws.experimental.realtime.realtime_model": "aws.bedrock",
    "livekit.plugins.google.llm.LLM": "gcp.gemini",
    "livekit.plugins.google.realtime.realtime_api.RealtimeModel": "gcp.gemini",
    "livekit.plugins.google.beta.gemini_tts.TTS": "gcp.gemini",
    "livekit.plugins.google.aiplatform_llm": "gcp.vertex_ai",
    "livekit.plugins.google.tts.TTS": "gcp.speech",
    "livekit.plugins.mistralai": "mistral_ai",
    "livekit.plugins.fireworksai": "fireworks",
    "livekit.plugins.smallestai.tts": "smallest",
    "livekit.plugins.bithuman": "bithuman",
    "livekit.plugins.turn_detector": "livekit",
    "livekit.agents.inference": "livekit",
    "livekit.agents.inference.stt.STT": "livekit",
    "__main__.ScriptedSTT": "scripted",
}

DISPLAY_NAMES = {
    "Deepgram": "deepgram",
    "ElevenLabs": "elevenlabs",
    "Eleven Labs": "elevenlabs",
    "Google Gemini": "gcp.gemini",
    "Gemini": "gcp.gemini",
    "Vertex AI": "gcp.vertex_ai",
    "Vertex AI Model Garden": "gcp.vertex_ai",
    "Google Cloud Platform": "gcp.speech",
    "google": "gcp.gen_ai",
    "AWS Bedrock": "aws.bedrock",
    "Amazon": "aws.bedrock",
    "Amazon Transcribe": "aws.transcribe",
    "Amazon Polly": "aws.polly",
    "Azure STT": "azure.ai.speech",
    "Azure TTS": "azure.ai.speech",
    "Azure Speech": "azure.ai.speech",
    "Azure OpenAI": "azure.ai.openai",
    "azure-voicelive": "azure.ai.voice_live",
    "MistralAI": "mistral_ai",
    "xAI": "x_ai",
    "FishAudio": "fishaudio",
    "Camb.ai": "camb",
    "livekit": "livekit",
    "IBM watsonx": "ibm.watsonx.ai",
}

PREFIXES = {
    "deepgram/nova-3": "deepgram",
    "cartesia/sonic-3": "cartesia",
    "openai/gpt-4o-mini": "openai",
    "openai:gpt-4o": "openai",
    "google/gemini-2.5-flash": "gcp.gemini",
    "google/chirp-3": "gcp.gen_ai",
    "deepseek-ai/deepseek-v3": "deepseek",
    "xai/grok-4-1-fast": "x_ai",
    "groq/openai/gpt-oss-120b": "groq",
    "bedrock/anthropic.claude-sonnet-4": "aws.bedrock",
    "vertex_ai/gemini-2.5-pro": "gcp.vertex_ai",
    "moonshotai/kimi-k2.5": "moonshotai",
}

FORMER_SPELLINGS = {  # of gen_ai.system, deprecated in the registry
    "gemini": "gcp.gemini",
    "vertex_ai": "gcp.vertex_ai",
    "az.ai.openai": "azure.ai.openai",
    "az.ai.inference": "azure.ai.inference",
    "xai": "x_ai",
}

STRANGERS = {
    "ScriptedSTTService": "scripted",
    "ScriptedTTSService#4": "scripted",
    "AcmeHttpTTSService": "acme",
    "AcmeAILLMService": "acme_ai",
    "MyVoiceLLM": "my_voice",
    "Fish Shop": "fish_shop",
    "metal": "metal",
    "notopenai.com": "notopenai.com",
    "localhost:11434": "localhost",
    "http://10.0.0.7:8000/v1": "10.0.0.7",
    "Яндекс": "яндекс",
}

SPELLINGS = (
    HOSTS | PIPECAT_CLASSES | MODULES | DISPLAY_NAMES | PREFIXES | FORMER_SPELLINGS | STRANGERS
)


@pytest.mark.parametrize(("said", "provider"), SPELLINGS.items())
def test_each_spelling_names_its_provider(said: str, provider: str) -> None:
    assert provider_name(said) == provider


@pytest.mark.parametrize(
    "said",
    [
        *(None, "", "  ", "#0", "unknown", "null"),
        *("STTService", "LLMService#1", "AIService", "WebsocketTTSService", "ImageGenService"),
        *("InterruptibleTTSService", "pipecat.services.stt_service"),
    ],
)
def test_nothing_and_bare_base_classes_name_nobody(said: str | None) -> None:
    assert provider_name(said) is None


@pytest.mark.parametrize("said", [7, b"api.openai.com", ["openai"], object()])
def test_what_is_not_a_string_names_nobody(said: object) -> None:
    """Frameworks' attributes hold anything, mocks included."""
    assert provider_name(said) is None  # type: ignore[arg-type]  # the point of the test


def test_credentials_and_paths_of_an_unknown_host_stay_out() -> None:
    """An attribute must not carry what a URL was configured with."""
    said = "https://user:hunter2@llm.acme.io:8443/v1/key-123?token=abc#frag"
    assert provider_name(said) == "llm.acme.io"


def test_every_value_of_the_registry_is_itself() -> None:
    semconv = pytest.importorskip("opentelemetry.semconv._incubating.attributes.gen_ai_attributes")
    values = {value.value for value in semconv.GenAiProviderNameValues}
    assert values <= set(providers._NAMES)
    assert {provider_name(value) for value in values} == values


def test_every_provider_we_answer_with_is_itself() -> None:
    answers = {*providers._NAMES, *providers._DOMAINS.values(), *providers._BY_ROLE.values()}
    answers |= {provider for _, provider in providers._REGIONAL}
    assert {answer: provider_name(answer) for answer in answers} == {a: a for a in answers}
    assert answers == set(providers._NAMES)


def test_no_name_belongs_to_two_providers() -> None:
    names = [name for names in providers._NAMES.values() for name in names.split()]
    names += [providers._squeezed(provider) for provider in providers._NAMES]
    assert sorted(names) == sorted(set(names))
    assert names == [providers._squeezed(name) for name in names]


def test_no_trailing_word_is_a_run_of_others() -> None:
    """Two ways of reading the same letters would make matching exponential."""
    words = {*providers._ROLES, *providers._QUALIFIERS}
    for word in words:
        others = re.compile(f"(?:{'|'.join(words - {word})})+")
        assert not others.fullmatch(word), word


def test_a_hostile_name_is_read_in_linear_time() -> None:
    for said in ("openai" + "stt" * 10_000 + "!x", "a." * 10_000, "A" * 10_000, "@" * 10_000):
        assert len(provider_name(said) or "") <= 64


def test_what_is_remembered_is_bounded() -> None:
    for number in range(3_000):
        provider_name(f"Stranger{number}x")
    info = providers._resolved.cache_info()
    assert info.maxsize is not None
    assert info.currsize <= info.maxsize


PIECES = st.sampled_from(
    [
        *(*SPELLINGS, *providers._PROVIDERS, *providers._ROLES, *providers._QUALIFIERS),
        *("pipecat.services.", "livekit.plugins.", "STT", "TTS", "LLM", "Service", "#1"),
        *("https://", *"./:@#_- Aaİ"),
    ]
)


@given(st.text() | st.lists(PIECES, max_size=8).map("".join))
def test_a_provider_s_name_is_its_own_name(said: str) -> None:
    """Names pass through more than one layer; the second must not change them."""
    once = provider_name(said)
    assert once is None or (0 < len(once) <= 64 and not re.search(r"\s", once))
    assert provider_name(once) == once


def _pipecat() -> Path | None:
    """Where the services of the installed Pipecat are, found without importing any."""
    spec = importlib.util.find_spec("pipecat")
    return Path(spec.origin).parent / "services" if spec and spec.origin else None


SERVICES = _pipecat()
PACKAGES = [module.name for module in pkgutil.iter_modules([str(SERVICES)]) if module.ispkg]


# Packages whose name is not the provider's.
RENAMED = {
    "aws": "aws.bedrock",
    "azure": "azure.ai.openai",
    "fish": "fishaudio",
    "google": "gcp.gen_ai",
    "grok": "x_ai",
    "mistral": "mistral_ai",
    "resembleai": "resemble",
    "xai": "x_ai",
    "zoom_ai": "zoom",
}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_service_package_of_pipecat_is_known(package: str) -> None:
    provider = provider_name(f"pipecat.services.{package}")
    assert provider == RENAMED.get(package, package)
    assert provider in providers._NAMES


@pytest.mark.parametrize("package", PACKAGES)
def test_pipecat_s_service_classes_agree_with_their_packages(package: str) -> None:
    """The instance name in a metric and the class's module must lead to one provider."""
    assert SERVICES is not None
    sources = (path.read_text("utf-8") for path in (SERVICES / package).rglob("*.py"))
    found = (
        re.findall(r"^class (\w+(?:STT|TTS|LLM)Service)\b", text, re.MULTILINE) for text in sources
    )
    cloud = {"aws": "aws.", "azure": "azure.", "google": "gcp."}.get(package)
    for name in itertools.chain.from_iterable(found):
        provider = provider_name(name) or ""
        assert provider.startswith(cloud) if cloud else provider == RENAMED.get(package, package)
