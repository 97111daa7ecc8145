"""What emission promises: each component once, plain ports, layer names, the same bytes."""

import re

import pytest

from hwgen import tools
from hwgen.dataflow import plan, size_fifos
from hwgen.emit import emit
from hwgen.emit.rtlil import convert
from hwgen.verify import write_verilog
from hwgen.verify.verilog import INITIAL_LINES
from tests.dataflow.nets import fold, mlp
from tests.verify.parts import Add, chain


@pytest.fixture
def flow():
    return chain([3, -1, 3], (5,), 3)[1]


def test_same_input_same_bytes(flow, tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
        again = chain([3, -1, 3], (5,), 3)[1]
        write_verilog(emit(again, make=Add), folder)
    first, second = ({p.name: p.read_bytes() for p in f.iterdir()} for f in folders)
    assert first == second


def test_equal_components_share_a_module(flow, tmp_path):
    design = emit(flow, "my core", make=Add)
    assert [module.name for module in design.modules] == [
        "my_core_layer0",
        "my_core_layer1",
        "my_core",
    ]
    paths = write_verilog(design, tmp_path)
    assert [path.name for path in paths] == [f"{module.name}.v" for module in design.modules]
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    top = paths[-1].read_text()
    assert re.findall(r"^  (\w+) (\w+) \($", top, re.MULTILINE) == [
        ("my_core_layer0", "layer0"),
        ("my_core_layer1", "layer1"),
        ("my_core_layer0", "layer2"),
    ]
    for path in paths:
        assert len(re.findall(r"^module ", path.read_text(), re.MULTILINE)) == 1


def test_ports_are_flat_and_no_field_or_source_position_is_left(flow, tmp_path):
    text = "".join(path.read_text() for path in write_verilog(emit(flow, make=Add), tmp_path))
    head = re.search(r"module core\((.*?)\);", text)
    assert head is not None
    wanted = {"clk", "rst", "i_payload", "i_valid", "i_ready", "o_payload", "o_valid", "o_ready"}
    assert set(head[1].split(", ")) == wanted
    assert not re.search(r"\\\S+\[", text)
    assert not re.search(r"(input|output) .*__", text)
    assert "src" not in text
    assert ".py" not in text


def test_field_wires_become_private(flow):
    # Amaranth's field wires are why `convert` exists; if it stops making them, drop the cure.
    unit = flow.units[0]
    module = convert(Add(unit), "add")
    assert "$o__payload[0]" in module.text
    assert not re.search(r"\\\S+\[", module.text)


def test_taps_are_a_port_of_their_own_design(flow):
    plain, tapped = emit(flow, make=Add), emit(flow, make=Add, taps=("layer0", "layer1"))
    assert r"\taps" not in plain.rtlil
    assert f"wire width {2 * (12 + 2)} output" in tapped.rtlil
    assert plain.digest != tapped.digest


def test_contents_of_a_memory_are_told_in_short_blocks(tmp_path):
    paths = write_verilog(emit(size_fifos(plan(mlp((40, 30)), fold()))), tmp_path)
    text = "".join(path.read_text() for path in paths)
    blocks = re.findall(r"^  initial begin\n(.*?)^  end\n", text, re.MULTILINE | re.DOTALL)
    words = [re.findall(r"weights\S* ?\[(\d+)\] = .*;$", block, re.MULTILINE) for block in blocks]
    words = [found for found in words if found]
    assert [len(found) for found in words] == [INITIAL_LINES] * 4 + [1200 - 4 * INITIAL_LINES]
    assert [int(word) for found in words for word in found] == list(range(1200))


@pytest.mark.synth
@pytest.mark.parametrize(
    "command", ["synth_xilinx -family xc7 -flatten", "synth_ecp5", "synth_ice40", "synth_gowin"]
)
def test_default_synthesis_takes_the_output(flow, tmp_path, command):
    if tools.find("yosys") is None:
        pytest.skip("synthesis needs the synth extra or a native Yosys")
    paths = write_verilog(emit(flow, make=Add), tmp_path)
    read = "; ".join(f"read_verilog {path.name}" for path in paths)
    script = f"{read}; {command} -top core"
    tools.run(tools.require("yosys"), ["-q", "-p", script], folder=tmp_path)
