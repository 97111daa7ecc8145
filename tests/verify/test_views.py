"""View files name signals that the waveform holds, layer by layer."""

from __future__ import annotations

from hwgen.verify.views import groups, write_views

HEADER = """$timescale 1s $end
 $scope module TOP $end
  $var wire 1 x clk $end
  $scope module core $end
   $var wire 1 a i_valid $end
   $scope module conv_0_MatMul $end
    $var wire 1 b i__valid $end
    $var wire 1 b i_valid $end
    $var wire 1 c i_ready $end
    $var wire 16 d i_payload [15:0] $end
    $var wire 5 e acc_0 [4:0] $end
    $var wire 1 f o_valid $end
   $upscope $end
   $scope module act $end
    $var wire 1 g i_data_valid $end
    $scope module inner $end
     $var wire 1 h i_valid $end
    $upscope $end
   $upscope $end
  $upscope $end
 $upscope $end
$enddefinitions $end
#0
$var wire 1 z act.never $end
"""


def written(tmp_path):
    vcd = tmp_path / "wave.vcd"
    vcd.write_text(HEADER)
    return vcd


def test_streams_are_grouped_by_unit_in_the_given_order(tmp_path):
    found = groups(written(tmp_path), ["act", "/conv.0/MatMul", "gone"])

    assert [group.name for group in found] == ["act", "/conv.0/MatMul"]
    assert [wave.path for wave in found[0].waves] == ["TOP.core.act.i_data_valid"]
    place = "TOP.core.conv_0_MatMul."
    assert [(wave.path, wave.bits) for wave in found[1].waves] == [
        (f"{place}i_valid", 1),
        (f"{place}i_ready", 1),
        (f"{place}i_payload", 16),
        (f"{place}o_valid", 1),
    ]


def test_both_viewers_get_a_file_beside_the_waveform(tmp_path):
    vcd = written(tmp_path)
    save, commands = write_views(vcd, ["/conv.0/MatMul"])

    assert f'[dumpfile] "{vcd}"' in save.read_text()
    assert "@200\n-/conv.0/MatMul\n@28\nTOP.core.conv_0_MatMul.i_valid\n" in save.read_text()
    assert "@22\nTOP.core.conv_0_MatMul.i_payload[15:0]\n" in save.read_text()
    assert commands.read_text().splitlines() == [
        "divider_add /conv.0/MatMul",
        "variable_add TOP.core.conv_0_MatMul.i_valid",
        "variable_add TOP.core.conv_0_MatMul.i_ready",
        "variable_add TOP.core.conv_0_MatMul.i_payload",
        "variable_add TOP.core.conv_0_MatMul.o_valid",
        "zoom_fit",
    ]
