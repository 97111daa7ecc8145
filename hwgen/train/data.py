"""Data sets as arrays in memory: names, formats, where to get them, and batches of them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from hwgen.train.errors import DataError
from hwgen.train.export import InputConvention
from hwgen.train.formats import read_standard

Split = Literal["train", "test"]
Augment = Literal["none", "shift", "flip-shift"]


@dataclass(frozen=True)
class Source:
    """What a data set looks like and where it comes from.

    npz : file name of the ``.npz`` form, with ``{split}`` for train or test
    shape : one sample as stored, channels last
    home : where to get the standard public files
    """

    npz: str
    shape: tuple[int, ...]
    classes: int
    home: str


SOURCES = {
    "mnist": Source("mnist_{split}.npz", (28, 28), 10, "http://yann.lecun.com/exdb/mnist"),
    "fashion-mnist": Source(
        "fashion_mnist_{split}.npz",
        (28, 28),
        10,
        "https://github.com/zalandoresearch/fashion-mnist",
    ),
    "cifar10": Source(
        "cifar10_jpeg_{split}.npz", (32, 32, 3), 10, "https://www.cs.toronto.edu/~kriz/cifar.html"
    ),
    "gtsrb": Source(
        "gtsrb12_roi_{split}.npz", (12, 12, 3), 43, "https://benchmark.ini.rub.de/gtsrb_news.html"
    ),
    "gscv2": Source(
        "kws_gscv2_mfcc_{split}.npz",
        (490,),
        12,
        "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
    ),
    "digits": Source("", (8, 8), 10, "scikit-learn brings it"),
}


@dataclass(frozen=True)
class Samples:
    """Labelled samples of one split.

    x : integer tensor (N, C, H, W) or (N, features), as stored
    y : class of each, int64 (N,)
    """

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.y)

    def first(self, count: int | None) -> Samples:
        """Return the first ``count`` samples, all where it is None."""
        return self if count is None else Samples(self.x[:count], self.y[:count])


def load(name: str, split: Split, folder: Path, limit: int | None = None) -> Samples:
    """Read a split of a data set, or its first ``limit`` samples.

    ``folder`` holds the ``.npz`` form or the standard public files; ``digits`` needs neither.

    Raises
    ------
    DataError
        unknown name; files missing (says where to get them and where to put them) or damaged
    """
    if name not in SOURCES:
        raise DataError(f"data set {name!r} is unknown; known: {', '.join(sorted(SOURCES))}")
    source = SOURCES[name]
    if name == "digits":
        x, y = _digits(split)
    else:
        path = folder / source.npz.format(split=split)
        found = _read_npz(path, limit) if path.is_file() else read_standard(name, split, folder)
        if found is None:
            raise DataError(
                f"data set {name} is not in {folder}: put {path.name} there, or the files of "
                f"{source.home} as they are"
            )
        x, y = found
    if x.shape[1:] != source.shape or len(x) != len(y) or (len(y) and y.max() >= source.classes):
        raise DataError(
            f"data set {name} ({split}) has samples {x.shape} and labels {y.shape}; expected "
            f"(N, {', '.join(map(str, source.shape))}) and N classes below {source.classes}"
        )
    x, y = x[:limit], y[:limit]
    return Samples(channels_first(x), torch.from_numpy(y.astype(np.int64)))


def to_network(x: Tensor, convention: InputConvention) -> Tensor:
    """Return stored samples as the network's input, ``(x * scale - mean) / std``."""
    view = (1, -1) + (1,) * (x.dim() - 2)
    mean = torch.tensor([float(Fraction(v)) for v in convention.mean]).view(view)
    std = torch.tensor([float(Fraction(v)) for v in convention.std]).view(view)
    return (x.float() * float(Fraction(convention.scale)) - mean) / std


class Batches:
    """Shuffled, augmented batches; the order depends on seed and epoch alone.

    The trainer calls ``set_epoch``, so a resumed run sees what an uninterrupted one would.
    """

    def __init__(
        self,
        samples: Samples,
        convention: InputConvention,
        batch_size: int,
        *,
        seed: int | None = None,
        augment: Augment = "none",
    ) -> None:
        self.samples = samples
        self.convention = convention
        self.batch_size = batch_size
        self.seed = seed
        self.augment = augment
        self.epoch = 0

    def __len__(self) -> int:
        full, rest = divmod(len(self.samples), self.batch_size)
        return max(1, full) if self.seed is not None else full + bool(rest)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order the next iteration takes."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        count = len(self.samples)
        order = torch.arange(count)
        generator = torch.Generator()
        if self.seed is not None:
            generator.manual_seed(self.seed * 1_000_003 + self.epoch)
            order = torch.randperm(count, generator=generator)
        for index in range(len(self)):
            chosen = order[index * self.batch_size : (index + 1) * self.batch_size]
            x = to_network(self.samples.x[chosen], self.convention)
            yield _augmented(x, self.augment, generator), self.samples.y[chosen]


def _augmented(x: Tensor, augment: Augment, generator: torch.Generator) -> Tensor:
    """Shift each image by up to an eighth of its size, edges repeated; mirror every other one."""
    if augment == "none":
        return x
    reach = max(1, x.shape[-1] // 8)
    if augment == "flip-shift":
        mirrored = torch.rand(len(x), generator=generator) < 0.5
        x = torch.where(mirrored.view(-1, 1, 1, 1), x.flip(-1), x)
    padded = torch.nn.functional.pad(x, (reach,) * 4, mode="replicate")
    rows = torch.randint(0, 2 * reach + 1, (len(x), 1), generator=generator)
    columns = torch.randint(0, 2 * reach + 1, (len(x), 1), generator=generator)
    rows = rows + torch.arange(x.shape[-2])
    columns = columns + torch.arange(x.shape[-1])
    frames = torch.arange(len(x)).view(-1, 1, 1)
    return padded[frames, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _digits(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """The 8x8 digits of scikit-learn: every fifth sample is a test sample."""
    from sklearn.datasets import load_digits

    images = load_digits()
    chosen = (np.arange(len(images.target)) % 5 == 4) == (split == "test")
    return images.images[chosen].astype(np.uint8), images.target[chosen]


def _read_npz(path: Path, limit: int | None) -> tuple[np.ndarray, np.ndarray]:
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            if "jpeg" in file:
                offsets = file["offsets"][: None if limit is None else limit + 1]
                return decode_jpeg(file["jpeg"], offsets), file["y"][:limit]
            return file["x"], file["y"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"{path} is damaged ({error}); fetch it again") from None


def decode_jpeg(jpeg: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return the pictures, uint8 (N, H, W, 3), whose bytes lie between successive ``offsets``."""
    from PIL import Image

    pictures = (jpeg[a:b].tobytes() for a, b in pairwise(offsets))
    return np.stack([np.asarray(Image.open(io.BytesIO(one)).convert("RGB")) for one in pictures])


def channels_first(x: np.ndarray) -> Tensor:
    """Return pictures (N, H, W) or (N, H, W, C) as (N, C, H, W); anything else as it is."""
    if x.ndim == 3:
        x = x[..., None]
    if x.ndim == 4:
        x = x.transpose(0, 3, 1, 2)
    return torch.from_numpy(np.array(x, order="C"))
