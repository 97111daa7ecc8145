"""Google's speech commands, version 2, as published: WAV files to the MFCC codes of a keyword net.

A second of sound becomes 49 frames of 10 mel-frequency cepstral coefficients, as int8 codes of one
scale. The numbers come near those of the MLPerf Tiny data but are not bit for bit the same: its
exact front end is TensorFlow's.
"""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from scipy.fft import dct

from hwgen.train.errors import DataError

RATE = 16_000
FRAME = 640  # 40 ms
HOP = 320  # 20 ms
FFT = 1024
MELS = 40
COEFFICIENTS = 10
LOW_HZ, HIGH_HZ = 20.0, 4000.0
SCALE = 0.33674246  # of one code

WORDS = ("down", "go", "left", "no", "off", "on", "right", "stop", "up", "yes")
SILENCE, UNKNOWN = 10, 11
NOISE = "_background_noise_"

Arrays = tuple[np.ndarray, np.ndarray]


def read_speech(split: str, folder: Path) -> Arrays | None:
    """Read the unpacked archive: ten words, silence and unknown, codes (N, 490).

    Training takes what ``testing_list.txt`` and ``validation_list.txt`` do not name, and every
    tenth of the other words as unknown; silence is cut from the noise recordings. None where the
    files are not there.

    Raises
    ------
    DataError
        a recording is damaged or has another format
    """
    listing = folder / "testing_list.txt"
    if not listing.is_file():
        return None
    tests = listing.read_text(encoding="utf-8").split()
    if split == "test":
        names = tests
    else:
        held = {*tests, *_lines(folder / "validation_list.txt")}
        every = sorted(path.relative_to(folder).as_posix() for path in folder.glob("*/*.wav"))
        names = [name for name in every if name not in held and not name.startswith(NOISE)]
    others = [name for name in names if _class(name) == UNKNOWN][::10]
    chosen = [name for name in names if _class(name) != UNKNOWN] + others
    sounds = [_sound(folder / name) for name in chosen]
    quiet = _silence(folder, len(others), 0 if split == "train" else 1)
    codes = [mfcc_codes(sound) for sound in (*sounds, *quiet)]
    labels = [*map(_class, chosen), *[SILENCE] * len(quiet)]
    return np.stack(codes), np.array(labels)


def mfcc_codes(sound: np.ndarray) -> np.ndarray:
    """Return int8 (490,) of a second of sound, float in -1..1, coefficients fastest."""
    padded = np.zeros(RATE)
    padded[: min(len(sound), RATE)] = sound[:RATE]
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    loudness = np.abs(np.fft.rfft(frames * window, FFT))
    energy = np.log(np.maximum(loudness @ _mel_filters().T, 1e-12))
    cepstrum = dct(energy, type=2, norm="ortho", axis=1)[:, :COEFFICIENTS]
    return np.clip(np.rint(cepstrum / SCALE), -128, 127).astype(np.int8).reshape(-1)


def _mel_filters() -> np.ndarray:
    """Return triangular filters (mels, bins), evenly spaced on the mel scale."""
    edges = np.linspace(_mel(LOW_HZ), _mel(HIGH_HZ), MELS + 2)
    bins = _mel(np.arange(FFT // 2 + 1) * RATE / FFT)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(0.0, np.minimum(rising, falling))


def _mel(hz: np.ndarray | float) -> np.ndarray:
    return 1127.0 * np.log1p(np.asarray(hz) / 700.0)


def _class(name: str) -> int:
    word = name.split("/")[0]
    return WORDS.index(word) if word in WORDS else UNKNOWN


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split() if path.is_file() else []


def _sound(path: Path) -> np.ndarray:
    try:
        with wave.open(str(path)) as file:
            kind = file.getnchannels(), file.getsampwidth(), file.getframerate()
            raw = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise DataError(f"{path} is missing or damaged ({error}); fetch it again") from None
    if kind != (1, 2, RATE):
        raise DataError(f"{path} is not 16-bit mono at {RATE} Hz; fetch the archive again")
    return np.frombuffer(raw, "<i2") / 32768.0


def _silence(folder: Path, count: int, offset: int) -> list[np.ndarray]:
    """Cut ``count`` seconds from the noise recordings, every other one by ``offset``."""
    noises = [_sound(path) for path in sorted((folder / NOISE).glob("*.wav"))]
    noises = [noise for noise in noises if len(noise) >= 2 * RATE]
    if not noises:
        return []
    cuts = []
    for index in range(count):
        noise = noises[index % len(noises)]
        seconds = len(noise) // RATE
        start = (2 * (index // len(noises)) + offset) % seconds
        cuts.append(noise[start * RATE : (start + 1) * RATE] * (0.1 + 0.9 * (index % 10) / 9))
    return cuts
