"""What the file's tensors should hold: real values of our codes, and float32 error bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from onnx import helper

from hwgen.frontend.affine import affine
from hwgen.frontend.context import HOST, Choice, MatrixSite, Pool, Site, WeightSite
from hwgen.frontend.evaluate import approx
from hwgen.frontend.expr import Array, Expr, number, rebuild, variables
from hwgen.frontend.functions import EXACT, Pair
from hwgen.frontend.network import Network
from hwgen.ir import ops

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FLOAT32 = 2.0**-23
"""Unit of the float32 bound: twice the unit roundoff, as kernels fuse and reorder operations."""


@dataclass(frozen=True, eq=False)
class Judged:
    """A quantizer's elements, each array (frames, elements in the file's order).

    codes, value : ours, as the quantizer counts and as it puts out
    step : size of one code; real, bound : what is rounded, and the float32 error of that
    low, high : codes that float32 execution may give
    spots : position of each element in stream order; channels : of the stream
    """

    codes: Floats
    value: Floats
    step: Floats
    real: Floats
    bound: Floats
    low: Ints
    high: Ints
    spots: Ints
    channels: int

    def place(self, element: int) -> tuple[int, int]:
        """Return (pixel, channel) of an element."""
        return divmod(int(self.spots[element]), self.channels)


def weight_values(site: WeightSite) -> Judged:
    """Return the elements of quantized constants, as one frame."""
    shape = site.shape or (1,)

    def flat(values: Array) -> Floats:
        return np.array(np.broadcast_to(values, shape), dtype=np.float64).reshape(1, -1)

    real, bound = (np.broadcast_to(v, shape) for v in approx(site.expr, {}, FLOAT32))
    low, high = site.steps.codes(real - bound), site.steps.codes(real + bound)
    size = real.size
    return Judged(
        flat(site.codes.reshape(shape)),
        flat(approx(site.value, {})[0]),
        flat(approx(site.scale, {})[0]),
        flat(real),
        flat(bound),
        low.reshape(1, -1),
        high.reshape(1, -1),
        np.arange(size),
        size,
    )


class Truth:
    """The integers of one run, seen as the file's real numbers.

    network : lowered; tensors : ``Graph.run_all`` of its codes; x : what the host feeds
    """

    def __init__(self, network: Network, tensors: Mapping[str, Ints], x: Array) -> None:
        self.network = network
        self.tensors = tensors
        self._x = x
        self._errors = _matrix_errors(network, tensors)
        self._pooled = {pool.name: pool for pool in network.trace.pools}

    def feeds(self) -> Array:
        """Return (frames, *file shape) of the file's input, in its own type."""
        network = self.network
        model, source = network.trace.model, network.trace.source
        kind = helper.tensor_dtype_to_np_dtype(model.elem)
        value = self._values(source.expr, EXACT)[0]
        flat = value.reshape(len(value), -1)[:, source.index.reshape(-1)]
        return flat.reshape(len(flat), *source.shape).astype(kind)

    def site(self, site: Site) -> Judged:
        """Return the elements of a quantizer of data."""
        real, bound = self._values(site.expr, FLOAT32)
        low, high = site.steps.codes(real - bound), site.steps.codes(real + bound)
        codes = self._values(site.code, EXACT)[0]
        value = self._values(site.value, EXACT)[0]
        step = np.broadcast_to(code_step(site.value), value.shape)
        spots = site.index.reshape(-1)

        def flat(values: Array) -> Array:
            return values.reshape(len(values), -1)[:, spots]

        return Judged(
            flat(codes),
            flat(value),
            flat(step),
            flat(real),
            flat(bound),
            flat(low),
            flat(high),
            spots,
            codes.shape[-1],
        )

    def site_values(self, site: Site) -> Floats:
        """Return (frames, *file shape) of a quantizer's output on our codes."""
        value = self._values(site.value, EXACT)[0]
        flat = value.reshape(len(value), -1)[:, site.index.reshape(-1)]
        return flat.reshape(len(value), *site.index.shape)

    def output(self) -> tuple[Floats, Floats]:
        """Return the network's output and its float32 error, (frames, elements) in file order."""
        output = self.network.output
        value, bound = self._values(output.expr, FLOAT32)
        spots = output.index.reshape(-1)
        return (value.reshape(len(value), -1)[:, spots], bound.reshape(len(bound), -1)[:, spots])

    def output_step(self) -> Floats:
        """Return the size of an output code, infinite where codes are not equally far apart."""
        output = self.network.output
        if affine(output.expr) is None:
            return np.array(np.inf)
        shape = (output.type.pixels, output.type.channels)
        step = np.broadcast_to(code_step(output.expr), shape)
        return step.reshape(-1)[output.index.reshape(-1)]

    def choice(self, choice: Choice) -> tuple[Floats, Floats]:
        """Return the values an ArgMax compares and their error, (frames, pixels, channels)."""
        return self._values(choice.expr, FLOAT32)

    def _pool(self, pool: Pool, unit: float) -> Pair:
        """Return the largest real value of every window, and its error."""
        value, bound = self._values(pool.inner.expr, unit)
        shape = self.tensors[pool.inner.leaves[0]].shape
        swu = pool.window
        low, error = (
            _windows(part.reshape(shape), swu, fill)
            for part, fill in ((value, -np.inf), (bound, 0.0))
        )
        best = low.max(axis=-2)
        # whichever pixel float32 takes, its value is off by no more than the window's largest error
        worst = error.max(axis=-2)
        return (best.reshape(len(best), -1, shape[-1]), worst.reshape(len(best), -1, shape[-1]))

    def _values(self, expr: Expr, unit: float) -> tuple[Floats, Floats]:
        """Return values and errors (frames, pixels, channels)."""
        env: dict[str, Pair] = {}
        shape: tuple[int, ...] = ()
        for name in variables(expr):
            if name == HOST:
                real = self.network.input.real(self._x).astype(np.float32).astype(np.float64)
                env[name] = real, np.zeros((1, 1, 1))
            elif name in self._pooled:
                env[name] = self._pool(self._pooled[name], unit)
                real = env[name][0]
            else:
                codes = self.tensors[name]
                real = codes.reshape(len(codes), -1, codes.shape[-1]).astype(np.float64)
                error = self._errors.get(name) if unit != EXACT else None
                env[name] = (
                    real,
                    np.zeros((1, 1, 1)) if error is None else error.reshape(real.shape),
                )
            shape = real.shape
        value, bound = approx(expr, env, unit)
        return np.array(np.broadcast_to(value, shape)), np.array(np.broadcast_to(bound, shape))


