import re
import tomllib
from pathlib import Path

import pytest

from hwgen.train.callback import SQCallback
from hwgen.train.errors import RecipeError
from hwgen.train.loop import network_of
from hwgen.train.recipe import check_recipe, read_recipe

pytestmark = pytest.mark.train

FOLDER = Path(__file__).resolve().parents[2] / "designs"
RECIPES = sorted([*FOLDER.glob("*/recipe.toml"), *FOLDER.glob("*/twin_*.toml")])

GOOD = {
    "model": {"name": "tfc", "weight_bits": 2},
    "data": {"name": "mnist"},
    "train": {"epochs": 3},
}


def changed(section: str, key: str, value: object) -> dict:
    return {**GOOD, section: {**GOOD.get(section, {}), key: value}}


def test_defaults():
    recipe = check_recipe(GOOD)
    assert recipe.sq is None
    assert recipe.train.batch_size == 128
    assert recipe.data.convention.metadata()["hwgen.input_scale"] == "1/255"


@pytest.mark.parametrize(
    ("table", "text"),
    [
        (changed("train", "learning_rat", 1), r"key train\.learning_rat is unknown; did you mean "),
        (changed("model", "weight_bit", 1), r"key model\.weight_bit is unknown; did you mean weig"),
        (changed("model", "name", "tcf"), r"model\.name='tcf' is unknown; did you mean tfc"),
        (changed("train", "epochs", 0), r"train\.epochs=0: give a number of epochs of 1 or more"),
        (changed("train", "epochs", [3, 0]), r"train\.epochs=\[3, 0\]: give a number of epochs"),
        (changed("train", "epochs", [3, 3]), r"train\.epochs has 2 lengths for 1 stages; give one"),
        (changed("sq", "schedule", "avg"), r"sq\.schedule='avg': give exponential, average, "),
        (changed("sq", "schedule", [0.5, 0.9]), r"ratios are in 0\.\.1, the last one is 1"),
        (
            changed("train", "optimizer", "sdg"),
            r"train\.optimizer='sdg': Input should be 'adam' ",
        ),
        (changed("sq", "law", "both"), r"sq\.law='both': Input should be 'paper' or 'reference'"),
        ({**GOOD, "trian": {}}, r"key trian is unknown; did you mean train"),
        ({"model": GOOD["model"], "data": GOOD["data"]}, r"train: Field required"),
    ],
)
def test_errors_name_key_and_way_out(table, text):
    with pytest.raises(RecipeError, match=text):
        check_recipe(table)


def test_stages_of_ones_own():
    table = changed("sq", "schedule", [0.5, 1, 1])
    recipe = check_recipe({**table, "train": {"epochs": [2, 2, 9]}})
    assert recipe.sq is not None
    assert recipe.sq.schedule == (0.5, 1, 1)
    assert recipe.train.epochs == (2, 2, 9)


def test_impossible_width_is_refused():
    with pytest.raises(RecipeError, match="weights of 9 bit"):
        network_of(check_recipe(changed("model", "weight_bits", 9)))


def test_files_that_are_no_recipes(tmp_path):
    with pytest.raises(RecipeError, match="cannot be read"):
        read_recipe(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[model\n")
    with pytest.raises(RecipeError, match="is not TOML"):
        read_recipe(broken)
    broken.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="is not TOML"):
        read_recipe(broken)


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_committed_recipes_describe_networks(path):
    network_of(read_recipe(path))


def test_the_guide_shows_a_recipe_that_works():
    guide = (FOLDER.parent / "docs" / "guides" / "train.md").read_text(encoding="utf-8")
    shown = re.search(r"```toml\n(.*?)```", guide, re.DOTALL)
    assert shown is not None
    recipe = check_recipe(tomllib.loads(shown[1]))
    network = network_of(recipe)
    assert recipe.sq is not None
    SQCallback(recipe.train.epochs, layers=recipe.sq.layers).start(network)
