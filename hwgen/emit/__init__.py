"""Dataflow to hardware: Amaranth hierarchy and RTLIL."""

from hwgen.emit.components import component
from hwgen.emit.design import Design, emit
from hwgen.emit.names import identifier
from hwgen.emit.top import Top, tap_bits

__all__ = ["Design", "Top", "component", "emit", "identifier", "tap_bits"]
