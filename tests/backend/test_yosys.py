import pytest

from hwgen import tools
from hwgen.backend import yosys
from hwgen.backend.cells import resources_of
from hwgen.boards import Resources
from hwgen.errors import ToolError

# Two instances of one module with 8 flip-flops, 8 XORs and an inner module with a block RAM.
SOURCE = """
module rom(input clk, input [9:0] a, output reg [17:0] q);
  (* ram_style = "block" *) reg [17:0] m [0:1023];
  integer i;
  initial for (i = 0; i < 1024; i = i + 1) m[i] = i * 40503 ^ (i << 5);
  always @(posedge clk) q <= m[a];
endmodule
module part(input clk, input [7:0] x, input [7:0] y, input [9:0] a,
            output reg [7:0] z, output [17:0] q);
  always @(posedge clk) z <= x ^ y;
  rom inner(.clk(clk), .a(a), .q(q));
endmodule
module top(input clk, input [7:0] x, input [7:0] y, input [9:0] a, output [7:0] z,
           output [17:0] q, output [17:0] r, output n);
  wire [7:0] w;
  part first(.clk(clk), .x(x), .y(y), .a(a), .z(w), .q(q));
  part second(.clk(clk), .x(w), .y(y), .a(~a), .z(z), .q(r));
  assign n = ^x[5:0];
endmodule
"""


@pytest.fixture
def source(tmp_path):
    if tools.find("yosys") is None:
        pytest.skip("Yosys is not installed")
    path = tmp_path / "elsewhere" / "design.v"
    path.parent.mkdir()
    path.write_text(SOURCE)
    return path


@pytest.mark.synth
def test_counts_of_the_whole_and_of_each_instance(source, tmp_path):
    result = yosys.synthesise([source], "top", "xc7", folder=tmp_path / "synth")

    assert result.cells["FDRE"] == 16
    assert result.resources.ff == 16
    assert result.resources.bram36 == 1.0  # two 18-Kbit halves
    assert result.resources.dsp == 0
    assert set(result.parts) == {"first", "second", ""}
    for name in ("first", "second"):
        assert result.parts[name].ff == 8
        assert result.parts[name].lut == 8
        assert result.parts[name].bram36 == 0.5
    assert result.parts[""].lut == 1 + 10  # the parity, and the ten inverters of an address
    assert result.resources.lut == pytest.approx(16 + 1 + 10)
    assert "Yosys" in result.tool
    assert result.logic_ns == 2.454  # from the clock to the output of a block RAM


def test_the_longest_path_is_read_in_ns(tmp_path):
    path = tmp_path / "delays.txt"
    path.write_text("\nLatest arrival time in 'top' is 4068:\n    4068 x (FDRE.D)\n")
    assert yosys.slowest_ns(path) == 4.068

    path.write_text("no paths")
    with pytest.raises(ToolError, match=r"delays\.txt.*no longest path"):
        yosys.slowest_ns(path)


@pytest.mark.synth
@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "bram36"), [("xcup", 1.0), ("ecp5", 1.0), ("gowin", 1.0), ("ice40", 10 / 9)]
)
def test_other_families(source, tmp_path, family, bram36):
    result = yosys.synthesise([source], "top", family, folder=tmp_path / "s", parts=False)

    assert result.resources.ff == 16
    assert result.resources.lut >= 17
    assert result.resources.bram36 == pytest.approx(bram36)
    assert result.parts == {}
    assert result.logic_ns is None


@pytest.mark.synth
def test_broken_verilog_is_a_tool_error(source, tmp_path):
    source.write_text("module top(input a, output b); assign b = c d; endmodule")
    with pytest.raises(ToolError, match=r"yosys .* failed .*syntax error"):
        yosys.synthesise([source], "top", "xc7", folder=tmp_path / "s", parts=False)


def test_lut_memories_and_halves_count():
    cells = {"LUT6": 10, "LUT2": 5, "INV": 1, "MUXF7": 4, "CARRY4": 3, "RAM32M": 2, "SRL16E": 4}
    cells |= {"RAM64X1D": 1, "FDRE": 7, "FDSE": 1, "RAMB18E1": 3, "RAMB36E1": 1, "DSP48E1": 2}

    assert resources_of(cells, "xc7") == Resources(lut=16 + 8 + 4 + 2, ff=8, bram36=2.5, dsp=2)
    assert resources_of({"LUT4": 3, "CCU2C": 2, "TRELLIS_DPR16X4": 1}, "ecp5").lut == 3 + 4 + 6
    assert resources_of({"SB_RAM40_4KNR": 9}, "ice40").bram36 == pytest.approx(1)
