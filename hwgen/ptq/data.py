"""Calibration data: samples as the network takes them, checked before anything is computed."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hwgen.ptq.errors import CalibrationError
from hwgen.train.data import Samples, channels_first, decode_jpeg, to_network
from hwgen.train.export import InputConvention

BATCH = 128


@dataclass(frozen=True, eq=False)
class Data:
    """What quantization looks at.

    x : samples, first axis the samples; raw numbers where ``convention`` says what they mean,
        otherwise as the network takes them
    convention : how raw numbers become the network's input; written into the exported file
    test : labelled samples of the same form, on which accuracy is measured before and after
    """

    x: Tensor
    convention: InputConvention | None = None
    test: Samples | None = None

    def batches(self) -> list[Tensor]:
        """Return the calibration samples as the network takes them, batch by batch."""
        return [self.taken(part) for part in self.x.split(BATCH)]

    def taken(self, x: Tensor) -> Tensor:
        """Return samples as the network takes them."""
        return x.float() if self.convention is None else to_network(x, self.convention)


def check_data(data: Data, model: nn.Module) -> None:
    """Raise ``CalibrationError`` where calibration on ``data`` cannot mean anything."""
    x = data.x
    if x.dim() < 2 or not len(x):
        raise CalibrationError(
            f"the calibration set has shape {tuple(x.shape)} and holds no samples; give at least "
            f"one, some hundred are usual"
        )
    if x.is_floating_point() and not bool(torch.isfinite(x).all()):
        bad = (~torch.isfinite(x)).flatten(1).any(1).nonzero().flatten()
        raise CalibrationError(
            f"{len(bad)} calibration samples hold NaN or infinity, sample {int(bad[0])} first; "
            f"remove them"
        )
    if len(x.unique()) == 1:
        raise CalibrationError(
            f"every value of the calibration set is {float(x.flatten()[0]):g}; no scale follows "
            f"from that, give real samples"
        )
    try:
        with torch.no_grad():
            model(data.taken(x[:2]))
    except (RuntimeError, ValueError, IndexError) as error:
        reason = str(error).splitlines()[0]
        raise CalibrationError(
            f"the network does not take calibration samples of shape {tuple(x.shape[1:])}: "
            f"{reason}; give them as its first layer takes them, channels before rows and columns"
        ) from None
    if data.test is not None:
        _check_test(data, data.test, model)


def _check_test(data: Data, test: Samples, model: nn.Module) -> None:
    if not len(test) or test.x.shape[1:] != data.x.shape[1:]:
        raise CalibrationError(
            f"the test set has shape {tuple(test.x.shape)}; give samples like the calibration "
            f"set's, which are {tuple(data.x.shape[1:])}"
        )
    with torch.no_grad():
        classes = model(data.taken(test.x[:1])).flatten(1).shape[1]
    low, high = int(test.y.min()), int(test.y.max())
    if low < 0 or high >= classes:
        raise CalibrationError(
            f"labels of the test set reach from {low} to {high}, the network gives {classes} "
            f"outputs; labels count from 0"
        )


def read_samples(path: Path, limit: int | None = None) -> tuple[Tensor, Tensor | None]:
    """Return the samples of a file and their labels, where it has any.

    ``.npy`` holds samples, ``.npz`` ``x`` and maybe ``y``, or pictures as ``jpeg`` and ``offsets``.
    Pictures may have their channels last.

    Raises
    ------
    CalibrationError
        the file is missing, damaged or holds something else
    """
    try:
        with path.open("rb") as handle:
            found = np.load(handle, allow_pickle=False)
            if isinstance(found, np.ndarray):
                x, y = found, None
            elif "jpeg" in found:
                offsets = found["offsets"][: None if limit is None else limit + 1]
                x, y = decode_jpeg(found["jpeg"], offsets), found["y"]
            else:
                x, y = found["x"], found.get("y")
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise CalibrationError(
            f"{path} cannot be read ({error}); give a .npy of samples or a .npz with x and maybe y"
        ) from None
    _check_arrays(path, x, y)
    if x.ndim == 3 or (x.ndim == 4 and x.shape[-1] in (1, 3) and x.shape[1] not in (1, 3)):
        samples = channels_first(x[:limit])
    else:
        samples = torch.from_numpy(np.array(x[:limit], order="C"))
    labels = None if y is None else torch.from_numpy(np.asarray(y[:limit]).astype(np.int64))
    return samples, labels


def _check_arrays(path: Path, x: np.ndarray, y: np.ndarray | None) -> None:
    if x.dtype.kind not in "fiub" or x.ndim < 2:
        raise CalibrationError(
            f"{path} holds {x.dtype} of shape {x.shape}; samples are numbers, and the first axis "
            f"counts them"
        )
    if y is not None and (y.dtype.kind not in "iu" or y.ndim != 1 or len(y) < len(x)):
        raise CalibrationError(
            f"{path}: labels y are {y.dtype} of shape {y.shape} for {len(x)} samples; give one "
            f"whole number for each"
        )


def read_data(
    calib: Path, test: Path | None, limit: int, *, convention: InputConvention | None
) -> Data:
    """Return calibration samples and the labelled ones to measure on, where there are any.

    Without ``test``, labels of the calibration file serve.
    """
    x, labels = read_samples(calib, limit)
    tested, known = (x, labels) if test is None else read_samples(test)
    if test is not None and known is None:
        raise CalibrationError(f"{test} has no labels; a test set is a .npz with x and y")
    return Data(x, convention, None if known is None else Samples(tested, known))
