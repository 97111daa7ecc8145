"""Windows of convolutions and pools: kernel, stride, dilation and padding of a node."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import prod

from hwgen.frontend.affine import Affine, as_array
from hwgen.frontend.model import FileNode
from hwgen.frontend.tensors import Problem
from hwgen.ir import ops


@dataclass(frozen=True)
class Window:
    """One entry per spatial axis; pads before each axis, then after each."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: tuple[int, ...]

    @property
    def taps(self) -> int:
        """Pixels in a window."""
        return prod(self.kernel)

    @property
    def trivial(self) -> bool:
        """Whether every window is just the pixel itself."""
        return self.taps == 1 and set(self.stride) == {1} and not any(self.pads)

    def whole(self, spatial: tuple[int, ...]) -> bool:
        """Whether there is one window, which is the whole frame."""
        return self.kernel == spatial and not any(self.pads) and set(self.dilation) == {1}

    def op(self, pad_code: int, groups: int = 1) -> ops.Swu:
        """Return the sliding window of the stream."""
        return ops.Swu(self.kernel, self.stride, self.dilation, self.pads, pad_code, groups)


def window_of(node: FileNode, spatial: tuple[int, ...], kernel: tuple[int, ...]) -> Window:
    """Return the window of a node over data of size ``spatial``."""
    axes = len(spatial)
    if axes not in (1, 2) or len(kernel) != axes:
        raise Problem(
            f"it works on {axes} spatial axes with a kernel of {len(kernel)}",
            "use one- or two-dimensional layers",
        )
    stride = node.integers("strides") or (1,) * axes
    dilation = node.integers("dilations") or (1,) * axes
    pads = node.integers("pads") or (0,) * (2 * axes)
    mode = str(node.attribute("auto_pad", "NOTSET"))
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        total = [
            max((-(-size // s) - 1) * s + r - size, 0)
            for size, s, r in zip(spatial, stride, reach, strict=True)
        ]
        small, large = [t // 2 for t in total], [t - t // 2 for t in total]
        first, last = (small, large) if mode == "SAME_UPPER" else (large, small)
        pads = (*first, *last)
    elif mode == "VALID":
        pads = (0,) * (2 * axes)
    if min(pads) < 0:
        raise Problem(f"its padding {pads} is negative", "crop by a smaller layer instead")
    if node.attribute("ceil_mode", 0):
        pads = _ceiled(spatial, stride, reach, pads)
    if any(size + pads[k] + pads[axes + k] < reach[k] for k, size in enumerate(spatial)):
        raise Problem(f"its kernel exceeds its input of {spatial}", "check the layer's shape")
    return Window(kernel, stride, dilation, pads)


def _ceiled(
    spatial: tuple[int, ...], stride: tuple[int, ...], reach: list[int], pads: tuple[int, ...]
) -> tuple[int, ...]:
    """Return pads that reach as far as ceil mode does: every window starts inside the data."""
    axes = len(spatial)
    after = list(pads[axes:])
    for k, size in enumerate(spatial):
        span = size + pads[k] + pads[axes + k] - reach[k]
        count = -(-span // stride[k]) + 1
        if (count - 1) * stride[k] >= size + pads[k]:
            count -= 1
        after[k] += max((count - 1) * stride[k] - span, 0)
    return (*pads[:axes], *after)


def zero_code(view: Affine, low: int, high: int) -> int:
    """Return the code that means the real number 0; ``Problem`` where no code does."""
    return value_code(view, 0.0, low, high)


def value_code(view: Affine, value: float, low: int, high: int) -> int:
    """Return the code that means ``value``, which need not occur yet; ``Problem`` if none does."""
    codes = set(as_array((Fraction(value) - view.offset) / view.scale).reshape(-1))
    code = next(iter(codes))
    if len(codes) > 1 or code.denominator != 1 or not 2 * low - 256 <= code <= 2 * high + 256:
        raise Problem(
            f"its padding needs the number {value:g}, which no code of its input means",
            "quantize its input with a zero point of 0, or pad by a code that exists",
        )
    return int(code)
