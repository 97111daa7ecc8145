"""``meta.json``: all that a host must know of a build to talk to it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from hwgen.errors import UnsupportedError
from hwgen.frontend.hostio import HostInput, HostOutput
from hwgen.host.levels import levels_of
from hwgen.ir import TensorType
from hwgen.link import CONTROL, MAGIC, REGISTERS, STATUS, VERSION, FrameFormat

GP0_ADDRESS = 0x4000_0000


def input_meta(source: HostInput, frame: FrameFormat) -> dict[str, Any]:
    """Return the part ``input``: how numbers become codes and codes bytes.

    ``note`` says why the driver takes codes where the model file takes numbers.
    """
    found, note = None, None
    if not source.integer:
        try:
            found = levels_of(source)
        except UnsupportedError as error:
            note = str(error)
    plain = bool((source.order == np.arange(source.type.size)).all())
    return {
        "note": note,
        "shape": list(source.shape),
        "order": None if plain else source.order.tolist(),
        "levels": None if found is None else found.levels.tolist(),
        "codes": None if found is None else found.codes.tolist(),
        **_wire(source.type, frame),
    }


def output_meta(sink: HostOutput, frame: FrameFormat) -> dict[str, Any]:
    """Return the part ``output``: how bytes become codes and codes values.

    ``tail`` names operators of the model file that are left to the caller; ``note`` says why the
    driver returns codes where the file gives values.
    """
    scale, offset = sink.scale, sink.offset
    codes = sink.is_index or scale is None or offset is None
    note = None
    if codes and not sink.is_index:
        note = f"output {sink.name} is no affine function of its codes, so the driver returns codes"
    order = sink.index.reshape(-1)
    plain = bool((order == np.arange(sink.type.size)).all())
    return {
        "shape": list(sink.index.shape[1:]),
        "order": None if plain else order.tolist(),
        "note": note,
        "scale": None if codes else _numbers(scale),
        "offset": None if codes else _numbers(offset),
        "tail": [node.op for node in sink.tail],
        **_wire(sink.type, frame),
    }


def _wire(kind: TensorType, frame: FrameFormat) -> dict[str, Any]:
    return {
        "pixels": kind.pixels,
        "channels": kind.channels,
        "low": kind.low,
        "high": kind.high,
        "bipolar": kind.bipolar,
        "bits": frame.bits,
        "signed": frame.signed,
        "slot": frame.slot,
        "lanes": frame.lanes,
        "transfers": frame.transfers,
        "bytes": frame.bytes,
    }


def _numbers(values: Any) -> Any:
    """Return exact fractions as floats, in the same nesting."""
    array = np.asarray(values, dtype=object)
    floats = np.array([float(Fraction(v)) for v in array.reshape(-1)], np.float64)
    return floats.reshape(array.shape).tolist()


def zynq_meta(
    name: str,
    build: str,
    clock_mhz: float,
    ends: tuple[HostInput, HostOutput],
    frames: tuple[FrameFormat, FrameFormat],
    weights: Mapping[str, Mapping[str, int]],
) -> dict[str, Any]:
    """Return ``meta.json`` of a build with the processor shell."""
    return {
        "format": 1,
        "name": name,
        "build": build,
        "shell": "zynq",
        "clock_mhz": clock_mhz,
        "base_address": GP0_ADDRESS,
        "address_bytes": 0x1000,
        "id": MAGIC,
        "version": VERSION,
        "registers": {key: register.offset for key, register in REGISTERS.items()},
        "control": CONTROL,
        "status": STATUS,
        "weights": weights,
        "input": input_meta(ends[0], frames[0]),
        "output": output_meta(ends[1], frames[1]),
    }


def uart_meta(
    name: str,
    build: str,
    clock_mhz: float,
    baud: int,
    ends: tuple[HostInput, HostOutput],
    frames: tuple[FrameFormat, FrameFormat],
) -> dict[str, Any]:
    """Return ``meta.json`` of a build with the serial shell.

    baud : as the clock's divisor gives it
    """
    return {
        "format": 1,
        "name": name,
        "build": build,
        "shell": "uart",
        "clock_mhz": clock_mhz,
        "baud": baud,
        "input": input_meta(ends[0], frames[0]),
        "output": output_meta(ends[1], frames[1]),
    }