def code_step(expr: Expr) -> Floats:
    """Return how far an affine expression moves from one code to the next."""
    ends = [approx(rebuild(expr, var=lambda _, at=at: number(at)), {})[0] for at in (0, 1)]
    return np.asarray(ends[1] - ends[0])


def _matrix_errors(network: Network, tensors: Mapping[str, Ints]) -> dict[str, Floats]:
    """Return, for accumulators, how far a float32 product may be off, in accumulator units."""
    errors: dict[str, Floats] = {}
    sites = {site.leaf: site for site in network.trace.matrices}
    for node in network.graph.nodes:
        site = sites.get(node.name)
        if site is not None:
            errors[node.name] = _product_error(site, node.op, tensors[site.source])
        elif isinstance(node.op, ops.Reshape) and node.inputs[0] in errors:
            before = errors[node.inputs[0]]
            errors[node.name] = before.reshape(len(before), *node.op.shape)
    return errors


def _windows(values: Floats, swu: ops.Swu, fill: float) -> Floats:
    """Return (frames, pixels, taps, channels) of real values, ``fill`` outside the frame."""
    count = values.size
    positions = np.arange(count, dtype=np.int64).reshape(values.shape)
    rows = replace(swu, pad_code=count).reference(positions)
    flat = np.append(values.reshape(-1), fill)
    return flat[rows].reshape(len(values), -1, swu.taps, values.shape[-1])


def _product_error(site: MatrixSite, op: ops.Op, codes: Ints) -> Floats:
    """Return the bound ``(terms + 4) u sum |w| |x|``, which holds for every order of summation."""
    size = np.abs(codes).astype(np.float64) + site.shift
    total: Floats
    if isinstance(op, ops.Mvu):
        weights = np.abs(op.weights).astype(np.float64) if site.sizes is None else site.sizes
        total = size @ weights.T
    elif isinstance(op, ops.GroupedMvu):
        rows = size.reshape(*size.shape[:-1], len(op.weights), -1)
        total = np.einsum("...gk,gok->...go", rows, np.abs(op.weights).astype(np.float64))
        total = total.reshape(*size.shape[:-1], -1)
    elif isinstance(op, ops.Vvu):
        rows = size.reshape(*size.shape[:-1], op.weights.shape[1], -1)
        total = np.einsum("...kc,ck->...c", rows, np.abs(op.weights).astype(np.float64))
    else:
        assert isinstance(op, ops.SumPool)
        total = size.reshape(*size.shape[:-1], op.taps, -1).sum(axis=-2)
    return (site.terms + 4) * 2.0**-24 * total
