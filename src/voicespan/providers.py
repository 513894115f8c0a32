"""What a framework calls a provider in, the registry's spelling out.

Frameworks say the same thing in many ways: Pipecat by class, instance and module
(`AWSBedrockLLMService`, `OpenAILLMService#0`, `pipecat.services.groq.llm`), LiveKit by plugin
module, display name or the host it talks to (`livekit.plugins.aws`, `Amazon Polly`,
`api.groq.com`), gateways by a prefix (`deepgram/nova-3`). The spelling wanted is that of
`gen_ai.provider.name`; a provider the registry does not list keeps its own id in lower snake
case. Nothing here imports or asks anything: to teach it a provider, add a row to a table.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

# Not in the registry, and called by their id only.
_OWN_IDS: Final = (
    "assemblyai asyncai baseten bland camb cartesia cerebras crusoe deepgram elevenlabs fal"
    " fireworks funasr gladia gradium hamming hedra heygen hume inworld keenable kokoro"
    " lmnt mem0 minimax moondream moonshine murf nebius neuphonic novita ollama openclaw openrouter"
    " palabra phonic piper pocket_tts resemble respeecher rime sambanova sarvam silero simli"
    " smallest soniox speechify speechmatics spitch tavus together ultravox whisper xtts zoom"
)

# Provider → the other names it goes by, in lower-case letters and digits only. The id itself is
# always a name, and any name may be followed by words of `_ROLES` and `_QUALIFIERS`.
_NAMES: Final[dict[str, str]] = {
    # In the registry.
    "anthropic": "claude",
    "aws.bedrock": "aws amazon bedrock amazonbedrock novasonic awsnovasonic amazonnovasonic"
    " awsagentcore",
    "azure.ai.inference": "azaiinference azureinference azureaifoundry azurefoundry",
    "azure.ai.openai": "azure microsoft microsoftazure azaiopenai azureopenai",
    "cohere": "",
    "deepseek": "",
    "gcp.gemini": "gemini googlegemini googlebetagemini googleaistudio",
    "gcp.gen_ai": "google gcp googlegenai googlegenerativeai",
    "gcp.vertex_ai": "vertex vertexai vertexaimodelgarden googlevertex googlevertexai"
    " geminilivevertex googlegeminilivevertex aiplatform googleaiplatform",
    "groq": "",
    "ibm.watsonx.ai": "ibm watson watsonx ibmwatson ibmwatsonx",
    "mistral_ai": "mistral",
    "openai": "",
    "perplexity": "",
    "x_ai": "grok",
    # Other services of those clouds, named after the registry's pattern.
    "aws.polly": "polly amazonpolly",
    "aws.sagemaker": "sagemaker amazonsagemaker",
    "aws.transcribe": "amazontranscribe",
    "azure.ai.speech": "azurecognitiveservices",
    "azure.ai.voice_live": "azurevoicelive azurerealtimerealtimemodel",  # LiveKit's azure.realtime
    "gcp.speech": "googlecloud googlecloudplatform",  # LiveKit says this of its STT and TTS only
    # Not in the registry, and called by more than their id.
    "clova": "naverclova",
    "fishaudio": "fish",
    "huggingface": "hf",
    "inception": "inceptionlabs",
    "livekit": "turndetector",
    "meta": "metallama",
    "nvidia": "riva nvidiariva",
    "playai": "playht",
    "qwen": "dashscope alibaba alibabacloud",
} | dict.fromkeys(_OWN_IDS.split(), "")

# A cloud's bare name → the service meant, by the role said after it.
_CLOUDS: Final = {"aws": "aws", "amazon": "aws", "google": "google"} | dict.fromkeys(
    ("azure", "microsoft", "microsoftazure"), "azure"
)
_BY_ROLE: Final = {
    ("aws", "stt"): "aws.transcribe",
    ("aws", "tts"): "aws.polly",
    ("azure", "stt"): "azure.ai.speech",
    ("azure", "tts"): "azure.ai.speech",
    ("azure", "speech"): "azure.ai.speech",
    ("google", "stt"): "gcp.speech",
    ("google", "tts"): "gcp.speech",
    ("google", "speech"): "gcp.speech",
    ("google", "llm"): "gcp.gemini",
    ("google", "image"): "gcp.gemini",
    ("google", "realtime"): "gcp.gemini",
}
_ROLES: Final = {word: word for word in ("stt", "tts", "llm", "speech", "image", "realtime")} | {
    "speechtotext": "stt",
    "texttospeech": "tts",
}
# No word here may be a run of others, or matching would no longer be linear.
_WORDS_AFTER: Final = (
    "service http websocket rest base live flux sagemaker sync dialogue turns responses agent omni"
    " segmented nonjson v1 v2 gen video memory vision search gateway client session model word"
    " streaming stream mlx inference audio context interruptible ai api plugin processor settings"
)
_QUALIFIERS: Final = tuple(_WORDS_AFTER.split())

# A host, or the domain above it → provider. The most specific wins.
_DOMAINS: Final[dict[str, str]] = {
    "anthropic.com": "anthropic",
    "assemblyai.com": "assemblyai",
    "async.com": "asyncai",
    "aliyuncs.com": "qwen",
    "baseten.co": "baseten",
    "bland.ai": "bland",
    "camb.ai": "camb",
    "cartesia.ai": "cartesia",
    "cerebras.ai": "cerebras",
    "cognitive.microsoft.com": "azure.ai.speech",
    "cognitiveservices.azure.com": "azure.ai.openai",
    "cohere.ai": "cohere",
    "cohere.com": "cohere",
    "crusoecloud.com": "crusoe",
    "deepgram.com": "deepgram",
    "deepseek.com": "deepseek",
    "elevenlabs.io": "elevenlabs",
    "fal.ai": "fal",
    "fal.run": "fal",
    "fireworks.ai": "fireworks",
    "fish.audio": "fishaudio",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "gladia.io": "gladia",
    "gradium.ai": "gradium",
    "groq.com": "groq",
    "heygen.com": "heygen",
    "huggingface.co": "huggingface",
    "hume.ai": "hume",
    "inceptionlabs.ai": "inception",
    "inference.ai.azure.com": "azure.ai.inference",
    "inworld.ai": "inworld",
    "keenable.ai": "keenable",
    "liveavatar.com": "heygen",
    "livekit.cloud": "livekit",
    "lmnt.com": "lmnt",
    "meta.ai": "meta",
    "minimax.io": "minimax",
    "minimaxi.chat": "minimax",
    "mistral.ai": "mistral_ai",
    "ml.cloud.ibm.com": "ibm.watsonx.ai",
    "models.ai.azure.com": "azure.ai.inference",
    "murf.ai": "murf",
    "nebius.com": "nebius",
    "neuphonic.com": "neuphonic",
    "novita.ai": "novita",
    "nvidia.com": "nvidia",
    "openai.azure.com": "azure.ai.openai",
    "openai.com": "openai",
    "openrouter.ai": "openrouter",
    "perplexity.ai": "perplexity",
    "play.ht": "playai",
    "resemble.ai": "resemble",
    "rime.ai": "rime",
    "sambanova.ai": "sambanova",
    "sarvam.ai": "sarvam",
    "services.ai.azure.com": "azure.ai.inference",
    "simli.ai": "simli",
    "smallest.ai": "smallest",
    "soniox.com": "soniox",
    "speech.googleapis.com": "gcp.speech",
    "speech.microsoft.com": "azure.ai.speech",
    "speechify.ai": "speechify",
    "speechmatics.com": "speechmatics",
    "tavusapi.com": "tavus",
    "texttospeech.googleapis.com": "gcp.speech",
    "together.ai": "together",
    "together.xyz": "together",
    "ultravox.ai": "ultravox",
    "voice.azure.com": "azure.ai.speech",
    "x.ai": "x_ai",
    "zoom.us": "zoom",
}
# Hosts with the region in the middle or joined by a hyphen.
_REGIONAL: Final = (
    (re.compile(r"(?:.*\.)?bedrock[\w-]*\..*amazonaws\.com"), "aws.bedrock"),
    (re.compile(r"(?:.*\.)?polly[\w-]*\..*amazonaws\.com"), "aws.polly"),
    (re.compile(r"(?:.*\.)?transcribe[\w-]*\..*amazonaws\.com"), "aws.transcribe"),
    (re.compile(r"(?:.*\.)?sagemaker\..*amazonaws\.com"), "aws.sagemaker"),
    (re.compile(r"(?:[\w-]+-)?aiplatform(?:\.[\w-]+\.rep)?\.googleapis\.com"), "gcp.vertex_ai"),
    (re.compile(r"[\w-]+-(?:speech|texttospeech)\.googleapis\.com"), "gcp.speech"),
)


def _squeezed(text: str) -> str:
    """Any spelling in, its lower-case ASCII letters and digits out."""
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _any_of(words: Iterable[str]) -> str:
    """Words in, a pattern that tries the longest first out."""
    return "|".join(sorted(words, key=len, reverse=True))


_PROVIDERS: Final = {
    name: provider
    for provider, names in _NAMES.items()
    for name in (_squeezed(provider), *names.split())
}
_WORDS: Final = rf"(?:(?P<role>{_any_of(_ROLES)})|{_any_of(_QUALIFIERS)})"
_KNOWN: Final = re.compile(rf"(?:base)?(?P<name>{_any_of(_PROVIDERS)}){_WORDS}*")
_NOBODY: Final = re.compile(rf"{_WORDS}+|unknown|none|null")
_INSTANCE: Final = re.compile(r"#\d+$")
_HEAD: Final = re.compile(r"(?:\w+://)?(?:[^@/]*@)?([^/:?#]+)")  # of a URL, host:port or prefix
_PACKAGE: Final = re.compile(r"pipecat\.services\.|livekit\.plugins\.|(?=livekit\.)")
_CLASS_PATH: Final = re.compile(r"[a-z_]\w*(?:\.\w+)*\.([A-Z]\w*[a-z]\w*)")
_HUMP: Final = re.compile(
    r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z0-9])(?=(?:STT|TTS|LLM)(?![a-z]))"
)
_LAST_ROLE: Final = re.compile(r"(?:(?:^|_)(?:stt|tts|llm|http|realtime|service))+$")
_LONGEST_NAME: Final = 200
_LONGEST_ID: Final = 64


def provider_name(said: str | None) -> str | None:
    """Turn what a framework says of a provider into its `gen_ai.provider.name`.

    Hosts and URLs, Pipecat classes, instances and modules, LiveKit plugins and `model_provider`s,
    display names and `provider/model` strings are understood. Of the clouds, Azure speech is
    `azure.ai.speech`, Google Cloud speech in both directions `gcp.speech`, Amazon's
    `aws.transcribe` and `aws.polly`; a bare `google` is `gcp.gen_ai`, a bare `azure`
    `azure.ai.openai`, a bare `aws` `aws.bedrock`. A model served by SageMaker stays its maker's.

    What nobody here has heard of becomes its own id: `ScriptedSTTService#0` → `scripted`; a host
    stays a host, without the credentials, port and path around it. Nothing said, a framework's
    own base class, `unknown` or anything but a string is None. Repeating it changes nothing.
    """
    if not isinstance(said, str):
        return None
    return _resolved(said[:_LONGEST_NAME])


@lru_cache(maxsize=1024)
def _resolved(said: str) -> str | None:
    """A name of bounded length in, its provider or its own id out."""
    name = _INSTANCE.sub("", said.strip())
    if (known := _by_host(name) or _by_name(name)) is not None:
        return known
    if _NOBODY.fullmatch(_squeezed(name)):
        return None
    own = _own_id(name)
    # What is left after trimming may itself be a name we know: ask until nothing changes.
    return own or None if own == said else _resolved(own)


def _by_host(name: str) -> str | None:
    """A host or URL in, the provider whose domain it is in out."""
    if (head := _HEAD.match(name)) is None:
        return None
    host = head[1].strip().rstrip(".").lower()
    labels = host.split(".")
    for first in range(len(labels) - 1):
        if provider := _DOMAINS.get(".".join(labels[first:])):
            return provider
    return next((provider for shape, provider in _REGIONAL if shape.fullmatch(host)), None)


def _by_name(name: str) -> str | None:
    """A class, module, display name or `provider/model` in, the provider it names out."""
    for said in _readings(name):
        if known := _KNOWN.fullmatch(_squeezed(said)):
            cloud = _CLOUDS.get(known["name"], "")
            role = _ROLES.get(known["role"] or "", "")
            return _BY_ROLE.get((cloud, role)) or _PROVIDERS[known["name"]]
    return None


def _readings(name: str) -> Iterator[str]:
    """A name in, the parts of it that may name a provider out, the most telling first."""
    yield name
    if package := _PACKAGE.match(name):
        parts = name[package.end() :].split(".")
        yield from (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    elif "/" in name and "://" not in name:
        maker, model = name.split("/", 1)
        yield maker + re.split(r"[^A-Za-z]", model, maxsplit=1)[0]  # google/gemini-… is Gemini
        yield maker


def _own_id(name: str) -> str:
    """A name nobody knows in, its host, its class or package in snake case, out."""
    if package := _PACKAGE.match(name):
        name = name[package.end() :].split(".", 1)[0]
    elif head := _HEAD.match(name):
        name = head[1]
    if path := _CLASS_PATH.fullmatch(name):
        name = path[1]
    if "." in name:
        return re.sub(r"[^\w.-]+", "_", name.lower())[:_LONGEST_ID].strip("_.-")
    snake = re.sub(r"[\W_]+", "_", _HUMP.sub("_", name).lower())[:_LONGEST_ID]
    return _LAST_ROLE.sub("", snake.strip("_")).strip("_")
