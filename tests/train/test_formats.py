import wave

import numpy as np
import pytest
from PIL import Image

from hwgen.train.data import load
from hwgen.train.errors import DataError
from hwgen.train.speech import RATE, SILENCE, UNKNOWN, mfcc_codes

pytestmark = pytest.mark.train

HEADER = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\n"


def picture(path, left, top):
    """A grey picture of 40x30 with a red square of 12x12 where the sign is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((30, 40, 3), 90, np.uint8)
    pixels[top : top + 12, left : left + 12] = (200, 10, 20)
    Image.fromarray(pixels).save(path)


def test_gtsrb_cuts_out_the_sign(tmp_path):
    for number, place in ((3, (5, 7)), (42, (20, 10))):
        folder = tmp_path / "GTSRB" / "Final_Training" / "Images" / f"{number:05}"
        picture(folder / "00000_00000.ppm", *place)
        box = f"{place[0]};{place[1]};{place[0] + 12};{place[1] + 12}"
        (folder / f"GT-{number:05}.csv").write_text(
            HEADER + f"00000_00000.ppm;40;30;{box};{number}\n"
        )
    samples = load("gtsrb", "train", tmp_path)
    assert samples.y.tolist() == [3, 42]
    assert samples.x.shape == (2, 3, 12, 12)
    assert samples.x.flatten(2).unique(dim=2).squeeze().tolist() == [[200, 10, 20]] * 2


def test_gtsrb_test_set_and_damage(tmp_path):
    folder = tmp_path / "Final_Test" / "Images"
    picture(folder / "00000.ppm", 0, 0)
    table = tmp_path / "GT-final_test.csv"
    table.write_text(HEADER + "00000.ppm;40;30;0;0;12;12;7\n")
    assert load("gtsrb", "test", tmp_path).y.tolist() == [7]
    (folder / "00000.ppm").write_bytes(b"P6 40")
    with pytest.raises(DataError, match=r"00000\.ppm is missing or damaged"):
        load("gtsrb", "test", tmp_path)
    table.write_text("Filename;Width\n00000.ppm;3\n")
    with pytest.raises(DataError, match="is damaged or has no column ClassId"):
        load("gtsrb", "test", tmp_path)


def record(path, sound, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((sound * 32767).astype("<i2").tobytes())


def tone(hz, seconds=1.0):
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)


def test_speech_splits_and_classes(tmp_path):
    for word, hz in (("yes", 300), ("down", 500), ("cat", 900)):
        for speaker in ("a", "b", "c"):
            record(tmp_path / word / f"{speaker}.wav", tone(hz))
    record(tmp_path / "_background_noise_" / "hum.wav", tone(50, 4))
    (tmp_path / "testing_list.txt").write_text("yes/a.wav\ndown/a.wav\ncat/a.wav\n")
    (tmp_path / "validation_list.txt").write_text("yes/b.wav\ndown/b.wav\n")
    test, train = load("gscv2", "test", tmp_path), load("gscv2", "train", tmp_path)
    assert test.y.tolist() == [9, 0, UNKNOWN, SILENCE]
    assert sorted(train.y.tolist()) == [0, 9, SILENCE, UNKNOWN]
    assert test.x.shape == (4, 490)
    record(tmp_path / "yes" / "a.wav", tone(300), rate=8000)
    with pytest.raises(DataError, match="not 16-bit mono at 16000 Hz"):
        load("gscv2", "test", tmp_path)


def test_louder_sound_raises_the_first_coefficient_alone():
    """log energy adds a constant, of which the cosine transform keeps the first coefficient."""
    noise = np.random.default_rng(1).normal(0, 0.3, RATE)
    quiet, loud = (mfcc_codes(gain * noise).reshape(49, 10).astype(int) for gain in (0.1, 1.0))
    assert np.abs((loud - quiet)[:, 1:]).max() <= 1
    expected = np.log(10) * 40**0.5 / 0.33674246
    np.testing.assert_allclose((loud - quiet)[:, 0], expected, atol=1)


def test_short_sound_is_padded():
    assert mfcc_codes(tone(440)[:4000]).shape == (490,)
