"""The standard public files of the data sets: IDX, CIFAR-10 binary batches."""

from __future__ import annotations

import gzip
import struct
import tarfile
import zlib
from pathlib import Path

import numpy as np

from hwgen.train.errors import DataError
from hwgen.train.signs import read_gtsrb
from hwgen.train.speech import read_speech

Arrays = tuple[np.ndarray, np.ndarray]

_CIFAR_FILES = {
    "train": tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
    "test": ("test_batch.bin",),
}


def read_standard(name: str, split: str, folder: Path) -> Arrays | None:
    """Read a data set in the form its authors publish; None where its files are not there."""
    if name in ("mnist", "fashion-mnist"):
        return _read_idx_pair(split, folder)
    if name == "cifar10":
        return _read_cifar(split, folder)
    if name == "gtsrb":
        return read_gtsrb(split, folder)
    if name == "gscv2":
        return read_speech(split, folder)
    return None


def _read_idx_pair(split: str, folder: Path) -> Arrays | None:
    stem = "train" if split == "train" else "t10k"
    images = _find(folder, f"{stem}-images-idx3-ubyte")
    labels = _find(folder, f"{stem}-labels-idx1-ubyte")
    if images is None or labels is None:
        return None
    return read_idx(images), read_idx(labels)


def _find(folder: Path, name: str) -> Path | None:
    for candidate in (name, f"{name}.gz", name.replace("-idx", ".idx"), f"MNIST/raw/{name}"):
        if (folder / candidate).is_file():
            return folder / candidate
    return None


def read_idx(path: Path) -> np.ndarray:
    """Read a file of unsigned bytes in the IDX format, gzipped or not.

    Raises
    ------
    DataError
        damaged, truncated, or of another element type
    """
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
        zero, kind, axes = struct.unpack(">HBB", raw[:4])
        shape = struct.unpack(f">{axes}I", raw[4 : 4 + 4 * axes])
    except (OSError, EOFError, struct.error, zlib.error) as error:
        raise DataError(f"{path} is damaged ({error}); fetch it again") from None
    if zero or kind != 8:
        raise DataError(f"{path} is not an IDX file of unsigned bytes; fetch it again")
    body = np.frombuffer(raw, np.uint8, offset=4 + 4 * axes)
    if body.size != np.prod(shape):
        raise DataError(f"{path} holds {body.size} bytes of {np.prod(shape)}; fetch it again")
    return body.reshape(shape)


def _read_cifar(split: str, folder: Path) -> Arrays | None:
    """Read the binary version of CIFAR-10, unpacked or as its archive."""
    names = _CIFAR_FILES[split]
    inner = folder / "cifar-10-batches-bin"
    archive = folder / "cifar-10-binary.tar.gz"
    if all((inner / name).is_file() for name in names):
        parts = [(inner / name).read_bytes() for name in names]
    elif archive.is_file():
        parts = _from_archive(archive, names)
    else:
        return None
    record = 1 + 3 * 32 * 32
    for name, part in zip(names, parts, strict=True):
        if len(part) != 10_000 * record:
            raise DataError(
                f"{name} holds {len(part)} bytes of {10_000 * record}; fetch CIFAR-10 again"
            )
    table = np.frombuffer(b"".join(parts), np.uint8).reshape(-1, record)
    return table[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), table[:, 0]


def _from_archive(archive: Path, names: tuple[str, ...]) -> list[bytes]:
    try:
        with tarfile.open(archive) as tar:
            files = [tar.extractfile(f"cifar-10-batches-bin/{name}") for name in names]
            return [file.read() for file in files if file is not None]
    except (OSError, EOFError, KeyError, tarfile.TarError, zlib.error) as error:
        raise DataError(f"{archive} is damaged ({error}); fetch it again") from None
