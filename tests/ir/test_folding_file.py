import json

import numpy as np
import pytest

from hwgen.errors import FoldingError, OutputError
from hwgen.ir import (
    Fold,
    Folding,
    Graph,
    Input,
    Node,
    TensorType,
    check_folding,
    foldable_layers,
    ops,
    read_folding,
    write_folding,
)


@pytest.fixture
def layers():
    ones = np.ones((16, 32), dtype=np.int64)
    levels = np.zeros((16, 3), dtype=np.int64)
    head = np.ones((10, 16), dtype=np.int64)
    graph = Graph(
        (Input("x", TensorType((4, 8), 0, 255)),),
        (
            Node("quant", ops.Threshold(np.zeros((8, 3), dtype=np.int64)), ("x",)),
            Node("flat", ops.Reshape((32,)), ("quant",)),
            Node("fc1", ops.Mvu(ones), ("flat",)),
            Node("fc1.act", ops.Threshold(levels), ("fc1",)),
            Node("fc2", ops.Mvu(head), ("fc1.act",)),
            Node("best", ops.ArgMax(), ("fc2",)),
        ),
        ("best",),
    )
    return foldable_layers(graph)


def test_layers_know_their_bounds(layers):
    assert list(layers) == ["quant", "fc1", "fc2"]
    assert (layers["fc1"].height, layers["fc1"].width) == (16, 32)
    assert layers["quant"].pixels == 4


def test_what_is_written_reads_back(layers, tmp_path):
    folding = Folding(
        {
            "quant": Fold(pe=5),
            "fc1": Fold(pe=5, simd=32, m=1, style="dsp", memory="bram"),
            "fc2": Fold(pe=10, simd=3, memory="lutram"),
        }
    )
    path = tmp_path / "folding.toml"

    write_folding(folding, path)

    assert read_folding(path, layers).layers == folding.layers


def test_defaults_are_cut_to_each_layer_and_overridden_by_name(layers, tmp_path):
    path = tmp_path / "f.toml"
    path.write_text(
        "[defaults]\npe = 16\nsimd = 20\nmemory = 'bram'\n[layers.fc1]\nsimd = 7\n"
        "[layers.'quant']\npe = 2\n"
    )

    folding = read_folding(path, layers)

    assert folding["fc1"] == Fold(pe=16, simd=7, memory="bram")
    assert folding["fc2"] == Fold(pe=10, simd=16, memory="bram")
    assert folding["quant"] == Fold(pe=2, simd=1, memory="bram")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[layers.'fc1.act']\npe = 1", r"f.toml: layer 'fc1.act' is unknown; did you mean fc1"),
        ("[layers.fc3]\npe = 1", r"f.toml: layer 'fc3' is unknown; did you mean fc\d or fc\d"),
        ("[layers.fc1]\nPE = 1", r"f.toml: fc1: key 'PE' is unknown; .*pe"),
        ("[layers.fc1]\nsimmd = 1", r"fc1: key 'simmd' is unknown; did you mean simd\?"),
        ("[layer.fc1]\npe = 1", r"table 'layer' is unknown; did you mean layers\?"),
        ("[layers.fc1]\npe = 0", r"fc1: pe = 0 must be a whole number from 1 up"),
        ("[layers.fc1]\npe = 2.5", r"fc1: pe = 2.5 must be a whole number"),
        ("[layers.fc1]\npe = true", r"fc1: pe = True must be a whole number"),
        (
            "[layers.fc1]\npe = 32",
            r"f.toml: fc1: PE=32 is outside 1..16 \(MH\); smaller means fewer resources and more",
        ),
        ("[layers.fc1]\nsimd = 33", r"SIMD=33 is outside 1..32 \(MW\)"),
        ("[layers.quant]\nsimd = 2", r"SIMD=2 is outside 1..1"),
        ("[layers.fc1]\nstyle = 'luts'", r"style = 'luts' is unknown; it is one of auto, lut"),
        ("[layers]\nfc1 = 3", r"fc1 is 3, must be a table"),
        ("layers = 3", r"layers is 3, must be a table"),
        ("[layers.fc1\n", r"folding file f.toml is not TOML"),
    ],
)
def test_faults_are_named_in_one_paragraph(layers, tmp_path, text, message):
    path = tmp_path / "f.toml"
    path.write_text(text)

    with pytest.raises(FoldingError, match=message) as caught:
        read_folding(path, layers)
    assert "\n" not in str(caught.value)


def test_unreadable_and_unwritable_files(layers, tmp_path):
    with pytest.raises(FoldingError, match="cannot be read: No such file"):
        read_folding(tmp_path / "none.toml", layers)
    with pytest.raises(OutputError, match="cannot be written"):
        write_folding(Folding({}), tmp_path / "no" / "folder.toml")


def test_finn_names_count_layers_of_a_kind(layers, tmp_path):
    path = tmp_path / "folding.json"
    path.write_text(
        json.dumps(
            {
                "Defaults": {"SIMD": [4, ["MVAU"]], "ram_style": ["block", ["all"]]},
                "Thresholding_Batch_0": {"PE": 4, "ram_style": "distributed"},
                "Thresholding_rtl_1": {"PE": 2},
                "MVAU_hls_0": {"PE": 8, "SIMD": 16, "resType": "dsp", "mem_mode": "const"},
                "MVAU_rtl_1": {"PE": 5, "inFIFODepths": [2], "runtime_writeable_weights": 0},
                "StreamingFIFO_0": {"depth": 32},
                "LabelSelect_Batch_0": {"PE": 2},
            }
        )
    )

    folding = read_folding(path, layers)

    assert folding.layers == {
        "quant": Fold(pe=4, memory="lutram"),
        "fc1": Fold(pe=8, simd=16, style="dsp", memory="const"),
        "fc2": Fold(pe=5, simd=4, memory="bram"),
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"MVAU_2": {}}, r"'MVAU_2' is unknown; the network has 2 of its kind \(fc1, fc2\)"),
        ({"MVUA_0": {}}, r"'MVUA_0' is not a name FINN gives; did you mean MVAU"),
        ({"MVAU_0": {"PEE": 1}}, r"MVAU_0: key 'PEE' is unknown; did you mean PE"),
        ({"MVAU_0": {"PE": 17}}, r"fc1: PE=17 is outside 1..16"),
        ({"MVAU_0": {"PE": "2"}}, r"PE = '2' must be a whole number"),
        ({"MVAU_0": {"ram_style": "sram"}}, r"ram_style = 'sram' is unknown"),
        ({"Defaults": {"PE": 1}, "MVAU_0": {}}, r"Defaults: PE = 1 must be \[value"),
        ([1], r"folding.json holds \[1\], expected layers"),
    ],
)
def test_faults_in_finn_files(layers, tmp_path, content, message):
    path = tmp_path / "folding.json"
    path.write_text(json.dumps(content))

    with pytest.raises(FoldingError, match=message):
        read_folding(path, layers)


def test_check_folding_names_the_layer(layers):
    check_folding(Folding({"fc2": Fold(pe=10, simd=16)}), layers)
    with pytest.raises(FoldingError, match=r"fc2: PE=11 is outside 1..10 \(MH\)"):
        check_folding(Folding({"fc2": Fold(pe=11)}), layers)
    with pytest.raises(FoldingError, match=r"layer 'nope' is unknown"):
        check_folding(Folding({"nope": Fold()}), layers)
