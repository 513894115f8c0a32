"""Nothing in, the names of schema v1 out: every span, attribute, event and metric name, once.

An attribute's constant is its name in upper case with `.` written as `_`; the other names carry a
prefix (`KIND_`, `EVENT_`, `METRIC_`, `OPERATION_` …). What each one means, its type, unit and
privacy stand in `voicespan.schema`; this module only holds strings, so that importing it is free.
"""

from typing import Final, NamedTuple

SCHEMA_VERSION: Final = "1"
SCOPE_NAME: Final = "voicespan"

# --- the call: on every span of ours -----------------------------------------------------------
SESSION_ID: Final = "session.id"
USER_ID: Final = "user.id"
GEN_AI_CONVERSATION_ID: Final = "gen_ai.conversation.id"
GEN_AI_AGENT_ID: Final = "gen_ai.agent.id"
GEN_AI_AGENT_NAME: Final = "gen_ai.agent.name"
GEN_AI_AGENT_VERSION: Final = "gen_ai.agent.version"
GEN_AI_OPERATION_NAME: Final = "gen_ai.operation.name"
GEN_AI_WORKFLOW_NAME: Final = "gen_ai.workflow.name"
VOICE_AGENT_VERSION: Final = "voice.agent.version"
VOICE_SPAN_KIND: Final = "voice.span.kind"
TENANT: Final = "tenant"
VOICE_CALL_SID: Final = "voice.call.sid"
VOICE_SESSION_BUCKET: Final = "voice.session.bucket"
VOICE_TURN_NUMBER: Final = "voice.turn.number"
VOICE_PII_FAILED: Final = "voice.pii.failed"
VOICE_PII_POLICY: Final = "voice.pii.policy"  # on our instrumentation scope
VOICE_LINK_KIND: Final = "voice.link.kind"
ERROR_TYPE: Final = "error.type"

# --- provider calls ----------------------------------------------------------------------------
GEN_AI_PROVIDER_NAME: Final = "gen_ai.provider.name"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
PEER_SERVICE: Final = "peer.service"
GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"
GEN_AI_REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
GEN_AI_REQUEST_TOP_P: Final = "gen_ai.request.top_p"
GEN_AI_REQUEST_TOP_K: Final = "gen_ai.request.top_k"
GEN_AI_REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
GEN_AI_REQUEST_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
GEN_AI_REQUEST_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
GEN_AI_REQUEST_STREAM: Final = "gen_ai.request.stream"
GEN_AI_REQUEST_SEED: Final = "gen_ai.request.seed"
GEN_AI_REQUEST_STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
GEN_AI_RESPONSE_ID: Final = "gen_ai.response.id"
GEN_AI_RESPONSE_MODEL: Final = "gen_ai.response.model"
GEN_AI_RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
GEN_AI_OUTPUT_TYPE: Final = "gen_ai.output.type"
GEN_AI_SPEECH_VOICE: Final = "gen_ai.speech.voice"
GEN_AI_SPEECH_INPUT_LANGUAGE: Final = "gen_ai.speech.input.language"

GEN_AI_USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
GEN_AI_USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
GEN_AI_USAGE_CACHE_WRITE_INPUT_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
GEN_AI_USAGE_REASONING_OUTPUT_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
GEN_AI_USAGE_TEXT_INPUT_TOKENS: Final = "gen_ai.usage.text.input_tokens"
GEN_AI_USAGE_TEXT_OUTPUT_TOKENS: Final = "gen_ai.usage.text.output_tokens"
GEN_AI_USAGE_TEXT_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.text.cache_read.input_tokens"
GEN_AI_USAGE_AUDIO_INPUT_TOKENS: Final = "gen_ai.usage.audio.input_tokens"
GEN_AI_USAGE_AUDIO_OUTPUT_TOKENS: Final = "gen_ai.usage.audio.output_tokens"
GEN_AI_USAGE_AUDIO_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.audio.cache_read.input_tokens"
GEN_AI_USAGE_IMAGE_INPUT_TOKENS: Final = "gen_ai.usage.image.input_tokens"
GEN_AI_USAGE_IMAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.image.output_tokens"
GEN_AI_USAGE_IMAGE_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.image.cache_read.input_tokens"

# --- tools and content -------------------------------------------------------------------------
GEN_AI_TOOL_NAME: Final = "gen_ai.tool.name"
GEN_AI_TOOL_TYPE: Final = "gen_ai.tool.type"
GEN_AI_TOOL_DESCRIPTION: Final = "gen_ai.tool.description"
GEN_AI_TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
GEN_AI_TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
GEN_AI_TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"
GEN_AI_TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
GEN_AI_INPUT_MESSAGES: Final = "gen_ai.input.messages"
GEN_AI_OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
GEN_AI_SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"

