"""Labelled sets and arrays of frames from files, shaped as a network takes them."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from hwgen.errors import InputError

Frames = npt.NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class Labelled:
    """A labelled set.

    x : frames, shape (N, ...)
    y : class of each, int64 (N,)
    """

    x: Frames
    y: npt.NDArray[np.int64]

    def head(self, limit: int | None) -> Labelled:
        """Return the first ``limit`` frames, all without a limit."""
        return self if limit is None else Labelled(self.x[:limit], self.y[:limit])


def read_frames(path: Path) -> Frames:
    """Return the array of a ``.npy`` file; raise ``InputError`` where it is not one of numbers."""
    try:
        with path.open("rb") as file:
            x = np.load(file, allow_pickle=False)
            if not isinstance(x, np.ndarray):
                raise InputError(
                    f"inputs {path}: an archive of arrays; save one array with numpy.save"
                )
    except OSError as error:
        reason = error.strerror or "not a NumPy file"
        raise InputError(f"inputs {path} cannot be read: {reason}") from None
    except (ValueError, EOFError, zipfile.BadZipFile):
        raise InputError(f"inputs {path}: not a .npy file of numbers") from None
    if x.dtype.kind not in "iufb" or x.ndim < 1:
        raise InputError(
            f"inputs {path}: has type {x.dtype}, shape {x.shape}; expected numbers "
            f"of shape (frames, ...)"
        )
    if not len(x):
        raise InputError(f"inputs {path}: holds no frame")
    return x


def read_labelled(path: Path, limit: int | None = None) -> Labelled:
    """Return the labelled set of an ``.npz`` file, at most ``limit`` frames.

    Holds ``x`` (N, ...) and ``y`` (N,), or ``jpeg`` (uint8, files one after another), ``offsets``
    (N + 1) and ``y``; JPEG files become uint8 (N, H, W, 3). Raises ``InputError`` for others.
    """
    arrays = _read_archive(path)
    names = set(arrays)
    if not (names >= {"x", "y"} or names >= {"jpeg", "offsets", "y"}):
        raise InputError(
            f"data {path}: holds {', '.join(sorted(names)) or 'nothing'}; expected "
            f"x and y, or jpeg, offsets and y"
        )
    y = arrays["y"]
    if y.ndim != 1 or y.dtype.kind not in "iu":
        raise InputError(
            f"data {path}: y has type {y.dtype}, shape {y.shape}; expected integer "
            f"classes of shape (frames,)"
        )
    count = len(y) if limit is None else min(limit, len(y))
    x = arrays["x"][:count] if "x" in arrays else _jpegs(arrays, count, path)
    if len(x) != count or not count:
        raise InputError(
            f"data {path}: {len(x)} frames and {len(y)} labels; expected as many of "
            f"each, at least one"
        )
    return Labelled(x, y[:count].astype(np.int64))


def _read_archive(path: Path) -> dict[str, Frames]:
    try:
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise InputError(
                    f"data {path}: one array without labels; save x and y with numpy.savez"
                )
            return {name: archive[name] for name in archive.files}
    except OSError as error:
        reason = error.strerror or "not a NumPy archive"
        raise InputError(f"data {path} cannot be read: {reason}") from None
    except (ValueError, EOFError, zipfile.BadZipFile):
        raise InputError(f"data {path}: not an .npz archive of numbers") from None


def _jpegs(arrays: dict[str, Frames], count: int, path: Path) -> Frames:
    data, offsets = arrays["jpeg"], arrays["offsets"].astype(np.int64)
    if len(offsets) < count + 1:
        raise InputError(f"data {path}: {len(offsets)} offsets, {count} frames need {count + 1}")
    images: list[npt.NDArray[np.uint8]] = []
    for index in range(count):
        content = data[offsets[index] : offsets[index + 1]].tobytes()
        try:
            with Image.open(io.BytesIO(content)) as image:
                images.append(np.asarray(image.convert("RGB")))
        except (UnidentifiedImageError, OSError):
            raise InputError(f"data {path}: frame {index} is not a JPEG image") from None
    if len({image.shape for image in images}) > 1:
        raise InputError(f"data {path}: images differ in size; a network takes one size")
    return np.stack(images) if images else np.zeros((0, 1, 1, 3), dtype=np.uint8)


def arrange(x: Frames, shape: tuple[int, ...]) -> Frames:
    """Return frames ``x`` with the frame shape of the model file, (N, *shape).

    Images (N, H, W, C) become (N, C, H, W) where the file wants that or wants them flat, as
    training frameworks flatten; signals (N, W, C) become (N, C, W) where the file wants that;
    (N, H, W) gains a channel; otherwise equal sizes are reshaped.
    Raises ``InputError`` where the sizes differ.
    """
    given = x.shape[1:]
    if given == shape:
        return x
    if prod(given) != prod(shape):
        hint = "; a single frame needs an axis of frames, x[None]" if x.shape == shape else ""
        raise InputError(
            f"a frame of the data has shape {given}, {prod(given)} values; the "
            f"network takes {shape}, {prod(shape)} values{hint}"
        )
    if len(given) == 3:
        height, width, channels = given
        if shape[-3:] == (channels, height, width) or (channels <= 4 < height and _flat(shape)):
            x = np.moveaxis(x, -1, 1)
    if len(given) == 2 and given != shape[-2:] == given[::-1]:
        x = np.moveaxis(x, -1, 1)
    return x.reshape(len(x), *shape)


def _flat(shape: tuple[int, ...]) -> bool:
    return sum(size > 1 for size in shape) <= 1
