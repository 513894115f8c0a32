"""What a provider call consumed, as one record that every integration fills in the same way."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Usage:
    """What one call consumed; `None` means unknown, not zero. Seconds are floats, else integers.

    Totals are inclusive, as the gen_ai convention counts them: cached and audio tokens are part
    of `input_tokens`.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_input_tokens: int | None = None
    audio_output_tokens: int | None = None
    audio_cache_read_tokens: int | None = None
    reasoning_tokens: int | None = None
    audio_seconds: float | None = None
    connection_seconds: float | None = None
    session_seconds: float | None = None
    characters: int | None = None
    channels: int | None = None
    requests: int | None = None


USAGE_FIELDS = frozenset(field.name for field in fields(Usage))
"""The names a stage's facts use for usage."""
