"""A core with the shell of its board, as RTLIL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from amaranth.lib import wiring

from hwgen.boards import Family
from hwgen.dataflow import Dataflow, Stream
from hwgen.emit.axis import AxisChip, AxisSystem
from hwgen.emit.design import Design
from hwgen.emit.rtlil import RtlilModule, convert, convert_chip, flat_ports
from hwgen.emit.serial import SerialChip, SerialSystem
from hwgen.emit.sources import Sources
from hwgen.emit.top import Blackbox, core_members
from hwgen.emit.zynq import ZynqChip, ZynqSystem
from hwgen.link import FrameFormat
from hwgen.rtl.axi.shell import ZynqShell
from hwgen.rtl.uart.shell import UartShell


@dataclass(frozen=True, eq=False)
class System(Sources):
    """What stands around a core.

    name : of the top module, which is the last of ``modules``
    core : what they instantiate beside each other
    modules : RTLIL of the shell and the top, without the core's
    parts : Amaranth components of ``modules`` by name, as far as they have one
    """

    name: str
    core: Design
    modules: tuple[RtlilModule, ...]
    parts: dict
    taps: tuple[str, ...] = ()


def frame_of(stream: Stream, word_bytes: int) -> FrameFormat:
    """Return how a frame of a core's stream lies in words of a link."""
    kind = stream.type
    return FrameFormat(kind.bits, kind.signed, stream.lanes, stream.transfers, word_bytes)


def frames(flow: Dataflow, word_bytes: int) -> tuple[FrameFormat, FrameFormat]:
    """Return the formats of input and output frames of a core."""
    source, sink = flow.streams[flow.input], flow.streams[flow.output]
    return frame_of(source, word_bytes), frame_of(sink, word_bytes)


def zynq_system(core: Design) -> System:
    """Return a core with the processor shell, and the chip around them."""
    stem = core.name.removesuffix("_core")
    shell = zynq_shell(core)
    name = f"{stem}_shell"
    inside = ZynqSystem(
        lambda: _instance(shell, name),
        lambda reset: _instance(core_ports(core), core.name, reset),
    )
    shell_module = convert(shell, name)
    system_module = convert(inside, f"{stem}_system")
    chip = ZynqChip(*_instance(inside, f"{stem}_system"))
    modules = (shell_module, system_module, convert_chip(chip, f"{stem}_top", {}))
    parts = {name: shell, f"{stem}_system": inside}
    return System(f"{stem}_top", core, modules, parts)


def serial_system(
    core: Design, family: Family, *, divisor: int, pll: Mapping | None, high: int = 0
) -> System:
    """Return a core with the serial shell, and the chip around them; pins as ``SerialChip``.

    divisor : clock cycles of a bit on the line
    pll : parameters of the family's clock multiplier, None to run on the oscillator
    high : pins to drive high
    """
    stem = core.name.removesuffix("_core")
    source, sink = frames(core.dataflow, 1)
    shell = UartShell(source, sink, build=int(core.digest, 16), divisor=divisor)
    inside = SerialSystem(
        lambda: _instance(shell, f"{stem}_shell"),
        lambda: _instance(core_ports(core), core.name),
    )
    shell_module = convert(shell, f"{stem}_shell")
    system_module = convert(inside, f"{stem}_system")
    chip = SerialChip(*_instance(inside, f"{stem}_system"), family, pll, high)
    modules = (shell_module, system_module, convert_chip(chip, f"{stem}_top", chip.pins))
    parts = {f"{stem}_shell": shell, f"{stem}_system": inside}
    return System(f"{stem}_top", core, modules, parts)


def axis_system(core: Design) -> System:
    """Return a core with AXI4-Stream ports, ``aclk`` and ``aresetn``."""
    stem = core.name.removesuffix("_core")
    flow = core.dataflow
    source, sink = flow.streams[flow.input], flow.streams[flow.output]
    inside = AxisSystem(
        lambda: _instance(core_ports(core), core.name), source.bits, sink.bits, sink.transfers
    )
    name = f"{stem}_system"
    module = convert(inside, name)
    flows = {port: flow for port, (_, flow) in flat_ports(inside).items()}
    chip = AxisChip(*_instance(inside, name), flows)
    modules = (module, convert_chip(chip, f"{stem}_axis", chip.pins))
    return System(f"{stem}_axis", core, modules, {name: inside})


def zynq_shell(core: Design) -> ZynqShell:
    """Return the processor shell for a core."""
    return ZynqShell(*frames(core.dataflow, 8), build=int(core.digest, 16))


def core_ports(core: Design) -> wiring.PureInterface:
    """Return an object with the ports of a core."""
    return wiring.PureInterface(wiring.Signature(core_members(core.dataflow)), path=())


def _instance(component, module, reset=None):
    box = Blackbox(component, module, reset)
    return box, box.ports