# --- cost: on leaf provider spans, rolled up on turn and session ---------------------------------
GEN_AI_USAGE_COST: Final = "gen_ai.usage.cost"
VOICE_TURN_COST: Final = "voice.turn.cost"
VOICE_SESSION_COST: Final = "voice.session.cost"
VOICE_COST_SOURCE: Final = "voice.cost.source"
VOICE_COST_AS_OF: Final = "voice.cost.as_of"
VOICE_COST_ESTIMATED: Final = "voice.cost.estimated"
VOICE_COST_UNPRICED: Final = "voice.cost.unpriced"

# --- voice facts -------------------------------------------------------------------------------
VOICE_TURN_INITIATOR: Final = "voice.turn.initiator"
VOICE_TURN_OUTCOME: Final = "voice.turn.outcome"
VOICE_TURN_PREEMPTIVE: Final = "voice.turn.preemptive"
VOICE_TURN_TIME_TO_FIRST_AUDIO: Final = "voice.turn.time_to_first_audio"
VOICE_TURN_TIME_TO_ANSWER: Final = "voice.turn.time_to_answer"
VOICE_TURN_TTFA_ENDPOINTING: Final = "voice.turn.ttfa.endpointing"
VOICE_TURN_TTFA_TRANSCRIPTION: Final = "voice.turn.ttfa.transcription"
VOICE_TURN_TTFA_APPLICATION: Final = "voice.turn.ttfa.application"
VOICE_TURN_TTFA_LLM: Final = "voice.turn.ttfa.llm"
VOICE_TURN_TTFA_TOOL: Final = "voice.turn.ttfa.tool"
VOICE_TURN_TTFA_TTS: Final = "voice.turn.ttfa.tts"
VOICE_TURN_TTFA_OUTPUT: Final = "voice.turn.ttfa.output"
VOICE_TURN_TTFA_UNATTRIBUTED: Final = "voice.turn.ttfa.unattributed"
VOICE_STAGE_INTERRUPTED: Final = "voice.stage.interrupted"
VOICE_LOOP_LAG_MAX: Final = "voice.loop_lag.max"
VOICE_ENDPOINTING_DELAY: Final = "voice.endpointing.delay"
VOICE_ENDPOINTING_PROBABILITY: Final = "voice.endpointing.probability"
VOICE_ENDPOINTING_SOURCE: Final = "voice.endpointing.source"
VOICE_BARGE_IN_LATENCY: Final = "voice.barge_in.latency"
VOICE_AGENT_SPEECH_SYNTHESIZED: Final = "voice.agent_speech.synthesized"
VOICE_AGENT_SPEECH_HEARD: Final = "voice.agent_speech.heard"
VOICE_AGENT_SPEECH_LEADING_SILENCE: Final = "voice.agent_speech.leading_silence"
VOICE_AGENT_SPEECH_GAPS: Final = "voice.agent_speech.gaps"
VOICE_STT_AUDIO_DURATION: Final = "voice.stt.audio_duration"
VOICE_STT_CONFIDENCE: Final = "voice.stt.confidence"
VOICE_STT_FINALIZATION_DELAY: Final = "voice.stt.finalization_delay"
VOICE_TTS_CHARACTERS: Final = "voice.tts.characters"
VOICE_TTS_AUDIO_DURATION: Final = "voice.tts.audio_duration"
VOICE_TRANSPORT_KIND: Final = "voice.transport.kind"
VOICE_TRANSPORT_MOS: Final = "voice.transport.mos"
VOICE_TRANSPORT_PACKET_LOSS: Final = "voice.transport.packet_loss"
VOICE_TRANSPORT_JITTER: Final = "voice.transport.jitter"
VOICE_SESSION_END_REASON: Final = "voice.session.end_reason"
VOICE_SESSION_OUTCOME: Final = "voice.session.outcome"
VOICE_SESSION_TURN_COUNT: Final = "voice.session.turn_count"
VOICE_SESSION_INTERRUPTION_COUNT: Final = "voice.session.interruption_count"
VOICE_SESSION_FALSE_INTERRUPTION_COUNT: Final = "voice.session.false_interruption_count"
VOICE_SESSION_TTFA_P50: Final = "voice.session.ttfa.p50"
VOICE_SESSION_TTFA_P95: Final = "voice.session.ttfa.p95"
VOICE_SESSION_TALK_OVER: Final = "voice.session.talk_over"
VOICE_CALLER_HASH: Final = "voice.caller.hash"
VOICE_RECORDING_URL: Final = "voice.recording.url"

