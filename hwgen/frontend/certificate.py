"""The certificate: our integers against ONNX execution, layer by layer, each layer fed our codes.

ONNX software computes in float32, so near a threshold it may decide otherwise than real arithmetic
does. A code that differs is explained only if its real value lies within the error bound of that
very element, computed from its own terms. Any other difference is a defect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwgen.frontend.context import WeightSite
from hwgen.frontend.execute import Executor, constant_value
from hwgen.frontend.expr import Array
from hwgen.frontend.model import FileNode, Model
from hwgen.frontend.network import Network
from hwgen.frontend.truth import FLOAT32, Judged, Truth, weight_values

KEPT = 16
"""Most unexplained differences that a layer lists; it counts all."""


@dataclass(frozen=True)
class Divergence:
    """One value on which ONNX execution and the integers disagree without an explanation."""

    layer: str
    frame: int
    pixel: int
    channel: int
    expected: float
    got: float
    real: float
    bound: float

    def __str__(self) -> str:
        """The difference as one line."""
        return (
            f"{self.layer}: frame {self.frame}, pixel {self.pixel}, channel {self.channel}: "
            f"integers give {self.expected:g}, ONNX execution {self.got:g} (real value "
            f"{self.real:.9g}, float32 error at most {self.bound:.3g})"
        )


@dataclass(frozen=True)
class LayerCheck:
    """How one layer compares.

    values : compared; differing : of these; explained : differing within the float32 error
    unexplained : the first differences that are not explained
    """

    name: str
    values: int
    differing: int
    explained: int
    unexplained: tuple[Divergence, ...] = ()


@dataclass(frozen=True)
class Certificate:
    """Comparison of a network with ONNX execution of its file.

    layers : quantizers of weights and data in the file's order, then the output
    """

    frames: int
    layers: tuple[LayerCheck, ...]

    @property
    def values(self) -> int:
        """Values compared."""
        return sum(layer.values for layer in self.layers)

    @property
    def differing(self) -> int:
        """Values that differ."""
        return sum(layer.differing for layer in self.layers)

    @property
    def unexplained(self) -> int:
        """Differences beyond the float32 error: each is a defect."""
        return sum(layer.differing - layer.explained for layer in self.layers)

    @property
    def first(self) -> Divergence | None:
        """The first unexplained difference."""
        return next((d for layer in self.layers for d in layer.unexplained), None)


def certify(network: Network, x: npt.ArrayLike) -> Certificate:
    """Compare ``network`` with ONNX execution on ``x`` (frames, ...), as the host feeds it."""
    trace = network.trace
    codes = network.input.encode(x)
    truth = Truth(network, network.graph.run_all(codes), np.asarray(x))
    executor = Executor(trace.model)
    constants, layers = _constants(executor, trace.model, {w.output: w for w in trace.weights})
    got = _execute(executor, network, constants, truth)
    for site in trace.sites:
        layers.append(_check(site.layer, truth.site(site), got[site.output]))
    # a quantizer is judged once: what goes on behind it, to the output too, are our codes
    passed_on = {site.output: truth.site_values(site) for site in trace.sites}
    layers.append(_check_output(network, truth, {**got, **passed_on}))
    return Certificate(len(codes), tuple(layers))


def _constants(
    executor: Executor, model: Model, sites: Mapping[str, WeightSite]
) -> tuple[dict[str, Array], list[LayerCheck]]:
    """Execute what does not depend on the data; quantized weights go on with our codes."""
    values = dict(executor.constants)
    layers: list[LayerCheck] = []
    for node in model.nodes:
        if node.op == "Constant":
            values[node.outputs[0]] = constant_value(node)
        elif node.inputs and all(name in values or not name for name in node.inputs):
            for name, value in zip(node.outputs, executor.run(node, values), strict=False):
                values[name] = value
        site = sites.get(node.outputs[0])
        if site is not None:
            value = values[site.output]
            judged = weight_values(site)
            layers.append(_check(site.layer, judged, value[None]))
            values[site.output] = judged.value[0].reshape(value.shape).astype(value.dtype)
    return values, layers


def _execute(
    executor: Executor, network: Network, constants: Mapping[str, Array], truth: Truth
) -> dict[str, Array]:
    """Run the file frame by frame, our codes going on behind every quantizer; arrays by name."""
    trace = network.trace
    sites = {site.output: truth.site_values(site) for site in trace.sites}
    wanted = {*sites, *trace.model.outputs, *(choice.output for choice in trace.choices)}
    if network.output.tail:
        wanted.add(network.output.tail[0].inputs[0])
    nodes = [
        node for node in trace.model.nodes if any(name not in constants for name in node.outputs)
    ]
    constants = _one_frame(trace.model, nodes, constants)
    feeds = truth.feeds()
    kept: dict[str, list[Array]] = {name: [] for name in wanted}
    for frame in range(len(feeds)):
        values = {**constants, trace.model.input: feeds[frame]}
        for node in nodes:
            results = executor.run(node, values)
            for name, result in zip(node.outputs, results, strict=False):
                if name in kept:
                    kept[name].append(result)
                values[name] = sites[name][frame].astype(result.dtype) if name in sites else result
    return {name: np.stack(found) for name, found in kept.items() if found}


def _one_frame(
    model: Model, nodes: list[FileNode], constants: Mapping[str, Array]
) -> dict[str, Array]:
    """Return the constants with frame counts baked into targets of ``Reshape`` set to 1."""
    changed = dict(constants)
    for node in nodes:
        target = constants.get(node.inputs[1]) if node.op == "Reshape" and node.inputs[1:] else None
        if target is not None and target.size and model.frames > 1 and target[0] == model.frames:
            changed[node.inputs[1]] = np.array([1, *target[1:]], dtype=target.dtype)
    return changed


def _check(name: str, judged: Judged, got: Array) -> LayerCheck:
    """Compare codes; ``got`` are the file's values (frames, ...)."""
    flat = got.reshape(judged.codes.shape).astype(np.float64)
    with np.errstate(invalid="ignore"):
        seen = judged.codes + np.rint((flat - judged.value) / judged.step)
    differs = ~(seen == judged.codes)
    # both codes must be what float32 may round this real value to
    explained = differs
    for codes in (seen, judged.codes):
        explained = explained & (codes >= judged.low) & (codes <= judged.high)
    bad = tuple(
        Divergence(
            name,
            int(w[0]),
            *judged.place(int(w[1])),
            float(judged.codes[tuple(w)]),
            float(seen[tuple(w)]),
            float(judged.real[tuple(w)]),
            float(judged.bound[tuple(w)]),
        )
        for w in np.argwhere(differs & ~explained)[:KEPT]
    )
    return LayerCheck(name, differs.size, int(differs.sum()), int(explained.sum()), bad)


