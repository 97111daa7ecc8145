"""Constraints, timing reports and the clock multipliers of the open toolchains."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen import boards, flow, tools
from hwgen.arith.pll import plan_pll
from hwgen.backend import nextpnr_ecp5, nextpnr_gowin, nextpnr_ice40, vivado
from hwgen.backend.implement import instances_on, pins_of, read_timing
from hwgen.errors import ToolError

REPORT = {
    "fmax": {
        "fast": {"achieved": 90.0, "constraint": 12.0},
        "clk": {"achieved": 26.1, "constraint": 12.0},
    },
    "critical_paths": [
        {
            "from": "posedge clk",
            "to": "posedge clk",
            "path": [
                {"from": {"cell": "system.core.conv_1.sum_LC"}, "to": {"cell": "system.core.x"}},
                {"from": {"cell": "system.core.x"}, "to": {"cell": "system.shell.tx_LC"}},
            ],
        },
        {"from": "async", "to": "posedge clk", "path": [{"from": {"cell": "a"}, "to": {}}]},
    ],
}
TIMING = """
    WNS(ns)      TNS(ns)  TNS Failing Endpoints
    -------      -------  ---------------------
     -0.250       -1.100                      9

  Source:                 system/core/conv_1/sum_reg[3]/C
  Destination:            system/core/conv_2/acc_reg[0]/D
"""
USE = """
| Slice LUTs*                |  2891 |     0 |          0 |     53200 |  5.43 |
| Slice Registers            |  1753 |     0 |          0 |    106400 |  1.65 |
| Block RAM Tile             |   9.5 |     0 |          0 |       140 |  6.79 |
| DSPs                       |     3 |     0 |          0 |       220 |  1.36 |
"""


def test_the_slowest_clock_and_its_path_are_read():
    fmax, cells = read_timing(REPORT)
    assert fmax == 26.1
    assert cells == ("system.core.conv_1.sum_LC", "system.core.x", "system.shell.tx_LC")
    assert instances_on(cells) == ("conv_1", "x", "shell")
    with pytest.raises(ToolError, match="no clock"):
        read_timing({"fmax": {}})


def test_vivado_reports_are_read():
    slack, ends = vivado.read_timing(TIMING)
    assert slack == -0.25
    assert instances_on(ends) == ("conv_1", "conv_2")
    used = vivado.read_use(USE)
    assert (used.lut, used.ff, used.bram36, used.dsp) == (2891, 1753, 9.5, 3)
    with pytest.raises(ToolError, match="no worst slack"):
        vivado.read_timing("")
    with pytest.raises(ToolError, match="no row Slice LUTs"):
        vivado.read_use("")


@pytest.mark.parametrize(
    ("name", "family", "lines"),
    [
        ("icebreaker", nextpnr_ice40, ["set_io clk 35", "set_io rx 6", "set_io tx 9"]),
        (
            "ulx3s-85f",
            nextpnr_ecp5,
            ['LOCATE COMP "clk" SITE "G2";', 'LOCATE COMP "high_0" SITE "L2";'],
        ),
        ("tang-nano-20k", nextpnr_gowin, ['IO_LOC "clk" 4;', 'IO_PORT "tx" IO_TYPE=LVCMOS33;']),
        (
            "arty-a7-100",
            None,
            [
                "create_clock -name clk -period 10.000 [get_ports clk]",
                "set_property -dict {PACKAGE_PIN D10 IOSTANDARD LVCMOS33} [get_ports tx]",
            ],
        ),
    ],
)
def test_every_pin_is_constrained(name, family, lines):
    board = boards.load(name)
    if family is None:
        text = vivado.pin_constraints(board)
    else:
        text = family.FAMILY.constraints[1](board, pins_of(board))
    assert set(lines) <= set(text.splitlines())
    for pin in pins_of(board):
        assert pin.site in text


@pytest.mark.parametrize("wanted", [16.0, 20.0, 24.0, 39.75, 48.0])
def test_ice40_settings_keep_the_data_sheet(wanted):
    found = plan_pll("ice40", 12.0, wanted)
    p = found.parameters
    vco = 12.0 / (p["DIVR"] + 1) * (p["DIVF"] + 1)
    assert 533 <= vco <= 1066
    assert found.mhz == vco / 2 ** p["DIVQ"] <= wanted
    assert p["FILTER_RANGE"] == 1  # a reference of 12 MHz is below 17


def test_ecp5_and_gowin_settings_keep_the_data_sheets():
    p = plan_pll("ecp5", 25.0, 60.0).parameters
    assert 25 / p["CLKI_DIV"] * p["CLKFB_DIV"] == 60
    assert 400 <= 60 * p["CLKOP_DIV"] <= 800
    p = plan_pll("gowin", 27.0, 54.0).parameters
    assert 27 / (p["IDIV_SEL"] + 1) * (p["FBDIV_SEL"] + 1) == 54
    assert 500 <= 54 * p["ODIV_SEL"] <= 1250
    assert plan_pll("xc7", 100.0, 50.0) is None


@pytest.mark.synth
@pytest.mark.parametrize(
    ("board", "tools_needed"),
    [
        ("icebreaker", ("nextpnr-ice40", "icepack")),
        pytest.param("ulx3s-85f", ("nextpnr-ecp5", "ecppack"), marks=pytest.mark.slow),
        pytest.param(
            "tang-nano-20k", ("nextpnr-himbaechel-gowin", "gowin_pack"), marks=pytest.mark.slow
        ),
    ],
)
def test_a_bitstream_comes_out_and_keeps_its_clock(tmp_path, board, tools_needed):
    for name in ("yosys", *tools_needed):
        if tools.find(name) is None:
            pytest.skip(f"{name} is not installed")
    model = Path(__file__).parents[2] / "designs" / "digits_mlp" / "model.onnx"
    request = flow.Request(model, board, target_fps=1000.0)
    trial = flow.Trial(frames=1, engine="amaranth", stall=0.0)
    built = flow.build(request, trial, tmp_path / "out", seeds=1)
    built.require()
    routed = built.report.routed
    assert routed.fmax_mhz >= routed.clock_mhz == boards.load(board).clock.core_mhz
    assert 0 < routed.resources.lut <= boards.load(board).available.lut
    assert (tmp_path / "out" / routed.bitstream).stat().st_size > 10_000
