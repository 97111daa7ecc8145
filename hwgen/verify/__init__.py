"""Simulated hardware against the integer reference and the token model."""

from hwgen.verify.choose import affordable_frames, choose, engines
from hwgen.verify.engine import Engine, Model, Run, Stalls
from hwgen.verify.locate import Divergence, Progress
from hwgen.verify.verification import TimingDifference, Verification, verify
from hwgen.verify.verilog import write_verilog

__all__ = [
    "Divergence",
    "Engine",
    "Model",
    "Progress",
    "Run",
    "Stalls",
    "TimingDifference",
    "Verification",
    "affordable_frames",
    "choose",
    "engines",
    "verify",
    "write_verilog",
]
