"""Sums of many unsigned operands, with registers every few levels."""

from __future__ import annotations

from typing import NamedTuple

from amaranth.hdl import Cat, Const, Value

from hwgen.rtl.elastic import payload


class Operand(NamedTuple):
    """An unsigned number: ``value * 2**shift``, where ``value`` is at most ``bound``."""

    value: Value
    shift: int
    bound: int


def adder_tree(m, stages, plan, groups, name):
    """Return the sum of all operands, as the registers of stage ``1 + plan.tree_stages``.

    Operands of one group are summed first, in pairs, then the groups. Without levels the sum is not
    registered, unless the operands have a stage of their own.

    groups : lists of operands in stage 1, one list per group of planes
    name : distinguishes this tree's registers
    """
    level = 0
    groups = _registered(m, stages, plan, groups, level, name)
    for _ in range((plan.simd - 1).bit_length()):
        level += 1
        groups = [_paired(operands) for operands in groups]
        groups = _registered(m, stages, plan, groups, level, name)
    operands = [group[0] for group in groups if group]
    for _ in range((len(plan.groups) - 1).bit_length()):
        level += 1
        operands = _paired(operands)
        operands = _registered(m, stages, plan, [operands], level, name)[0]
    if not operands:
        return Const(0, 1)
    (total,) = operands
    return Cat(Const(0, total.shift), total.value)


def _paired(operands):
    return [
        _sum(*operands[at : at + 2]) if at + 1 < len(operands) else operands[at]
        for at in range(0, len(operands), 2)
    ]


def _sum(low, high):
    """Add two operands; bits below the other's lowest pass by."""
    if low.shift > high.shift:
        low, high = high, low
    skip = high.shift - low.shift
    bound = low.bound + (high.bound << skip)
    width = bound.bit_length()
    spare = Const(0, max(skip - len(low.value), 0))
    below = Cat(low.value, spare)[:skip]
    return Operand(Cat(below, low.value[skip:] + high.value)[:width], low.shift, bound)


def _registered(m, stages, plan, groups, level, name):
    """Put the operands into registers where ``level`` ends a stage."""
    if plan.stage(level) == 0:
        return groups
    if level != plan.levels and plan.stage(level) == plan.stage(level + 1):
        return groups
    stage = 1 + plan.stage(level)
    kept = []
    for group, operands in enumerate(groups):
        row = []
        for number, operand in enumerate(operands):
            register = payload(len(operand.value), f"sum_{name}_{stage}_{group}_{number}")
            with m.If(stages.open[stage]):
                m.d.sync += register.eq(operand.value)
            row.append(operand._replace(value=register))
        kept.append(row)
    return kept
