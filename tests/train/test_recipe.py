from pathlib import Path

import pytest

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
        (changed("train", "epochs", 0), r"train\.epochs=0: Input should be greater than or equal"),
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
