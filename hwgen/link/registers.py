"""The register map of the processor shell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Access = Literal["r", "rw", "w", "w1", "w1c"]

MAGIC = 0x4847574E  # "HWGN"
VERSION = 2


@dataclass(frozen=True)
class Register:
    """One 32-bit register.

    offset : in bytes
    access : ``r`` read, ``rw`` keeps what is written, ``w`` takes what is written and reads as 0,
        ``w1`` each written 1 acts and reads as 0, ``w1c`` each written 1 clears that bit
    """

    name: str
    offset: int
    access: Access
    meaning: str


_ROWS: tuple[tuple[str, Access, str], ...] = (
    ("id", "r", "MAGIC"),
    ("version", "r", "version of this map"),
    ("build_low", "r", "hash of the core, low half"),
    ("build_high", "r", "hash of the core, high half"),
    ("frame_in_bytes", "r", "bytes of an input frame"),
    ("frame_out_bytes", "r", "bytes of an output frame"),
    ("control", "w1", "see CONTROL"),
    ("status", "w1c", "see STATUS; busy cannot be cleared"),
    ("in_address", "rw", "of the input frames, a multiple of 8"),
    ("out_address", "rw", "for the output frames, a multiple of 8"),
    ("in_bytes", "rw", "length of the input, frames * frame_in_bytes"),
    ("out_bytes", "rw", "room for the output, frames * frame_out_bytes"),
    ("frames", "rw", "frames to run, at least 1"),
    ("frames_done", "r", "frames of the run that left the core"),
    ("cycles_low", "r", "cycles from start to the last answer of the memory, low half"),
    ("cycles_high", "r", "the same, high half"),
    ("stall_in", "r", "cycles of the run in which the core waited for input"),
    ("stall_out", "r", "cycles of the run in which the core waited for its output to leave"),
    ("wait_in", "r", "cycles of the run in which memory had input and the core took none"),
    ("weights_layer", "w", "number of the layer whose weights are written; only while not busy"),
    ("weights_address", "w", "where the next piece goes, as ``arith.writing`` says"),
    ("weights_data", "w", "a piece; the address moves on by one"),
)

REGISTERS: dict[str, Register] = {
    name: Register(name, 4 * number, access, meaning)
    for number, (name, access, meaning) in enumerate(_ROWS)
}

# Bit numbers.
CONTROL: dict[str, int] = {"start": 0, "reset": 1}
STATUS: dict[str, int] = {
    "busy": 0,
    "done": 1,  # a run ended
    "read_error": 2,  # memory answered a read of the run with an error
    "write_error": 3,  # memory answered a write of the run with an error
    "bad_address": 4,  # start refused: an address is no multiple of 8
    "bad_length": 5,  # start refused: no frames, or lengths that are not those of the frames
    "start_busy": 6,  # start refused: a run was going on, and goes on
    "aborted": 7,  # a reset cut a run short; nothing of it is left in the core
}
