import json

import pytest

from hwgen import tools
from hwgen.backend.contents import bring, split_contents

WORDS = [7, 0, 5, 2, 6, 1, 3, 4] * 80  # more than fit in one block of assignments


def verilog(words, *, skipped=()):
    """A memory as Yosys writes it, in two ``initial`` blocks."""
    lines = [f"    \\a.b [{n}] = 3'h{word:x};" for n, word in enumerate(words) if n not in skipped]
    half = len(lines) // 2
    return "\n".join(
        [
            "module top(clk, at, q, count);",
            "  input clk; wire clk;",
            "  input [9:0] at; wire [9:0] at;",
            "  output [2:0] q; wire [2:0] q;",
            "  output [1:0] count; reg [1:0] count;",
            f"  reg [2:0] \\a.b [{len(words) - 1}:0];",
            "  initial begin",
            *lines[:half],
            "  end",
            "  initial begin",
            *lines[half:],
            "  end",
            "  initial begin",
            "    count = 2'h1;",
            "  end",
            "  always @(posedge clk) count <= count + 2'h1;",
            "  assign q = \\a.b [at];",
            "endmodule",
            "",
        ]
    )


def test_words_go_to_a_file_and_all_else_stays():
    text, files = split_contents(verilog(WORDS), "top")

    assert files == {"top.0.mem": "".join(f"{word:x}\n" for word in WORDS)}
    assert text.count("$readmemh") == 1
    assert '  initial $readmemh("top.0.mem", \\a.b );\n' in text
    assert "  initial begin\n    count = 2'h1;\n  end\n" in text
    assert "\\a.b [3] =" not in text


def test_words_that_are_left_out_are_skipped():
    _, files = split_contents(verilog(WORDS, skipped={0, 4, 5}), "top")

    assert files["top.0.mem"].splitlines()[:6] == ["@1", "0", "5", "2", "@6", "3"]


def test_files_in_the_working_folder_stay_as_they_are(tmp_path):
    source = tmp_path / "top.v"
    source.write_text(verilog(WORDS))

    assert bring([source], tmp_path) == ["top.v"]
    assert source.read_text() == verilog(WORDS)
    assert [path.name for path in tmp_path.iterdir()] == ["top.v"]


@pytest.mark.synth
def test_yosys_reads_the_same_memory(tmp_path):
    source = tmp_path / "top.v"
    source.write_text(verilog(WORDS, skipped={9}))
    tool = tools.find("yosys")
    if tool is None:
        pytest.skip("Yosys is not installed")
    found = []
    for name in ("plain", "split"):
        folder = tmp_path / name
        folder.mkdir()
        if name == "split":
            assert bring([source], folder) == ["top.v"]
        else:
            (folder / "top.v").write_text(source.read_text())
        script = "read_verilog top.v; proc; memory_collect; write_json top.json"
        tools.run(tool, ["-q", "-p", script], folder=folder)
        cells = json.loads((folder / "top.json").read_text())["modules"]["top"]["cells"].values()
        (memory,) = [cell for cell in cells if cell["type"] == "$mem_v2"]
        found.append({key: memory["parameters"][key] for key in ("INIT", "SIZE", "WIDTH")})

    plain, split = found
    assert plain == split
    assert plain["INIT"].endswith("010101000111")  # 2, 5, 0, 7: the lowest address in the last bits
