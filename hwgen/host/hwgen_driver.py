"""Runs a network on a PYNQ board; needs numpy, pynq and the files beside it.

from hwgen_driver import Accelerator
net = Accelerator("tfc_w2a2.bit")
print(net.classify(images))

The functions on frames serve other links too. This file is copied onto boards as it is.
"""

from __future__ import annotations

import importlib
import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # the Python of a board may be older than the one hwgen runs on
    from collections.abc import Iterator, Mapping

    Array = np.ndarray[Any, np.dtype[Any]]
    Meta = Mapping[str, Any]
    Job = tuple[Any, int]

# Registers of the high-performance port AFI0 (UG585): bit 0 narrows it to 32 bits.
AFI0 = 0xF8008000
AFI_READ_CONTROL, AFI_WRITE_CONTROL = 0x00, 0x14
BATCH_BYTES = 4 << 20
# What flags of the status register mean; each of them ends a run with an error.
MEANING = {
    "read_error": "memory answered a read with an error",
    "write_error": "memory answered a write with an error",
    "bad_address": "a buffer does not begin at a multiple of 8 bytes",
    "bad_length": "lengths are not those of whole frames",
    "start_busy": "a run was going on already; another program uses the accelerator",
    "aborted": "the run was cut short",
}


class AcceleratorError(RuntimeError):
    """The board does not hold this build, or a run failed."""


class WeightError(ValueError):
    """A layer cannot take these weights."""


class FrameError(ValueError):
    """Frames have a shape or values that the network does not take."""


def encode(x: Any, meta: Meta) -> Array:
    """Return codes int64 (frames, pixels, channels) of frames as the model file takes them.

    meta : the part ``input`` of ``meta.json``
    Raises ``FrameError`` for another shape, another type, NaN and codes out of range.
    """
    values = _arranged(np.asarray(x), meta)
    shape = len(values), meta["pixels"], meta["channels"]
    if meta["levels"] is None:
        return _integers(values, meta).reshape(shape)
    return _quantized(values, meta).reshape(shape)


def _arranged(x: Array, meta: Meta) -> Array:
    """Return (frames, size) in stream order; images may come channels last."""
    wanted = tuple(meta["shape"])
    given = x.shape[1:]
    size = int(np.prod(wanted))
    if x.ndim and given != wanted and len(given) == 3 and given == (*wanted[1:], wanted[0]):
        x = np.moveaxis(x, -1, 1)
    elif not x.ndim or _squeezed(given) not in (_squeezed(wanted), (size,)):
        raise FrameError(f"frames have shape {x.shape}, expected (frames, {str(wanted)[1:]}")
    flat = x.reshape(len(x), size)
    return flat if meta["order"] is None else flat[:, np.asarray(meta["order"])]


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


def _integers(x: Array, meta: Meta) -> Array:
    low, high = meta["low"], meta["high"]
    what = f"expected codes from {low} to {high}"
    if x.dtype.kind not in "iuf":
        raise FrameError(f"frames have type {x.dtype}, {what}")
    if x.dtype.kind == "f" and not bool((x == np.rint(x)).all()):
        raise FrameError(f"frames hold fractions, NaN or infinity, {what}")
    if x.size and (x.min() < low or x.max() > high):
        raise FrameError(f"frames hold {x.min()}..{x.max()}, {what}")
    codes = x.astype(np.int64)
    if meta["bipolar"] and bool((codes == 0).any()):
        raise FrameError("frames hold 0, expected -1 and +1 only")
    return codes


def _quantized(x: Array, meta: Meta) -> Array:
    """Count the levels that each number reaches; levels are float32, per channel or for all."""
    if x.dtype.kind != "f":
        raise FrameError(f"frames have type {x.dtype}, expected real numbers (float32)")
    with np.errstate(over="ignore"):
        x = x.astype(np.float32)
    if not bool(np.isfinite(x).all()):
        raise FrameError("frames hold NaN, infinity or numbers beyond float32")
    levels = np.asarray(meta["levels"], np.float32)
    codes = np.asarray(meta["codes"], np.int64)
    shaped = x.reshape(-1, meta["channels"])
    found = np.empty(shaped.shape, np.int64)
    if len(levels) == 1:
        return codes[np.searchsorted(levels[0], shaped, side="right")]
    for channel, row in enumerate(levels):
        found[:, channel] = codes[np.searchsorted(row, shaped[:, channel], side="right")]
    return found


