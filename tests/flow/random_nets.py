"""Small random files of every kind of layer, and random folds for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np

from hwgen.dataflow import Dataflow, plan
from hwgen.errors import FoldingError
from hwgen.ir import Fold, Folding, Graph, foldable_layers
from hwgen.ir.folding import Memory, Style
from tests.frontend.build import MODES, Net

FUNCTIONS = ("Relu", "Sigmoid", "Neg", "LeakyRelu")
NEAREST = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


@dataclass(frozen=True)
class Recipe:
    """A file, its folds and the stalls under which it runs; equal recipes give equal designs.

    shape : (channels, *pixels) of the input
    seed : of the input's quantizer; layers : kind and seed of each
    folds : seed of the folds
    stalls : share of stalled cycles
    """

    shape: tuple[int, ...]
    seed: int
    layers: tuple[tuple[str, int], ...]
    folds: int
    stalls: float

    def save(self, path: Path) -> Path:
        """Write the file."""
        maker = Maker(self.shape, self.seed)
        for kind, seed in self.layers:
            maker.add(kind, seed)
        if not maker.weighed:
            maker.add("dense", self.seed)
        return maker.net.save(path, (1, *self.shape), maker.x)


class Maker:
    """Appends layers; each draws what it needs from its own seed, so layers can be left out.

    shape : (channels, *pixels) of the tensor ``x``; no pixels behind a dense layer
    coded : whether ``x`` holds codes; weighed : whether there is a layer with weights
    """

    def __init__(self, shape: tuple[int, ...], seed: int) -> None:
        self.net = Net(seed=seed)
        self.rng = np.random.default_rng(seed)
        self.shape = shape
        self.x = self.act("x")
        self.coded = True
        self.weighed = False

    @property
    def axes(self) -> int:
        return len(self.shape) - 1

    def add(self, kind: str, seed: int) -> None:
        """Append a layer; kinds that do not fit the shape leave it out."""
        self.rng = np.random.default_rng(seed)
        self.net.rng = np.random.default_rng(seed + 1)
        LAYERS[kind](self)

    def draw(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def act(self, x: str) -> str:
        """Return codes of ``x``."""
        rng = self.rng
        if rng.random() < 0.15:
            return self.net.node("BipolarQuant", x, self.net.const(rng.uniform(0.1, 1)))
        bits = self.draw(1, 3)
        scale = rng.choice([0.25, 0.5]) if rng.random() < 0.4 else rng.uniform(0.1, 0.7)
        how = {"signed": bool(rng.integers(2)), "narrow": bits > 1 and bool(rng.integers(2))}
        zero = int(rng.choice([0, 0, 0, 1, -2]))
        return self.net.quant(x, scale, bits, zero, mode=str(rng.choice(MODES)), **how)

    def weights(self, *shape: int, channels: bool = True) -> str:
        self.weighed = True
        bits = self.draw(1, 3)
        column = (shape[0],) + (1,) * (len(shape) - 1)
        each = channels and self.rng.random() < 0.5
        scale = self.rng.uniform(0.05, 0.5, column if each else ())
        return self.net.weights(shape, bits, scale, narrow=bits > 1)

    def codes(self) -> str:
        """Return ``x``, quantized if it was not."""
        if not self.coded:
            self.x, self.coded = self.act(self.x), True
        return self.x

    def finish(self, x: str, shape: tuple[int, ...]) -> None:
        """Make ``x`` the tensor: normalised or rectified or neither, mostly quantized."""
        rng = self.rng
        if rng.random() < 0.3:
            x = self.net.batch_norm(x, shape[0])
        if rng.random() < 0.3:
            x = self.net.node(str(rng.choice(FUNCTIONS)), x)
        self.x, self.shape, self.coded = x, shape, False
        if rng.random() < 0.8:
            self.codes()

    def window(self, most: int = 3) -> tuple[dict[str, list[int]], tuple[int, ...]]:
        """Return a random window and the pixels that it leaves."""
        chosen: list[list[int]] = []
        pixels: list[int] = []
        for size in self.shape[1:]:
            before, after = (self.draw(0, 1) if self.rng.random() < 0.4 else 0 for _ in (0, 1))
            size += before + after
            kernel = self.draw(1, min(size, most))
            stride = self.draw(1, 2)
            dilation = 2 if 1 < kernel <= (size + 1) // 2 and self.rng.random() < 0.2 else 1
            reach = (kernel - 1) * dilation + 1
            chosen.append([kernel, stride, dilation, before, after])
            pixels.append((size - reach) // stride + 1)
        kernel, stride, dilation, before, after = map(list, zip(*chosen, strict=True))
        how = {"strides": stride, "dilations": dilation, "pads": before + after}
        return {"kernel_shape": kernel, **how}, tuple(pixels)

    def convolved(self, x: str, shape: Sequence[int], **how: object) -> str:
        bias = [self.net.const(self.net.rng.normal(size=shape[0]))] if self.draw(0, 1) else []
        return self.net.node("Conv", x, self.weights(*shape), *bias, **how)

    def pointwise(self, x: str, inputs: int, outputs: int) -> str:
        """Return codes of a layer that mixes the channels of each pixel."""
        if not self.axes:
            return self.act(self.net.node("MatMul", x, self.turned(outputs, inputs)))
        kernel = (1,) * self.axes
        return self.act(self.convolved(x, (outputs, inputs, *kernel), kernel_shape=list(kernel)))

    def turned(self, outputs: int, inputs: int) -> str:
        return self.net.node("Transpose", self.weights(outputs, inputs), perm=[1, 0])


def conv(maker: Maker) -> None:
    if maker.axes:
        how, pixels = maker.window()
        groups = maker.shape[0] if maker.rng.random() < 0.25 else 1
        outputs = maker.draw(1, 3) if groups == 1 else groups * maker.draw(1, 2)
        shape = (outputs, maker.shape[0] // groups, *how["kernel_shape"])
        y = maker.convolved(maker.codes(), shape, group=groups, **how)
        maker.finish(y, (outputs, *pixels))


def grouped(maker: Maker) -> None:
    """Give each channel several outputs."""
    if maker.axes:
        how, pixels = maker.window(2)
        channels = maker.shape[0]
        shape = (2 * channels, 1, *how["kernel_shape"])
        y = maker.convolved(maker.codes(), shape, group=channels, **how)
        maker.finish(y, (2 * channels, *pixels))


def depthwise(maker: Maker) -> None:
    if maker.axes:
        how, pixels = maker.window()
        channels = maker.shape[0]
        shape = (channels, 1, *how["kernel_shape"])
        y = maker.convolved(maker.codes(), shape, group=channels, **how)
        maker.finish(y, (channels, *pixels))


def transposed(maker: Maker) -> None:
    if maker.axes == 2 and max(maker.shape[1:]) < 4:
        x, channels, outputs = maker.codes(), maker.shape[0], maker.draw(1, 3)
        weights = maker.weights(channels, outputs, 2, 2, channels=False)
        y = maker.net.node("ConvTranspose", x, weights, strides=[2, 2], kernel_shape=[2, 2])
        maker.finish(y, (outputs, *(2 * size for size in maker.shape[1:])))


def max_pool(maker: Maker) -> None:
    if maker.axes:
        how, pixels = maker.window(2)
        how["pads"] = [0] * 2 * maker.axes
        how["dilations"] = [1] * maker.axes
        how["kernel_shape"] = [min(2, size) for size in maker.shape[1:]]
        pairs = zip(maker.shape[1:], how["kernel_shape"], how["strides"], strict=True)
        pixels = tuple((size - kernel) // stride + 1 for size, kernel, stride in pairs)
        maker.x = maker.net.node("MaxPool", maker.x, **how)
        maker.shape = (maker.shape[0], *pixels)


def average(maker: Maker) -> None:
    if maker.axes:
        x, kernel = maker.codes(), [min(2, size) for size in maker.shape[1:]]
        y = maker.net.node("AveragePool", x, kernel_shape=kernel, strides=[1] * maker.axes)
        pixels = tuple(size - k + 1 for size, k in zip(maker.shape[1:], kernel, strict=True))
        maker.finish(y, (maker.shape[0], *pixels))


def everywhere(maker: Maker) -> None:
    if maker.axes:
        y = maker.net.node("GlobalAveragePool", maker.codes())
        maker.finish(y, (maker.shape[0], *(1 for _ in maker.shape[1:])))


def join(maker: Maker) -> None:
    x, channels = maker.codes(), maker.shape[0]
    branch = maker.pointwise(x, channels, channels)
    if maker.draw(0, 1):
        x = maker.pointwise(x, channels, channels)
    maker.finish(maker.net.node("Add", branch, x), maker.shape)


def concat(maker: Maker) -> None:
    x, channels = maker.codes(), maker.shape[0]
    if channels < 5:
        more = maker.draw(1, 2)
        branch = maker.pointwise(x, channels, more)
        parts = [x, branch] if maker.draw(0, 1) else [branch, x]
        y = maker.net.node("Concat", *parts, axis=1)
        maker.finish(y, (channels + more, *maker.shape[1:]))


def split(maker: Maker) -> None:
    """Send some channels through a layer and the others past it."""
    x, channels = maker.codes(), maker.shape[0]
    if channels > 1:
        at = maker.draw(1, channels - 1)
        sizes = maker.net.ints(at, channels - at)
        rest = maker.net.node("Split", x, sizes, outputs=2, axis=1)
        first = maker.pointwise(rest.removesuffix("_1"), at, at)
        maker.finish(maker.net.node("Concat", first, rest, axis=1), maker.shape)


def pad(maker: Maker) -> None:
    if maker.axes and max(maker.shape[1:]) < 5:
        amounts = [maker.draw(0, 1) for _ in range(2 * maker.axes)]
        before, after = amounts[: maker.axes], amounts[maker.axes :]
        pads = maker.net.ints(0, 0, *before, 0, 0, *after)
        maker.x = maker.net.node("Pad", maker.codes(), pads)
        grown = zip(maker.shape[1:], before, after, strict=True)
        maker.shape = (maker.shape[0], *(size + a + b for size, a, b in grown))


def up(maker: Maker) -> None:
    if maker.axes and max(maker.shape[1:]) < 5:
        factors = [maker.draw(1, 2) for _ in range(maker.axes)]
        scales = maker.net.const([1.0, 1.0, *map(float, factors)])
        maker.x = maker.net.node("Resize", maker.x, "", scales, **NEAREST)
        grown = zip(maker.shape[1:], factors, strict=True)
        maker.shape = (maker.shape[0], *(size * factor for size, factor in grown))


def dense(maker: Maker) -> None:
    x, size, outputs = maker.codes(), int(np.prod(maker.shape)), maker.draw(1, 4)
    if maker.axes:
        x = maker.net.node("Flatten", x)
    maker.finish(maker.net.node("MatMul", x, maker.turned(outputs, size)), (outputs,))


def act(maker: Maker) -> None:
    maker.finish(maker.x, maker.shape)


LAYERS = {
    "conv": conv,
    "depthwise": depthwise,
    "grouped": grouped,
    "transposed": transposed,
    "max": max_pool,
    "average": average,
    "everywhere": everywhere,
    "join": join,
    "concat": concat,
    "split": split,
    "pad": pad,
    "up": up,
    "dense": dense,
    "act": act,
}


def planned(graph: Graph, seed: int) -> Dataflow:
    """Return ``graph`` with random folds; a layer that cannot have its fold gets a simpler one."""
    rng = np.random.default_rng(seed)
    folds = {
        name: Fold(
            pe=_lanes(rng, bounds.height),
            simd=_lanes(rng, bounds.width),
            m=_lanes(rng, bounds.pixels) if rng.random() < 0.2 else 1,
            style=str(rng.choice(get_args(Style))) if rng.random() < 0.3 else "auto",
            memory=str(rng.choice(get_args(Memory))) if rng.random() < 0.3 else "auto",
        )
        for name, bounds in foldable_layers(graph).items()
    }
    while True:
        try:
            return plan(graph, Folding(folds))
        except FoldingError as error:
            name = str(error).split(":")[0]
            fold = folds[name]
            simpler = next((f for f in _simpler(fold) if f != fold), None)
            if simpler is None:
                raise
            folds[name] = simpler


def _simpler(fold: Fold) -> tuple[Fold, ...]:
    """Return what to build where ``fold`` is refused, the first that differs."""
    return (
        replace(fold, style="auto", memory="auto"),
        replace(fold, m=1),
        replace(fold, simd=1),
    )


def _lanes(rng: np.random.Generator, most: int) -> int:
    """Return a number up to ``most``, often a small divisor, where streams fit without padding."""
    if rng.random() < 0.6:
        return int(rng.choice([n for n in range(1, most + 1) if most % n == 0][:4]))
    return int(rng.integers(1, most + 1))
