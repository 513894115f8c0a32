"""The name of a recorded clip in, the caller's voice out; and the noise of the line they are on."""

import wave
from pathlib import Path

import numpy as np

CLIPS = Path(__file__).parent / "clips"
RATE = 16_000
NOISE_DBFS = -60.0


def recording(name: str) -> bytes:
    """Return a clip as 16-bit mono PCM at 16 kHz."""
    with wave.open(str(CLIPS / f"{name}.wav")) as clip:
        if (clip.getframerate(), clip.getnchannels(), clip.getsampwidth()) != (RATE, 1, 2):
            raise ValueError(f"{name}.wav is not 16-bit mono at {RATE} Hz")
        return bytes(clip.readframes(clip.getnframes()))


class LineNoise:
    """Adds the faint noise of a real line to each frame.

    Pipecat's volume gate climbs slowly out of digital silence: onsets after zeros are found up to
    160 ms late (clips/README.md).
    """

    def __init__(self, dbfs: float = NOISE_DBFS) -> None:
        rng = np.random.default_rng(1)
        self._noise = rng.normal(0, 32768 * 10 ** (dbfs / 20), RATE).astype(np.int16)
        self._at = 0

    def __call__(self, frame: bytes) -> bytes:
        """Return the frame with noise added."""
        clean = np.frombuffer(frame, np.int16).astype(np.int32)
        at = (self._at + np.arange(len(clean))) % len(self._noise)
        self._at += len(clean)
        noisy = np.clip(clean + self._noise[at], -32768, 32767).astype(np.int16)
        return bytes(noisy.tobytes())