# --- on events only ----------------------------------------------------------------------------
VOICE_OVERLAP_DURATION: Final = "voice.overlap.duration"
VOICE_OVERLAP_TEXT: Final = "voice.overlap.text"
VOICE_HANDOFF_FROM: Final = "voice.handoff.from"
VOICE_HANDOFF_TO: Final = "voice.handoff.to"
VOICE_RETRY_ATTEMPT: Final = "voice.retry.attempt"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"
GEN_AI_EVALUATION_NAME: Final = "gen_ai.evaluation.name"
GEN_AI_EVALUATION_SCORE_VALUE: Final = "gen_ai.evaluation.score.value"
GEN_AI_EVALUATION_SCORE_LABEL: Final = "gen_ai.evaluation.score.label"

# --- on metrics only ---------------------------------------------------------------------------
GEN_AI_TOKEN_TYPE: Final = "gen_ai.token.type"
VOICE_TTFA_PART: Final = "voice.ttfa.part"
VOICE_INTERRUPTION_KIND: Final = "voice.interruption.kind"
VOICE_GUARDRAIL_NAME: Final = "voice.guardrail.name"
VOICE_GUARDRAIL_VERDICT: Final = "voice.guardrail.verdict"

# --- events ------------------------------------------------------------------------------------
EVENT_BARGE_IN: Final = "barge_in"
EVENT_BACKCHANNEL: Final = "backchannel"
EVENT_FALSE_INTERRUPTION: Final = "false_interruption"
EVENT_NOISE: Final = "noise"
EVENT_HANDOFF: Final = "handoff"
EVENT_FIRST_AUDIO: Final = "first_audio"
EVENT_RETRY: Final = "retry"
EVENT_EXCEPTION: Final = "exception"
EVENT_EVALUATION: Final = "gen_ai.evaluation.result"
EVENT_GUARDRAIL_PREFIX: Final = "guardrail:"

# --- metrics -----------------------------------------------------------------------------------
METRIC_VOICE_TURN_TIME_TO_FIRST_AUDIO: Final = "voice.turn.time_to_first_audio"
METRIC_VOICE_TURN_TTFA_PART: Final = "voice.turn.ttfa.part"
METRIC_VOICE_TURN_DURATION: Final = "voice.turn.duration"
METRIC_VOICE_TURN_COUNT: Final = "voice.turn.count"
METRIC_VOICE_BARGE_IN_LATENCY: Final = "voice.barge_in.latency"
METRIC_VOICE_INTERRUPTION_COUNT: Final = "voice.interruption.count"
METRIC_VOICE_STAGE_DURATION: Final = "voice.stage.duration"
METRIC_VOICE_STAGE_ERRORS: Final = "voice.stage.errors"
METRIC_VOICE_SESSION_ACTIVE: Final = "voice.session.active"
METRIC_VOICE_SESSION_DURATION: Final = "voice.session.duration"
METRIC_VOICE_COST: Final = "voice.cost"
METRIC_VOICE_TTS_UNHEARD_SECONDS: Final = "voice.tts.unheard_seconds"
METRIC_VOICE_GUARDRAIL_COUNT: Final = "voice.guardrail.count"
METRIC_VOICE_LOOP_LAG: Final = "voice.loop_lag"
METRIC_VOICE_TRANSPORT_MOS: Final = "voice.transport.mos"
METRIC_VOICE_TRANSPORT_PACKET_LOSS: Final = "voice.transport.packet_loss"
METRIC_VOICE_TRANSPORT_JITTER: Final = "voice.transport.jitter"
METRIC_GEN_AI_CLIENT_OPERATION_DURATION: Final = "gen_ai.client.operation.duration"
METRIC_GEN_AI_CLIENT_OPERATION_TIME_TO_FIRST_CHUNK: Final = (
    "gen_ai.client.operation.time_to_first_chunk"
)
METRIC_GEN_AI_CLIENT_TOKEN_USAGE: Final = "gen_ai.client.token.usage"

# --- values ------------------------------------------------------------------------------------
OPERATION_INVOKE_WORKFLOW: Final = "invoke_workflow"
OPERATION_INVOKE_AGENT: Final = "invoke_agent"
OPERATION_SPEECH_TO_TEXT: Final = "speech_to_text"
OPERATION_CHAT: Final = "chat"
OPERATION_EXECUTE_TOOL: Final = "execute_tool"
OPERATION_TEXT_TO_SPEECH: Final = "text_to_speech"
OPERATION_REALTIME_INFERENCE: Final = "realtime_inference"

OUTCOME_ERROR: Final = "error"
OUTCOME_INTERRUPTED: Final = "interrupted"
OUTCOME_COMPLETED: Final = "completed"
OUTCOME_NO_RESPONSE: Final = "no_response"
OUTCOME_ABANDONED: Final = "abandoned"

INITIATOR_USER: Final = "user"
INITIATOR_AGENT: Final = "agent"

WAITED_FOR_SILENCE: Final = "silence"
WAITED_FOR_TRANSCRIPT: Final = "transcript"

