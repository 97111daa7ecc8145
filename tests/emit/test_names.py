import pytest

from hwgen.emit.names import Names, identifier


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("fc0", "fc0"),
        ("/conv.0/MatMul", "conv_0_MatMul"),
        ("fc0.fifo", "fc0_fifo"),
        ("a__b_", "a_b"),
        ("0", "n_0"),
        ("table", "n_table"),
        ("Reg", "n_Reg"),
        ("::", "n"),
        ("größe", "gr_e"),
    ],
)
def test_identifier(name, plain):
    assert identifier(name) == plain


def test_names_are_unique_even_where_case_does_not_count():
    names = Names()
    taken = [names.take(name) for name in ("a.b", "a_b", "A/B", "a_b_2")]
    assert taken == ["a_b", "a_b_2", "A_B_3", "a_b_2_2"]
