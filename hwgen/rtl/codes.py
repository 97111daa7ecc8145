"""How codes lie in lanes: bipolar bits and padding constants."""

from __future__ import annotations

from amaranth.hdl import Const, Mux, Shape

from hwgen.arith.mvu import Lane, accumulator


def matrix_lanes(weights, x_shape, x_bipolar, acc_shape):
    """Return the lanes of a matrix's codes and of its sums, the smallest that hold all if None."""
    x = Lane(x_shape.width, x_shape.signed, x_bipolar)
    if acc_shape is None:
        return x, accumulator(weights, x)
    acc = Shape.cast(acc_shape)
    return x, Lane(acc.width, acc.signed)


def number(lane, bipolar=False):
    """Return the code in ``lane``; a bipolar lane holds 1 for +1 and 0 for -1."""
    return Mux(lane, Const(1, 2), Const(-1, 2)) if bipolar else lane


def wire_code(code, bipolar=False):
    """Return the integer that stands for ``code`` on the wire."""
    assert not bipolar or code in (-1, 1), "a bipolar code is -1 or +1"
    return (code + 1) // 2 if bipolar else code


def recode(lane, bipolar_in, bipolar_out):
    """Return what to assign to an output lane so that it holds the code of an input lane."""
    assert bipolar_in or not bipolar_out, "other codes do not fit a bipolar lane"
    return lane if bipolar_out else number(lane, bipolar_in)


def lookup(flags, index):
    """Return ``flags[index]`` of a bool array; an index of None stands for the only entry."""
    if flags.all() or not flags.any():
        return Const(int(flags[0]), 1)
    assert index is not None, "several flags need an index"
    table = sum(int(flag) << k for k, flag in enumerate(flags))
    return Const(table, len(flags)).bit_select(index, 1)


def times(code, constant):
    """Return ``code * constant`` as few sums and differences of shifted codes, no multiplier."""
    total, place, rest = None, 0, abs(constant)
    while rest:
        # digits -1, 0 and 1, no two in a row but zeros: the fewest terms there are
        digit = 0 if rest % 2 == 0 else 2 - rest % 4
        if digit:
            term = code << place
            if total is None:
                total = term if digit > 0 else -term
            else:
                total = total + term if digit > 0 else total - term
        rest, place = (rest - digit) // 2, place + 1
    if total is None:
        return Const(0, 1)
    return -total if constant < 0 else total


def product(code, weight):
    """Return ``code * weight`` as a sum over the weight's bits, no multiplier.

    weight : a value, or an integer
    """
    if isinstance(weight, int):
        return times(code, weight)
    shape = weight.shape()
    total = None
    for place in range(shape.width):
        term = Mux(weight[place], code << place, 0)
        if shape.signed and place == shape.width - 1:
            term = -term
        total = term if total is None else total + term
    return Const(0, 1) if total is None else total  # a weight that is always 0 has no bits
