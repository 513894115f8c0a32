"""Recorded clips in, what pipecat's real Silero analyzer hears in them out."""

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams, VADState

CLIPS = Path(__file__).resolve().parents[2] / "src" / "voicespan" / "demo" / "clips"
NAMES = ("order_status", "order_number", "barge_in", "uh_huh", "cough", "thanks")
RATE = 16000
CHUNK = RATE // 50  # 20 ms, as a transport delivers it
ALIGNMENTS = range(0, 512, 64)  # where in Silero's 512-sample window a clip begins
LINE_NOISE_DBFS = -60.0

Samples = npt.NDArray[np.int16]


def read(name: str) -> Samples:
    """Return a clip's samples, after checking that it is 16 kHz mono 16-bit."""
    with wave.open(str(CLIPS / f"{name}.wav")) as clip:
        assert (clip.getframerate(), clip.getnchannels(), clip.getsampwidth()) == (RATE, 1, 2)
        return np.frombuffer(clip.readframes(clip.getnframes()), np.int16)


async def hear(clip: Samples, shift: int, noise_dbfs: float | None) -> list[tuple[float, float]]:
    """Return the back-dated stretches Silero reports, in seconds from the clip's first sample."""
    lead = RATE + shift
    line = np.concatenate([np.zeros(lead), clip, np.zeros(RATE)])
    if noise_dbfs is not None:
        level = 32768 * 10 ** (noise_dbfs / 20)
        line = line + np.random.default_rng(1).normal(0, level, len(line))
    stream = np.clip(np.rint(line), -32768, 32767).astype(np.int16)

    params = VADParams()
    analyzer = SileroVADAnalyzer(sample_rate=RATE, params=params)
    analyzer.set_sample_rate(RATE)
    heard: list[tuple[float, float]] = []
    onset: float | None = None
    try:
        for end in range(CHUNK, len(stream) + 1, CHUNK):
            state = await analyzer.analyze_audio(stream[end - CHUNK : end].tobytes())
            now = (end - lead) / RATE
            if onset is None and state is VADState.SPEAKING:
                onset = now - params.start_secs
            elif onset is not None and state is VADState.QUIET:
                heard.append((onset, now - params.stop_secs))
                onset = None
    finally:
        await analyzer.cleanup()  # type: ignore[no-untyped-call]  # pipecat annotates no return
    assert onset is None, "speech was still being reported one second after the clip"
    return heard


@pytest.mark.parametrize("shift", ALIGNMENTS)
@pytest.mark.parametrize("name", NAMES)
async def test_heard_as_one_segment_on_a_quiet_line(name: str, shift: int) -> None:
    """On a line with faint noise, one segment is heard, within 100 ms of the clip's bounds."""
    clip = read(name)
    heard = await hear(clip, shift, LINE_NOISE_DBFS)
    assert len(heard) == 1
    onset, end = heard[0]
    assert abs(onset) <= 0.1
    assert abs(end - len(clip) / RATE) <= 0.1


@pytest.mark.parametrize("shift", ALIGNMENTS)
@pytest.mark.parametrize("name", NAMES)
async def test_heard_as_one_segment_after_digital_silence(name: str, shift: int) -> None:
    """After all-zero samples pipecat's volume gate opens late: one segment, 100-200 ms late."""
    clip = read(name)
    heard = await hear(clip, shift, None)
    assert len(heard) == 1
    onset, end = heard[0]
    assert 0.1 <= onset <= 0.2
    assert abs(end - len(clip) / RATE) <= 0.1


@pytest.mark.parametrize("name", NAMES)
def test_trimmed_and_levelled(name: str) -> None:
    """Sound reaches -40 dBFS within 10 ms of both bounds, and the peak is -3 dBFS."""
    clip = np.abs(read(name).astype(np.float64)) / 32768
    edge = RATE // 100
    assert clip[:edge].max() >= 0.01
    assert clip[-edge:].max() >= 0.01
    assert 20 * np.log10(clip.max()) == pytest.approx(-3, abs=0.1)


def test_lengths_and_size() -> None:
    """The listening noise is at most 0.6 s, and all the clips together stay under 1 MB."""
    assert len(read("uh_huh")) / RATE <= 0.6
    assert {path.stem for path in CLIPS.glob("*.wav")} == set(NAMES)
    assert sum(path.stat().st_size for path in CLIPS.iterdir()) < 1_000_000