def pack(codes: Array, meta: Meta) -> Array:
    """Return bytes uint8 (frames, bytes of a frame) of codes (frames, pixels, channels)."""
    slot, lanes = meta["slot"], meta["lanes"]
    frames = len(codes)
    words = -(-meta["channels"] // lanes)
    slots = np.zeros((frames, meta["pixels"], words * lanes), np.int64)
    slots[..., : meta["channels"]] = codes > 0 if meta["bipolar"] else codes
    flat = slots.reshape(frames, meta["pixels"] * words * lanes)
    if slot >= 8:
        octets = np.ascontiguousarray(flat.astype(f"<i{slot // 8}")).view(np.uint8)
    else:
        each = 8 // slot
        fill = -flat.shape[1] % each
        padded = np.pad(flat & ((1 << slot) - 1), ((0, 0), (0, fill)))
        grouped = padded.reshape(frames, padded.shape[1] // each, each)
        octets = (grouped << (slot * np.arange(each))).sum(axis=2).astype(np.uint8)
    out = np.zeros((frames, meta["bytes"]), np.uint8)
    out[:, : octets.shape[1]] = octets
    return out


def unpack(octets: Array, meta: Meta) -> Array:
    """Return codes int64 (frames, pixels, channels) of bytes uint8 (frames, bytes of a frame)."""
    slot, lanes, channels = meta["slot"], meta["lanes"], meta["channels"]
    frames = len(octets)
    count = lanes * meta["transfers"]
    used = np.ascontiguousarray(octets[:, : -(-count * slot // 8)])
    if slot >= 8:
        flat = used.view(f"<u{slot // 8}").astype(np.int64)
    else:
        each = 8 // slot
        flat = used[:, :, None].astype(np.int64) >> (slot * np.arange(each))
        flat = flat.reshape(frames, used.shape[1] * each)[:, :count]
    mask, half = (1 << meta["bits"]) - 1, 1 << meta["bits"] - 1
    flat = flat & mask
    if meta["signed"]:
        flat = (flat ^ half) - half
    words = -(-channels // lanes)
    codes = flat.reshape(frames, meta["pixels"], words * lanes)[..., :channels]
    return 2 * codes - 1 if meta["bipolar"] else codes


def decode(codes: Array, meta: Meta) -> Array:
    """Return what codes (frames, pixels, channels) mean, in the model file's output shape.

    float32; codes as int64 where the network's output is an index
    meta : the part ``output`` of ``meta.json``
    """
    if meta["scale"] is None:
        values: Array = codes
    else:
        scale = np.asarray(meta["scale"], np.float64)
        values = (codes * scale + np.asarray(meta["offset"], np.float64)).astype(np.float32)
    flat = values.reshape(len(codes), meta["pixels"] * meta["channels"])
    if meta["order"] is not None:
        flat = flat[:, np.asarray(meta["order"])]
    return flat.reshape(len(codes), *meta["shape"])


def weight_writes(weights: Any, meta: Meta) -> list[tuple[int, int]]:
    """Return address and data of the writes that bring a matrix (rows, columns) into a layer.

    meta : the layer's entry of the part ``weights`` of ``meta.json``
    Raises ``WeightError`` for another shape and for weights or sums that the layer cannot hold.
    """
    w = np.asarray(weights)
    shape = meta["rows"], meta["columns"]
    if w.shape != shape or w.dtype.kind not in "iu":
        raise WeightError(
            f"weights have type {w.dtype}, shape {w.shape}; expected integers {shape}"
        )
    w = w.astype(np.int64)
    top = (1 << meta["planes"]) - 1
    if w.size and int(np.abs(w).max()) > top:
        raise WeightError(
            f"weights hold {w.min()}..{w.max()}, the layer is built for -{top}..{top}"
        )
    positive, negative = np.maximum(w, 0).sum(axis=1), np.minimum(w, 0).sum(axis=1)
    low = int((positive * meta["x_low"] + negative * meta["x_high"]).min())
    high = int((positive * meta["x_high"] + negative * meta["x_low"]).max())
    if low < meta["acc_low"] or high > meta["acc_high"]:
        raise WeightError(
            f"sums of these weights reach {low}..{high}, the layer holds "
            f"{meta['acc_low']}..{meta['acc_high']}"
        )
    planes = np.arange(meta["planes"])[:, None, None]
    chosen = np.abs(w) >> planes & 1
    minus = chosen * (w < 0)
    surplus = (minus.sum(axis=2) << planes[:, :, 0]).sum(axis=0)
    starts = meta["x_low"] * w.sum(axis=1)
    starts = starts - meta["x_gain"] * ((1 << meta["x_bits"]) - 1) * surplus
    pe, simd = meta["pe"], meta["simd"]
    folds, words = -(-shape[0] // pe), -(-shape[1] // simd)
    spare = (0, folds * pe - shape[0]), (0, words * simd - shape[1])
    digits = np.stack([chosen, np.broadcast_to(w < 0, chosen.shape)], axis=1)
    digits = np.pad(digits, ((0, 0), (0, 0), *spare))
    digits = digits.reshape(meta["planes"], 2, folds, pe, words, simd)
    table = digits.transpose(2, 4, 3, 0, 1, 5).reshape(folds * words, -1)
    starts = np.pad(starts, spare[0]).reshape(folds, pe, 1) >> np.arange(meta["acc_bits"]) & 1
    return [*_pieces(table, 0), *_pieces(starts.reshape(folds, -1), 1 << 31)]


def _pieces(bits: Array, base: int) -> list[tuple[int, int]]:
    """Return address and content of the pieces of 32 bits of each row."""
    rows, width = bits.shape
    pieces = -(-width // 32)
    shift = (pieces - 1).bit_length()
    padded = np.pad(bits.astype(np.uint8), ((0, 0), (0, 32 * pieces - width)))
    numbers = np.ascontiguousarray(np.packbits(padded, axis=1, bitorder="little")).view("<u4")
    return [
        (base | row << shift | piece, int(numbers[row, piece]))
        for row in range(rows)
        for piece in range(pieces)
    ]


class Accelerator:
    """A network in the programmable logic of a Zynq-7000.

    path : bitstream; ``meta.json`` lies beside it
    timeout_s : a run that takes longer is cut short and raises
    Threads may share it: they take turns.
    """

    def __init__(self, path: str | Path, *, timeout_s: float = 10.0) -> None:
        bitstream = Path(path)
        self.meta: dict[str, Any] = json.loads(
            bitstream.with_name("meta.json").read_text(encoding="utf-8")
        )
        self.timeout_s = timeout_s
        self._offsets: dict[str, int] = self.meta["registers"]
        self._pynq: Any = importlib.import_module("pynq")
        self._pynq.Bitstream(str(bitstream)).download()
        self.clock_mhz = self._set_clock()
        self._widen_port()
        self._mmio: Any = self._pynq.MMIO(self.meta["base_address"], self.meta["address_bytes"])
        self._check_build()
        self._write("control", 1 << self.meta["control"]["reset"])
        frame = max(self.meta["input"]["bytes"], self.meta["output"]["bytes"])
        self.batch = max(1, BATCH_BYTES // frame)
        self._buffers: list[tuple[Any, Any]] = []
        self._turn = threading.Lock()

    def predict(self, x: Any) -> Array:
        """Return the network's outputs (frames, ...), float32 values or integer indices.

        x : frames as the model file takes them, or raw numbers if the build says so
        While one batch runs, the next is encoded.
        """
        frames = np.asarray(x)
        with self._turn:
            codes = [self._finish(job) for job in self._jobs(frames)] if len(frames) else []
        empty = np.zeros((0, self.meta["output"]["bytes"]), np.uint8)
        octets = np.concatenate([empty, *codes])
        return decode(unpack(octets, self.meta["output"]), self.meta["output"])

    def classify(self, x: Any) -> Array:
        """Return the class of each frame: the index of its largest output."""
        values = self.predict(x)
        flat = values.reshape(len(values), int(np.prod(values.shape[1:])))
        return flat[:, 0] if flat.shape[1] == 1 else flat.argmax(axis=1)

    def benchmark(self, frames: int = 1000) -> dict[str, float]:
        """Run so many frames of zeros from memory; return speed and where cycles went."""
        count = max(1, min(frames, self.batch))
        with self._turn:
            return self._measure(count)

    def _measure(self, count: int) -> dict[str, float]:
        sources, targets = self._pair(0)
        sources[: count * self.meta["input"]["bytes"]] = 0
        self._start(sources, targets, count)
        self._wait()
        cycles = self._read("cycles_low") | self._read("cycles_high") << 32
        seconds = cycles / (self.clock_mhz * 1e6)
        return {
            "frames": count,
            "cycles": cycles,
            "fps": count / seconds,
            "input_bytes_per_cycle": count * self.meta["input"]["bytes"] / cycles,
            "stall_in": self._read("stall_in"),
            "stall_out": self._read("stall_out"),
            "wait_in": self._read("wait_in"),
        }

    def load_weights(self, layer: str, weights: Any) -> None:
        """Exchange the matrix of a layer that was built with ``memory = "writable"``.

        layer : its name in ``folding.toml``
        weights : integers (rows, columns), as ``graph.json`` has them
        Thresholds stay those of the build. Raises ``WeightError`` for what does not fit.
        """
        layers = self.meta["weights"]
        if layer not in layers:
            told = ", ".join(layers) or "there is none"
            raise WeightError(f"layer {layer!r} has no writable weights; those that have: {told}")
        writes = weight_writes(weights, layers[layer])
        with self._turn:
            self._write("weights_layer", layers[layer]["number"])
            following = None
            for address, word in writes:
                if address != following:
                    self._write("weights_address", address)
                self._write("weights_data", word)
                following = address + 1

    def close(self) -> None:
        """Free the buffers."""
        for pair in self._buffers:
            for buffer in pair:
                buffer.freebuffer()
        self._buffers.clear()

    def _jobs(self, frames: Array) -> Iterator[Job]:
        """Start every batch and yield what ends it, the next one encoded meanwhile."""
        running: Job | None = None
        for number, begin in enumerate(range(0, len(frames), self.batch)):
            part = frames[begin : begin + self.batch]
            try:
                octets = pack(encode(part, self.meta["input"]), self.meta["input"])
            except BaseException:
                if running is not None:
                    self._cut_short()  # or the next call would find a run going on
                raise
            sources, targets = self._pair(number % 2)
            sources[: octets.size] = octets.reshape(-1)
            finished, running = running, (targets, len(part))
            if finished is not None:
                self._wait()
            self._start(sources, targets, len(part))
            if finished is not None:
                yield finished
        if running is not None:
            self._wait()
            yield running

    def _finish(self, job: Job) -> Array:
        targets, count = job
        size = self.meta["output"]["bytes"]
        targets.invalidate()
        return np.array(targets[: count * size], np.uint8).reshape(count, size)

    def _pair(self, number: int) -> tuple[Any, Any]:
        """Return input and output buffers; there are two such pairs."""
        while len(self._buffers) <= number:
            sizes = (self.batch * self.meta[end]["bytes"] for end in ("input", "output"))
            made = [self._pynq.allocate(shape=(size,), dtype=np.uint8) for size in sizes]
            self._buffers.append((made[0], made[1]))
        return self._buffers[number]

    def _start(self, sources: Any, targets: Any, count: int) -> None:
        sources.flush()
        self._write("status", 0xFFFFFFFF)
        self._write("in_address", sources.physical_address)
        self._write("out_address", targets.physical_address)
        self._write("in_bytes", count * self.meta["input"]["bytes"])
        self._write("out_bytes", count * self.meta["output"]["bytes"])
        self._write("frames", count)
        self._write("control", 1 << self.meta["control"]["start"])

    def _wait(self) -> None:
        """Await the end of a run; raise if it failed or takes too long."""
        limit = time.monotonic() + self.timeout_s
        try:
            while (status := self._status()) & {"busy"}:
                if time.monotonic() > limit:
                    done = self._read("frames_done")
                    raise AcceleratorError(
                        f"no end after {self.timeout_s:g} s, {done} frames done; the run was cut "
                        f"short"
                    )
        except BaseException:
            self._cut_short()
            raise
        if status != {"done"}:
            told = [f"{name} ({MEANING.get(name, 'unknown')})" for name in sorted(status)]
            told = [text for text in told if not text.startswith("done ")]
            raise AcceleratorError(f"the run failed: {', '.join(told) or 'it left no trace'}")

    def _cut_short(self) -> None:
        """End a run; what the memory still owes is awaited for a second."""
        self._write("control", 1 << self.meta["control"]["reset"])
        limit = time.monotonic() + min(1.0, self.timeout_s)
        while self._status() & {"busy"} and time.monotonic() < limit:
            pass

    def _status(self) -> set[str]:
        word = self._read("status")
        return {name for name, bit in self.meta["status"].items() if word >> bit & 1}

    def _check_build(self) -> None:
        found = self._read("id"), self._read("version")
        wanted = self.meta["id"], self.meta["version"]
        if found != wanted:
            raise AcceleratorError(
                f"no hwgen shell of version {wanted[1]} answers at "
                f"{self.meta['base_address']:#x}: read {found[0]:#x}, {found[1]}"
            )
        build = f"{self._read('build_high'):08x}{self._read('build_low'):08x}"
        if build != self.meta["build"]:
            raise AcceleratorError(
                f"the bitstream holds build {build}, meta.json describes {self.meta['build']}; "
                f"copy both from the same folder"
            )

    def _set_clock(self) -> float:
        """Set the clock and return it; the processor makes only some clocks."""
        wanted = float(self.meta["clock_mhz"])
        self._pynq.Clocks.fclk0_mhz = wanted
        found = float(self._pynq.Clocks.fclk0_mhz)
        if found > 1.001 * wanted:
            raise AcceleratorError(
                f"the processor makes {found:g} MHz where the build is made for {wanted:g}; build "
                f"it with --clock-mhz {found:g}"
            )
        return found

    def _widen_port(self) -> None:
        """Set the memory port to 64 bits, both ways."""
        afi: Any = self._pynq.MMIO(AFI0, 0x1000)
        for offset in (AFI_READ_CONTROL, AFI_WRITE_CONTROL):
            afi.write(offset, afi.read(offset) & ~1)
            if afi.read(offset) & 1:
                raise AcceleratorError("the memory port HP0 stays at 32 bits")

    def _read(self, name: str) -> int:
        return int(self._mmio.read(self._offsets[name]))

    def _write(self, name: str, value: int) -> None:
        self._mmio.write(self._offsets[name], int(value))
