"""AXI3 models for simulation: a processor's port, a memory, and a checker of the protocol."""

from sim.axi.checker import ProtocolChecker, ProtocolError
from sim.axi.memory import Faults, Memory, Timing
from sim.axi.pins import Agent, Pins
from sim.axi.processor import Processor

__all__ = [
    "Agent",
    "Faults",
    "Memory",
    "Pins",
    "Processor",
    "ProtocolChecker",
    "ProtocolError",
    "Timing",
]
