"""An attribute's name in, its type, unit, privacy and span kinds out: the rows of schema v1."""

from dataclasses import dataclass
from typing import Final, Literal

from voicespan import attributes as a

Type = Literal["string", "int", "double", "boolean", "string[]"]
Privacy = Literal["none", "identifier", "content"]

ALL: Final = frozenset(a.SPANS)
IN_TURN: Final = ALL - {a.KIND_SESSION, a.KIND_ANNOTATION}
ANNOTATION: Final = frozenset({a.KIND_ANNOTATION})
PROVIDERS: Final = frozenset({a.KIND_STT, a.KIND_LLM, a.KIND_TTS, a.KIND_REALTIME})
GENERIC: Final = frozenset(
    {
        a.KIND_VAD,
        a.KIND_NLU,
        a.KIND_DIALOGUE_MANAGEMENT,
        a.KIND_API_CALL,
        a.KIND_FILLER,
        a.KIND_BACKCHANNEL,
        a.KIND_DELIVERY,
        a.KIND_NETWORK_IN,
        a.KIND_NETWORK_OUT,
    }
)
CALLS: Final = PROVIDERS | GENERIC
MODELS: Final = frozenset({a.KIND_LLM, a.KIND_REALTIME})
SPEAKING: Final = frozenset({a.KIND_TTS, a.KIND_REALTIME})
HEARING: Final = frozenset({a.KIND_USER_SPEECH, a.KIND_STT, a.KIND_REALTIME})
SESSION: Final = frozenset({a.KIND_SESSION})
TURN: Final = frozenset({a.KIND_TURN})
TOOL: Final = frozenset({a.KIND_TOOL})
STT: Final = frozenset({a.KIND_STT})
TTS: Final = frozenset({a.KIND_TTS})
AGENT_SPEECH: Final = frozenset({a.KIND_AGENT_SPEECH})
NOWHERE: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute; `kinds` are the span kinds carrying it (none: only events, links, metrics)."""

    name: str
    type: Type
    kinds: frozenset[str]
    description: str
    unit: str = ""
    privacy: Privacy = "none"

    @property
    def source(self) -> Literal["convention", "voice"]:
        """`convention`: OpenTelemetry's, agreed or openly proposed; `voice`: this schema's own."""
        return "voice" if self.name.startswith("voice.") else "convention"


def _usage(modality: str, what: str, kinds: frozenset[str]) -> tuple[Attribute, ...]:
    prefix = f"gen_ai.usage.{modality}."
    return (
        Attribute(f"{prefix}input_tokens", "int", kinds, f"{what} among the input tokens", "token"),
        Attribute(f"{prefix}output_tokens", "int", kinds, f"{what} among the output", "token"),
        Attribute(
            f"{prefix}cache_read.input_tokens", "int", kinds, f"cached {what} input", "token"
        ),
    )


# One row, one attribute; a long description takes a line of its own.
# fmt: off
_CALL = (
    Attribute(a.SESSION_ID, "string", ALL,
              "external session id, else the framework's, else generated", privacy="identifier"),
    Attribute(a.USER_ID, "string", ALL, "who calls, when known", privacy="identifier"),
    Attribute(a.GEN_AI_CONVERSATION_ID, "string", ALL,
              "same value as session.id: a call is the conversation", privacy="identifier"),
    Attribute(a.GEN_AI_AGENT_ID, "string", ALL, "the agent's id at its provider"),
    Attribute(a.GEN_AI_AGENT_NAME, "string", ALL, "the agent at work when the span started"),
    Attribute(a.GEN_AI_AGENT_VERSION, "string", ALL, "same value as voice.agent.version"),
    Attribute(a.GEN_AI_OPERATION_NAME, "string", ALL, "fixed per span kind; see spans"),
    Attribute(a.GEN_AI_WORKFLOW_NAME, "string", SESSION, "name of the whole application"),
    Attribute(a.VOICE_AGENT_VERSION, "string", ALL, "version of the agent, prompts included"),
    Attribute(a.VOICE_SPAN_KIND, "string", ALL, "the span's kind; see spans"),
    Attribute(a.TENANT, "string", ALL, "whose caller it is, in a service for several customers"),
    Attribute(a.VOICE_CALL_SID, "string", ALL, "the carrier's call id", privacy="identifier"),
    Attribute(a.VOICE_SESSION_BUCKET, "int", ALL,
              "0 to 99 by hash of the session: samplers keep or drop a call whole"),
    Attribute(a.VOICE_TURN_NUMBER, "int", IN_TURN, "number of the turn in its call, from 1"),
    Attribute(a.VOICE_PII_FAILED, "boolean", ALL, "masking failed and content was withheld"),
    Attribute(a.ERROR_TYPE, "string", ALL, "class of the error that ended the span"),
)
_PROVIDER = (
    Attribute(a.GEN_AI_PROVIDER_NAME, "string", CALLS,
              "who serves the model, in the registry's spelling"),
    Attribute(a.SERVER_ADDRESS, "string", CALLS, "host of the provider"),
    Attribute(a.SERVER_PORT, "int", CALLS, "port of the provider, when not the scheme's own"),
    Attribute(a.PEER_SERVICE, "string", CALLS, "name of the provider in service graphs"),
    Attribute(a.GEN_AI_REQUEST_MODEL, "string", CALLS, "model asked for"),
    Attribute(a.GEN_AI_REQUEST_TEMPERATURE, "double", PROVIDERS, "sampling temperature"),
    Attribute(a.GEN_AI_REQUEST_TOP_P, "double", MODELS, "nucleus sampling"),
    Attribute(a.GEN_AI_REQUEST_TOP_K, "double", MODELS, "top-k sampling"),
    Attribute(a.GEN_AI_REQUEST_MAX_TOKENS, "int", MODELS, "limit on output", "token"),
    Attribute(a.GEN_AI_REQUEST_FREQUENCY_PENALTY, "double", MODELS, "frequency penalty"),
    Attribute(a.GEN_AI_REQUEST_PRESENCE_PENALTY, "double", MODELS, "presence penalty"),
    Attribute(a.GEN_AI_REQUEST_STREAM, "boolean", PROVIDERS, "the response was streamed"),
    Attribute(a.GEN_AI_REQUEST_SEED, "int", MODELS, "sampling seed"),
    Attribute(a.GEN_AI_REQUEST_STOP_SEQUENCES, "string[]", MODELS, "strings that end the output"),
    Attribute(a.GEN_AI_RESPONSE_ID, "string", PROVIDERS, "the provider's id of the response"),
    Attribute(a.GEN_AI_RESPONSE_MODEL, "string", PROVIDERS, "model that answered"),
    Attribute(a.GEN_AI_RESPONSE_FINISH_REASONS, "string[]", MODELS, "why generation stopped"),
    Attribute(a.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, "double", PROVIDERS,
              "request → first token, transcript or audio byte", "s"),
    Attribute(a.GEN_AI_OUTPUT_TYPE, "string", PROVIDERS, "text, json or speech"),
    Attribute(a.GEN_AI_SPEECH_VOICE, "string", SPEAKING, "voice asked for"),
    Attribute(a.GEN_AI_SPEECH_INPUT_LANGUAGE, "string", HEARING, "language heard (BCP 47)"),
    Attribute(a.GEN_AI_USAGE_INPUT_TOKENS, "int", PROVIDERS,
              "all input, cached and of every modality included", "token"),
    Attribute(a.GEN_AI_USAGE_OUTPUT_TOKENS, "int", PROVIDERS,
              "all output, reasoning and every modality included", "token"),
    Attribute(a.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS, "int", MODELS, "input from cache", "token"),
    Attribute(a.GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS, "int", MODELS, "input into cache", "token"),
    Attribute(a.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS, "int", MODELS, "reasoning output", "token"),
    *_usage("text", "text", PROVIDERS),
    *_usage("audio", "audio", PROVIDERS),
    *_usage("image", "images", MODELS),
)
_CONTENT = (
    Attribute(a.GEN_AI_TOOL_NAME, "string", TOOL, "the tool"),
    Attribute(a.GEN_AI_TOOL_TYPE, "string", TOOL, "function, extension or datastore"),
    Attribute(a.GEN_AI_TOOL_DESCRIPTION, "string", TOOL, "what the model was told it does"),
    Attribute(a.GEN_AI_TOOL_CALL_ID, "string", TOOL, "the model's id of the call"),
    Attribute(a.GEN_AI_TOOL_CALL_ARGUMENTS, "string", TOOL, "JSON", privacy="content"),
    Attribute(a.GEN_AI_TOOL_CALL_RESULT, "string", TOOL, "JSON or text", privacy="content"),
    Attribute(a.GEN_AI_TOOL_DEFINITIONS, "string", MODELS, "JSON", privacy="content"),
    Attribute(a.GEN_AI_INPUT_MESSAGES, "string", ALL - TOOL,
              "JSON; on the turn the user's words", privacy="content"),
    Attribute(a.GEN_AI_OUTPUT_MESSAGES, "string", ALL - TOOL,
              "JSON; on the turn the words the agent spoke", privacy="content"),
    Attribute(a.GEN_AI_SYSTEM_INSTRUCTIONS, "string", MODELS, "JSON", privacy="content"),
)
_COST = (
    Attribute(a.GEN_AI_USAGE_COST, "double", CALLS, "cost of this call alone", "USD"),
    Attribute(a.VOICE_TURN_COST, "double", TURN, "sum over the turn's calls", "USD"),
    Attribute(a.VOICE_SESSION_COST, "double", SESSION, "sum over the call's turns", "USD"),
    Attribute(a.VOICE_COST_SOURCE, "string", ALL, "price list used"),
    Attribute(a.VOICE_COST_AS_OF, "string", ALL, "date of the price (ISO 8601)"),
    Attribute(a.VOICE_COST_ESTIMATED, "boolean", ALL, "usage or price was estimated"),
    Attribute(a.VOICE_COST_UNPRICED, "string", ALL, "why there is no cost"),
)
_TTFA = {
    "endpointing": "waiting for silence to decide that the user was done",
    "transcription": "waiting for the final transcript",
    "application": "the application's own hooks (retrieval, callbacks)",
    "llm": "the model, to speakable text",
    "tool": "tools",
    "tts": "synthesis, to its first byte",
    "output": "from first byte to first frame played",
    "unattributed": "facts were missing",
}
_VOICE = (
    Attribute(a.VOICE_TURN_INITIATOR, "string", TURN, "user or agent"),
    Attribute(a.VOICE_TURN_OUTCOME, "string", TURN,
              "error, interrupted, completed, no_response or abandoned"),
    Attribute(a.VOICE_TURN_PREEMPTIVE, "boolean", TURN, "generated before the turn was committed"),
    Attribute(a.VOICE_TURN_TIME_TO_FIRST_AUDIO, "double", TURN,
              "user's true end → first frame played; absent when the agent opened", "s"),
    Attribute(a.VOICE_TURN_TIME_TO_ANSWER, "double", TURN,
              "user's true end → the answer, when a filler came first", "s"),
    *(Attribute(a.TTFA_ATTRIBUTES[part], "double", TURN, f"of time to first audio: {what}", "s")
      for part, what in _TTFA.items()),
    Attribute(a.VOICE_STAGE_INTERRUPTED, "boolean", IN_TURN - TURN, "the stage was cut short"),
    Attribute(a.VOICE_LOOP_LAG_MAX, "double", TURN, "longest stall of the event loop", "s"),
    Attribute(a.VOICE_ENDPOINTING_DELAY, "double", TURN, "true end → turn committed", "s"),
    Attribute(a.VOICE_ENDPOINTING_PROBABILITY, "double", TURN, "that the user was done, 0 to 1"),
    Attribute(a.VOICE_ENDPOINTING_SOURCE, "string", TURN, "waited for: silence or transcript"),
    Attribute(a.VOICE_BARGE_IN_LATENCY, "double", TURN,
              "on the interrupted turn: user's onset → agent silent", "s"),
    Attribute(a.VOICE_AGENT_SPEECH_SYNTHESIZED, "double", AGENT_SPEECH, "audio made", "s"),
    Attribute(a.VOICE_AGENT_SPEECH_HEARD, "double", AGENT_SPEECH, "audio played", "s"),
    Attribute(a.VOICE_AGENT_SPEECH_LEADING_SILENCE, "double", AGENT_SPEECH,
              "silence at the start of the audio", "s"),
    Attribute(a.VOICE_AGENT_SPEECH_GAPS, "double", AGENT_SPEECH, "silence by underruns", "s"),
    Attribute(a.VOICE_STT_AUDIO_DURATION, "double", STT, "audio transcribed", "s"),
    Attribute(a.VOICE_STT_CONFIDENCE, "double", STT, "of the final transcript, 0 to 1"),
    Attribute(a.VOICE_STT_FINALIZATION_DELAY, "double", STT, "true end → final transcript", "s"),
    Attribute(a.VOICE_TTS_CHARACTERS, "int", TTS, "characters submitted"),
    Attribute(a.VOICE_TTS_AUDIO_DURATION, "double", TTS, "audio made", "s"),
    Attribute(a.VOICE_TRANSPORT_KIND, "string", ALL, "webrtc, websocket, sip, …"),
    Attribute(a.VOICE_TRANSPORT_MOS, "double", ALL, "mean opinion score, 1 to 5"),
    Attribute(a.VOICE_TRANSPORT_PACKET_LOSS, "double", ALL, "share of packets lost, 0 to 1"),
    Attribute(a.VOICE_TRANSPORT_JITTER, "double", ALL, "jitter", "s"),
    Attribute(a.VOICE_SESSION_END_REASON, "string", SESSION,
              "why the call ended; lost: its process died"),
    Attribute(a.VOICE_SESSION_OUTCOME, "string", SESSION | ANNOTATION,
              "what came of it, in the caller's words"),
    Attribute(a.VOICE_SESSION_TURN_COUNT, "int", SESSION, "turns"),
    Attribute(a.VOICE_SESSION_INTERRUPTION_COUNT, "int", SESSION, "interrupted turns"),
    Attribute(a.VOICE_SESSION_FALSE_INTERRUPTION_COUNT, "int", SESSION, "false interruptions"),
    Attribute(a.VOICE_SESSION_TTFA_P50, "double", SESSION, "median time to first audio", "s"),
    Attribute(a.VOICE_SESSION_TTFA_P95, "double", SESSION, "95th percentile of the same", "s"),
    Attribute(a.VOICE_SESSION_TALK_OVER, "double", SESSION, "both were speaking", "s"),
    Attribute(a.VOICE_CALLER_HASH, "string", ALL,
              "keyed hash of the caller's number", privacy="identifier"),
    Attribute(a.VOICE_RECORDING_URL, "string", SESSION | TURN,
              "where the recording is", privacy="identifier"),
)
_ELSEWHERE = (
    Attribute(a.VOICE_PII_POLICY, "string", NOWHERE,
              "on the instrumentation scope: the policy its spans are masked with already"),
    Attribute(a.VOICE_LINK_KIND, "string", NOWHERE, "on links: session, previous_turn or turn"),
    Attribute(a.VOICE_OVERLAP_DURATION, "double", NOWHERE, "how long the user spoke", "s"),
    Attribute(a.VOICE_OVERLAP_TEXT, "string", NOWHERE, "what the user said", privacy="content"),
    Attribute(a.VOICE_HANDOFF_FROM, "string", NOWHERE, "agent that handed over"),
    Attribute(a.VOICE_HANDOFF_TO, "string", NOWHERE, "agent that took over"),
    Attribute(a.VOICE_RETRY_ATTEMPT, "int", NOWHERE, "number of the failed attempt, from 1"),
    Attribute(a.EXCEPTION_TYPE, "string", NOWHERE, "class of the exception"),
    Attribute(a.EXCEPTION_MESSAGE, "string", NOWHERE, "its message", privacy="content"),
    Attribute(a.EXCEPTION_STACKTRACE, "string", NOWHERE, "its traceback", privacy="content"),
    Attribute(a.GEN_AI_EVALUATION_NAME, "string", NOWHERE, "what was scored"),
    Attribute(a.GEN_AI_EVALUATION_SCORE_VALUE, "double", NOWHERE, "the score, when a number"),
    Attribute(a.GEN_AI_EVALUATION_SCORE_LABEL, "string", NOWHERE, "the score, when a word"),
    Attribute(a.GEN_AI_TOKEN_TYPE, "string", NOWHERE, "input or output"),
    Attribute(a.VOICE_TTFA_PART, "string", NOWHERE, "part of time to first audio"),
    Attribute(a.VOICE_INTERRUPTION_KIND, "string", NOWHERE,
              "barge_in, false_interruption or backchannel"),
    Attribute(a.VOICE_GUARDRAIL_NAME, "string", NOWHERE, "what follows `guardrail:`"),
    Attribute(a.VOICE_GUARDRAIL_VERDICT, "string", NOWHERE, "passed or flagged"),
)
# fmt: on

SCHEMA: Final = {
    row.name: row for row in (*_CALL, *_PROVIDER, *_CONTENT, *_COST, *_VOICE, *_ELSEWHERE)
}