LINK_SESSION: Final = "session"
LINK_PREVIOUS_TURN: Final = "previous_turn"
LINK_TURN: Final = "turn"

OUTPUT_TYPE_TEXT: Final = "text"
OUTPUT_TYPE_SPEECH: Final = "speech"
TOKEN_TYPE_INPUT: Final = "input"
TOKEN_TYPE_OUTPUT: Final = "output"
END_REASON_LOST: Final = "lost"

TTFA_PARTS: Final = (
    "endpointing",
    "transcription",
    "application",
    "llm",
    "tool",
    "tts",
    "output",
    "unattributed",
)
TTFA_ATTRIBUTES: Final = {part: f"voice.turn.ttfa.{part}" for part in TTFA_PARTS}

# --- span kinds (values of voice.span.kind) ------------------------------------------------------
KIND_SESSION: Final = "session"
KIND_TURN: Final = "turn"
KIND_USER_SPEECH: Final = "user_speech"
KIND_STT: Final = "stt"
KIND_LLM: Final = "llm"
KIND_TOOL: Final = "tool"
KIND_TTS: Final = "tts"
KIND_REALTIME: Final = "realtime"
KIND_AGENT_SPEECH: Final = "agent_speech"
KIND_VAD: Final = "vad"
KIND_NLU: Final = "nlu"
KIND_DIALOGUE_MANAGEMENT: Final = "dialogue_management"
KIND_API_CALL: Final = "api_call"
KIND_FILLER: Final = "filler"
KIND_BACKCHANNEL: Final = "backchannel"
KIND_DELIVERY: Final = "delivery"
KIND_NETWORK_IN: Final = "network_in"
KIND_NETWORK_OUT: Final = "network_out"
KIND_ANNOTATION: Final = "annotation"


class SpanType(NamedTuple):
    """One kind of span: its name (what, then of which model or tool), OTel kind and bounds."""

    name: str
    otel_kind: str
    operation: str | None
    bounds: str

    def named(self, subject: str | None = None) -> str:
        """Return the span's name: `"chat {model}"` → `"chat gpt-4.1"`, without a model `"chat"`."""
        what, _, of_which = self.name.partition(" ")
        return f"{what} {subject}" if of_which and subject else what


# A kind that is not here is the user's own word: INTERNAL, named after itself.
SPANS: Final = {
    KIND_SESSION: SpanType("session", "INTERNAL", OPERATION_INVOKE_WORKFLOW, "the call"),
    KIND_TURN: SpanType("turn", "INTERNAL", OPERATION_INVOKE_AGENT, "one exchange"),
    KIND_USER_SPEECH: SpanType(
        "user_speech", "INTERNAL", None, "true onset → true end (VAD hangover subtracted)"
    ),
    KIND_STT: SpanType(
        "speech_to_text {model}", "CLIENT", OPERATION_SPEECH_TO_TEXT, "onset → final transcript"
    ),
    KIND_LLM: SpanType("chat {model}", "CLIENT", OPERATION_CHAT, "request → last token"),
    KIND_TOOL: SpanType("execute_tool {tool}", "INTERNAL", OPERATION_EXECUTE_TOOL, "call → result"),
    KIND_TTS: SpanType(
        "text_to_speech {model}", "CLIENT", OPERATION_TEXT_TO_SPEECH, "text submitted → last byte"
    ),
    KIND_REALTIME: SpanType(
        "realtime_inference {model}",
        "CLIENT",
        OPERATION_REALTIME_INFERENCE,
        "one generation of a speech-to-speech model",
    ),
    KIND_AGENT_SPEECH: SpanType(
        "agent_speech", "INTERNAL", None, "first audio played → playout end or cut"
    ),
    KIND_VAD: SpanType("vad", "INTERNAL", None, "voice activity detection"),
    KIND_NLU: SpanType("nlu", "INTERNAL", None, "understanding of one utterance"),
    KIND_DIALOGUE_MANAGEMENT: SpanType(
        "dialogue_management", "INTERNAL", None, "decision on what to do next"
    ),
    KIND_API_CALL: SpanType("api_call", "INTERNAL", None, "request → response of any other API"),
    KIND_FILLER: SpanType("filler", "INTERNAL", None, "something said to bridge a wait"),
    KIND_BACKCHANNEL: SpanType("backchannel", "INTERNAL", None, "a short sign of listening"),
    KIND_DELIVERY: SpanType("delivery", "INTERNAL", None, "hand-over of audio to the caller"),
    KIND_NETWORK_IN: SpanType("network_in", "INTERNAL", None, "caller's device → agent"),
    KIND_NETWORK_OUT: SpanType("network_out", "INTERNAL", None, "agent → caller's device"),
    KIND_ANNOTATION: SpanType("annotation", "INTERNAL", None, "learned after the call"),
}
