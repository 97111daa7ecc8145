import pytest

from hwgen import boards
from hwgen.boards import Resources
from hwgen.errors import BoardError

FILE = """
name = "mine"
toolchain = "yosys"
shell = "uart"
device = { family = "xc7", part = "xc7a35t" }
clock = { hz = 50_000_000, core_mhz = 50.0 }
uart = { rx = "A1", tx = "A2", baud = 1_000_000 }
resources = { lut = 20800, ff = 41600, bram36 = 50, dsp = 90 }
source = "data sheet"
"""


def test_every_board_that_ships_loads_and_names_itself():
    names = boards.known()

    assert {"pynq-z2", "pynq-z1", "arty-a7-100", "zcu104", "ulx3s-85f", "icebreaker"} <= set(names)
    assert {"tang-nano-20k", "generic-xc7"} <= set(names)
    for name in names:
        board = boards.load(name)
        assert board.name == name
        assert min(board.available) > 0
        assert (board.uart is not None) or board.shell != "uart"


def test_pynq_z2_is_what_the_design_page_says():
    board = boards.load("pynq-z2")

    assert board.device.part == "xc7z020clg400-1"
    assert board.available == Resources(lut=53200, ff=106400, bram36=140, dsp=220)
    assert board.clock.core_mhz == 100.0
    assert board.io_bits_per_cycle() == 64


def test_small_blocks_count_by_their_bits():
    assert boards.load("ulx3s-85f").available.bram36 == 104
    assert boards.load("icebreaker").available.bram36 == pytest.approx(30 * 4 / 36)


def test_uart_payload_is_eight_of_ten_bits_and_slows_with_the_clock(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(FILE)
    board = boards.load(path)

    assert board.io_bits_per_cycle() == pytest.approx(0.016)
    assert board.io_bits_per_cycle(100.0) == pytest.approx(0.008)


def test_no_link_means_no_known_bandwidth():
    assert boards.load("generic-xc7").io_bits_per_cycle() is None


def test_unknown_board_suggests_near_names():
    with pytest.raises(BoardError, match=r"board 'pynq-z3' is unknown; did you mean pynq-z"):
        boards.load("pynq-z3")
    with pytest.raises(BoardError, match=r"'qqq' is unknown; known: arty-a7-100, generic-xc7"):
        boards.load("qqq")


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("hz =", "hertz =", r"mine.toml: clock.hertz is not a known key; did you mean hz"),
        ("bram36 =", "bram63 =", r"resources.bram63 is not a known key; did you mean bram36"),
        ('name = "mine"', "", "name is missing"),
        ("lut = 20800,", "", "resources need lut or lut4"),
        ("lut = 20800", "lut = -1", "resources.lut = -1: input should be greater"),
        ('family = "xc7"', 'family = "xc9"', "device.family = 'xc9': input should be"),
        ("source", "so urce", "is not TOML"),
    ],
)
def test_faults_in_a_board_file_are_named(tmp_path, old, new, text):
    path = tmp_path / "mine.toml"
    path.write_text(FILE.replace(old, new))

    with pytest.raises(BoardError, match=text) as caught:
        boards.load(path)
    assert "\n" not in str(caught.value)


def test_a_missing_or_binary_board_file_is_an_error(tmp_path):
    with pytest.raises(BoardError, match=r"none\.toml cannot be read: No such file"):
        boards.load(tmp_path / "none.toml")
    (tmp_path / "raw.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BoardError, match="cannot be read: not a text file"):
        boards.load(tmp_path / "raw.toml")


def test_resources_add_scale_and_compare():
    total = Resources(10, 20, 0.5, 1) + Resources(1, 2, 1.0, 0)

    assert total == Resources(11, 22, 1.5, 1)
    assert total * 2 == Resources(22, 44, 3.0, 2)
    assert total.fits(Resources(11, 22, 1.5, 1))
    assert not total.fits(Resources(11, 22, 1.0, 1))
    assert total.excess(Resources(8, 30, 1.0, 1)) == Resources(3, 0, 0.5, 0)