def _check_output(network: Network, truth: Truth, got: Mapping[str, Array]) -> LayerCheck:
    """Compare what the file gives in the end, before operators that the host runs as they are."""
    output, model = network.output, network.trace.model
    if network.trace.choices and output.is_index:
        return _check_choice(network, truth, got[model.outputs[0]])
    tensor = output.tail[0].inputs[0] if output.tail else model.outputs[0]
    value, bound = truth.output()
    flat = got[tensor].reshape(value.shape).astype(np.float64)
    bound = bound + FLOAT32 * np.abs(value)
    wrong = ~(np.abs(flat - value) <= bound)
    with np.errstate(invalid="ignore"):
        differs = wrong | (np.rint((flat - value) / truth.output_step()) != 0)
    channels = output.type.channels
    spots = output.index.reshape(-1)
    bad = tuple(
        Divergence(
            "output",
            int(f),
            *divmod(int(spots[k]), channels),
            float(value[f, k]),
            float(flat[f, k]),
            float(value[f, k]),
            float(bound[f, k]),
        )
        for f, k in np.argwhere(wrong)[:KEPT]
    )
    return LayerCheck("output", value.size, int(differs.sum()), int((differs & ~wrong).sum()), bad)


def _check_choice(network: Network, truth: Truth, got: Array) -> LayerCheck:
    """Compare an ArgMax: another index is explained where float32 cannot tell the two apart."""
    (choice,) = network.trace.choices
    value, bound = truth.choice(choice)
    ours = truth.tensors[network.output.name].reshape(value.shape[:2])
    theirs = got.reshape(ours.shape).astype(np.int64)
    best, other = (
        np.take_along_axis(value, pick[..., None], axis=2)[..., 0] for pick in (ours, theirs)
    )
    slack = sum(
        (np.take_along_axis(bound, pick[..., None], axis=2)[..., 0] for pick in (ours, theirs)),
        np.zeros(ours.shape),
    )
    differs = ours != theirs
    explained = differs & (np.abs(best - other) <= slack)
    bad = tuple(
        Divergence(
            choice.layer,
            int(f),
            int(p),
            0,
            float(ours[f, p]),
            float(theirs[f, p]),
            float(best[f, p] - other[f, p]),
            float(slack[f, p]),
        )
        for f, p in np.argwhere(differs & ~explained)[:KEPT]
    )
    return LayerCheck(choice.layer, ours.size, int(differs.sum()), int(explained.sum()), bad)
