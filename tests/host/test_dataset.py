"""Frames and labels from files, and every way such a file can be wrong."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from hwgen.errors import InputError
from hwgen.host import arrange, read_frames, read_labelled


def jpeg(colour: tuple[int, int, int], size: tuple[int, int] = (16, 8)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def save_jpegs(path, files: list[bytes]) -> None:
    offsets = np.cumsum([0, *map(len, files)])
    data = np.frombuffer(b"".join(files), dtype=np.uint8)
    np.savez(path, jpeg=data, offsets=offsets, y=np.arange(len(files)))


def test_pairs_are_read_and_limited(tmp_path):
    x = np.arange(60, dtype=np.uint8).reshape(5, 3, 4)
    np.savez(tmp_path / "d.npz", x=x, y=np.arange(5, dtype=np.uint8))

    whole, part = read_labelled(tmp_path / "d.npz"), read_labelled(tmp_path / "d.npz", 2)

    np.testing.assert_array_equal(whole.x, x)
    np.testing.assert_array_equal(part.x, x[:2])
    np.testing.assert_array_equal(part.y, [0, 1])
    np.testing.assert_array_equal(whole.head(3).y, [0, 1, 2])
    assert whole.head(None) is whole


def test_jpeg_sets_are_decoded(tmp_path):
    save_jpegs(tmp_path / "d.npz", [jpeg((250, 5, 5)), jpeg((5, 5, 250))])

    data = read_labelled(tmp_path / "d.npz")

    assert data.x.shape == (2, 8, 16, 3)
    assert data.x.dtype == np.uint8
    assert abs(data.x[0].astype(int) - [250, 5, 5]).max() <= 3
    assert abs(data.x[1].astype(int) - [5, 5, 250]).max() <= 3


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((2, 3))}, "holds x; expected x and y"),
        ({"x": np.zeros((2, 3)), "y": np.zeros(3, int)}, "2 frames and 3 labels"),
        ({"x": np.zeros((2, 3)), "y": np.zeros(2)}, "y has type float64"),
        ({"x": np.zeros((0, 3)), "y": np.zeros(0, int)}, "at least one"),
        (
            {"jpeg": np.zeros(9, np.uint8), "offsets": np.array([0, 9]), "y": np.zeros(1, int)},
            "frame 0 is not a JPEG",
        ),
        (
            {"jpeg": np.zeros(9, np.uint8), "offsets": np.array([0, 9]), "y": np.zeros(2, int)},
            "2 offsets, 2 frames need 3",
        ),
    ],
)
def test_wrong_archives_are_named(tmp_path, arrays, message):
    np.savez(tmp_path / "d.npz", **arrays)
    with pytest.raises(InputError, match=message):
        read_labelled(tmp_path / "d.npz")


def test_images_of_two_sizes_are_named(tmp_path):
    save_jpegs(tmp_path / "d.npz", [jpeg((1, 2, 3)), jpeg((1, 2, 3), (8, 8))])
    with pytest.raises(InputError, match="images differ in size"):
        read_labelled(tmp_path / "d.npz")


@pytest.mark.parametrize("reader", [read_frames, read_labelled])
def test_files_that_are_none_are_named(tmp_path, reader):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        reader(tmp_path / "none.npy")
    with pytest.raises(InputError, match="cannot be read"):
        reader(tmp_path)
    for content in (b"", b"some text", b"PK\x03\x04 broken", b"\x93NUMPY\x01\x00"):
        (tmp_path / "broken").write_bytes(content)
        with pytest.raises(InputError, match="broken"):
            reader(tmp_path / "broken")
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"objects\.npy"):
        reader(tmp_path / "objects.npy")


def test_an_archive_is_no_array_and_an_array_no_archive(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros(3))
    np.save(tmp_path / "a.npy", np.zeros((2, 3)))
    with pytest.raises(InputError, match="an archive of arrays"):
        read_frames(tmp_path / "a.npz")
    with pytest.raises(InputError, match="one array without labels"):
        read_labelled(tmp_path / "a.npy")


@pytest.mark.parametrize("array", [np.array("text"), np.zeros((0, 4)), np.float64(3)])
def test_arrays_without_frames_are_named(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InputError, match=r"a\.npy"):
        read_frames(tmp_path / "a.npy")


def test_frames_are_arranged_as_the_file_takes_them():
    image = np.arange(2 * 8 * 6 * 3).reshape(2, 8, 6, 3)
    nchw = image.transpose(0, 3, 1, 2)

    assert arrange(image, (8, 6, 3)) is image
    np.testing.assert_array_equal(arrange(image, (3, 8, 6)), nchw)
    np.testing.assert_array_equal(arrange(image, (144,)), nchw.reshape(2, 144))
    np.testing.assert_array_equal(arrange(image, (1, 144)), nchw.reshape(2, 1, 144))
    np.testing.assert_array_equal(arrange(image[..., 0], (1, 8, 6)), image[:, None, :, :, 0])
    np.testing.assert_array_equal(arrange(nchw, (144,)), nchw.reshape(2, 144))
    with pytest.raises(InputError, match=r"shape \(8, 6, 3\), 144 values; the network takes"):
        arrange(image, (143,))


def test_signals_with_channels_last_are_turned():
    x = np.arange(12).reshape(1, 6, 2)
    np.testing.assert_array_equal(arrange(x, (2, 6))[0], x[0].T)
    np.testing.assert_array_equal(arrange(x.transpose(0, 2, 1), (2, 6))[0], x[0].T)


def test_square_frames_that_gain_a_channel_are_not_turned():
    x = np.arange(9).reshape(1, 3, 3)
    np.testing.assert_array_equal(arrange(x, (1, 3, 3))[0, 0], x[0])
