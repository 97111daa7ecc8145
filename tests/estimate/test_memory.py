import json
import random

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, Signal
from amaranth.lib.memory import Memory

from hwgen import tools
from hwgen.estimate.memory import (
    bram36,
    counter_bits,
    counter_luts,
    index_bits,
    lutram_choice,
    lutram_luts,
    rom_luts,
)

SHAPES = [
    (32, 64),
    (49, 1024),
    (64, 64),
    (98, 512),
    (100, 20),
    (256, 40),
    (512, 36),
    (512, 72),
    (512, 100),
    (600, 20),
    (784, 36),
    (1024, 18),
    (1024, 40),
    (1568, 16),
    (2048, 20),
    (3136, 8),
    (4096, 12),
    (5632, 18),
    (6272, 12),
    (6272, 16),
    (8192, 2),
    (12544, 3),
]
# Of memories that are written: more bits than words share a write enable, and fewer.
WRITTEN = [
    (600, 4),
    (700, 20),
    (1100, 36),
    (2500, 8),
    (3000, 20),
    (3904, 13),
    (4608, 8),
    (5000, 12),
    (8560, 4),
    (9000, 3),
    (12000, 6),
    (36864, 1),
]
# The block memories that Yosys's synth_xilinx chooses from for 7-series parts.
LIBRARY = (
    "-lib +/xilinx/brams_xc4v.txt -D HAS_SIZE_36 -D HAS_CASCADE -D HAS_MIXWIDTH_SDP "
    "-lib +/xilinx/lutrams_xc5v.txt"
)


def rom(depth, width):
    m = Module()
    rng = random.Random(width)
    words = [rng.getrandbits(width) for _ in range(depth)]
    m.submodules.memory = memory = Memory(
        shape=width, depth=depth, init=words, attrs={"ram_style": "block"}
    )
    port = memory.read_port()
    address, enable, data = Signal(range(depth)), Signal(), Signal(width)
    m.d.comb += [port.addr.eq(address), port.en.eq(enable), data.eq(port.data)]
    return rtlil.convert(m, name=f"rom_{depth}_{width}", ports=[address, enable, data])


def ram(depth, width):
    m = Module()
    m.submodules.memory = memory = Memory(
        shape=width, depth=depth, init=[], attrs={"ram_style": "block"}
    )
    read, write = memory.read_port(), memory.write_port()
    places, enables = [Signal(range(depth)) for _ in range(2)], [Signal() for _ in range(2)]
    data = [Signal(width, name=f"data_{n}") for n in range(2)]
    m.d.comb += [read.addr.eq(places[0]), read.en.eq(enables[0]), data[0].eq(read.data)]
    m.d.comb += [write.addr.eq(places[1]), write.en.eq(enables[1]), write.data.eq(data[1])]
    return rtlil.convert(m, name=f"ram_{depth}_{width}", ports=[*places, *enables, *data])


@pytest.mark.synth
@pytest.mark.parametrize(
    ("make", "shapes"), [(rom, SHAPES), (ram, WRITTEN)], ids=["read", "written"]
)
def test_blocks_are_those_that_yosys_takes(make, shapes, tmp_path):
    tool = tools.find("yosys")
    if tool is None:
        pytest.skip("Yosys is not installed")
    names = [f"{make.__name__}_{depth}_{width}" for depth, width in shapes]
    for name, shape in zip(names, shapes, strict=True):
        (tmp_path / f"{name}.il").write_text(make(*shape))
    inside = "\n".join(f"(* keep *) {name} u_{name}();" for name in names)
    (tmp_path / "top.v").write_text(f"module top();\n{inside}\nendmodule\n")
    script = [f"read_rtlil {name}.il" for name in names]
    script += ["read_verilog top.v", "hierarchy -top top", "proc", "opt_clean", "memory -nomap"]
    script += [f"memory_libmap {LIBRARY}", "write_json out.json"]
    (tmp_path / "s.ys").write_text("\n".join(script))

    tools.run(tool, ["-q", "-s", "s.ys"], folder=tmp_path)

    modules = json.loads((tmp_path / "out.json").read_text())["modules"]
    for name, (depth, width) in zip(names, shapes, strict=True):
        cells = [c for c in modules[name]["cells"].values() if "BLOCKRAM" in c["type"]]
        halves = sum(1 if c["parameters"]["OPTION_MODE"] == "HALF" else 2 for c in cells)
        found = bram36(depth, width, "xc7", written=make is ram)
        assert found == halves / 2, (depth, width)


def test_other_families_use_their_own_blocks():
    assert bram36(512, 36, "ecp5") == 0.5
    assert bram36(512, 72, "ecp5") == 1.0
    assert bram36(256, 16, "ice40") == pytest.approx(1 / 9)
    assert bram36(300, 20, "ice40") == pytest.approx(3 / 9)


@pytest.mark.parametrize(
    ("depth", "luts"), [(1, 0), (2, 8), (64, 8), (65, 16), (256, 32), (257, 48), (1024, 136)]
)
def test_constant_memories_fill_luts(depth, luts):
    assert rom_luts(depth, 8, 6) == luts


def test_writable_luts_and_counters():
    assert lutram_luts(32, 6, "xc7") == 4
    assert lutram_luts(33, 6, "xc7") == 8
    assert lutram_luts(65, 3, "xc7") == 8
    assert lutram_luts(16, 4, "ecp5") == 6
    assert [counter_bits(n) for n in (1, 2, 3, 4, 5, 784)] == [1, 1, 2, 2, 3, 10]


def test_counters_that_start_over_by_themselves_are_nearly_free():
    assert [counter_luts(n) for n in (1, 2, 4, 5, 8, 784, 1024)] == [0, 1, 2, 3, 1, 10, 1]
    assert counter_luts(1024, compared=True) == 1 + 10 / 4
    assert counter_luts(1, compared=True) == 0


def test_counters_that_run_ahead_have_twice_the_flip_flops():
    assert [index_bits(n) for n in (1, 16, 17, 64)] == [1, 4, 10, 12]


def test_deep_memories_choose_among_their_parts():
    assert [lutram_choice(depth, 3) for depth in (64, 65, 256, 257, 1024)] == [0, 3, 3, 6, 15]
