"""The whole tool on random networks: file, integers, hardware and predicted time agree."""

from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwgen import passes
from hwgen.dataflow import size_fifos
from hwgen.emit import emit
from hwgen.frontend import certify, lower
from hwgen.ir import Graph
from hwgen.verify import engines, verify
from tests.flow.random_nets import LAYERS, Recipe, planned
from tests.frontend.build import frames

AMARANTH = engines()["amaranth"]
COUNT = 205
FRAMES = 2
SEEDS = st.integers(0, 999)
SIZES = st.sampled_from([3, 4, 2])
RECIPES = st.builds(
    Recipe,
    shape=st.sampled_from([2, 1, 2, 0, 2]).flatmap(
        lambda axes: st.tuples(st.sampled_from([3, 2, 4, 1]), *[SIZES] * axes)
    ),
    seed=SEEDS,
    layers=st.lists(
        st.tuples(st.sampled_from([*LAYERS, "transposed", "up", "grouped"]), SEEDS),
        min_size=1,
        max_size=3,
    ).map(tuple),
    folds=SEEDS,
    stalls=st.sampled_from([0.0, 0.3, 0.6]),
)
# What a normal run must have tried, besides rarer ones.
OPS = {
    *("Swu", "Mvu", "Vvu", "Threshold", "Table", "MaxPool", "SumPool", "Add", "Concat", "Slice"),
    *("Pad", "Reshape"),
}


def agrees(recipe: Recipe) -> Graph:
    """Assert that file, integer network, hardware and predicted cycles agree."""
    with TemporaryDirectory() as folder:
        network = lower(recipe.save(Path(folder) / "n.onnx"))
        x = frames(recipe.shape, FRAMES, seed=recipe.seed)
        certificate = certify(network, x)
        assert certificate.unexplained == 0, str(certificate.first)
        graph = passes.run(network.graph)
        design = emit(size_fifos(planned(graph, recipe.folds)))
        found = verify(
            design,
            graph,
            network.input.encode(x),
            engine=AMARANTH,
            folder=Path(folder),
            stalls=(recipe.stalls,),
            seed=recipe.seed,
        )
        found.require()
        assert found.values == FRAMES * graph.types[graph.outputs[0]].size
        assert found.cycles_simulated == found.cycles_predicted
    return graph


@pytest.fixture(scope="module")
def count(request) -> int:
    return request.config.getoption("--examples") or COUNT


def test_random_designs(count):
    tried: Counter[str] = Counter()

    @settings(
        max_examples=count,
        deadline=None,
        derandomize=count == COUNT,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(RECIPES)
    def holds(recipe: Recipe) -> None:
        graph = agrees(recipe)
        tried.update({type(node.op).__name__ for node in graph.nodes})

    holds()
    assert count < COUNT or set(tried) >= OPS, tried


# Shrunk recipes that once failed.
REGRESSIONS = {
    "nothing between one bipolar pixel": Recipe(
        (1, 2, 2), 0, (("average", 126), ("transposed", 0)), 0, 0.0
    ),
    "a part of a vector joins": Recipe((3,), 924, (("split", 207), ("join", 511)), 788, 0.6),
    "the sum of one bipolar code": Recipe(
        (2, 3, 2), 663, (("conv", 774), ("average", 341), ("average", 784)), 0, 0.0
    ),
    "a depthwise kernel of zeros": Recipe(
        (2, 2), 134, (("conv", 233), ("depthwise", 84), ("everywhere", 419)), 280, 0.0
    ),
    "sums that are always 0 have no bits": Recipe(
        (3, 3, 3), 0, (("conv", 0), ("conv", 1), ("conv", 0)), 1, 0.0
    ),
    "a flattened tensor is replayed": Recipe((2, 2, 2), 15, (("conv", 15), ("dense", 16)), 15, 0.0),
}


@pytest.mark.parametrize("name", REGRESSIONS)
def test_regression(name):
    agrees(REGRESSIONS[name])
