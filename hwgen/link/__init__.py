"""What hardware and host must agree on: frames as bytes, registers, packets. Pure plans."""

from hwgen.link.frames import FrameFormat, slot_bits
from hwgen.link.registers import CONTROL, MAGIC, REGISTERS, STATUS, VERSION, Register

__all__ = [
    "CONTROL",
    "MAGIC",
    "REGISTERS",
    "STATUS",
    "VERSION",
    "FrameFormat",
    "Register",
    "slot_bits",
]
