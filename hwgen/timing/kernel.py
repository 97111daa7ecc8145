"""The compiled loop of the token model: every transfer's cycle, by a worklist of components.

Each component is advanced as far as the offers before it and the transfers behind it are known. A
transfer's cycle is settled by its receiver: the sender offers (``PEND``), the receiver takes (into
``log``). Which order the worklist visits does not matter: cycles are maxima of earlier cycles.

Everything lies in six int64 arrays, so that the compiled functions pass few arguments:

nodes : (N, NODE_COLUMNS), edges : (E, EDGE_COLUMNS), columns as named below
stages : (S, 3), the register stages of all nodes: the step inside (where its row of emits lies, -1
    for none), the cycle in which it entered, and the cycle in which the one before it left
data : patterns, port lists, stall vectors and floors; columns ending in ``_AT`` point into it
log : cycles of transfers and of buffer steps; ``LOG_AT`` points into it
work : nodes to advance: begin and length of a ring, the ring (N,), whether a node is in it (N,)
"""
# pyright: basic

from __future__ import annotations

import numba
import numpy as np

PIPE, BUFFER, QUEUE = 0, 1, 2

# What a node is; TOTAL steps fire in all frames, DEPTH is -1 without a bound, PERIOD_IN is a
# buffer's inputs per period.
KIND, STEPS, PERIOD_IN, N_IN, N_OUT, LATENCY, ABSORB, DEPTH, TOTAL = range(9)
# Where its patterns begin: edges at its ports, takes and emits (steps, ports), needs, frees.
IN_AT, OUT_AT, TAKES_AT, EMITS_AT, NEEDS_AT, FREES_AT, FIRES_LOG_AT, STAGE_AT = range(9, 17)
# What it has done: steps fired, the next one's place in its period and the period's first input,
# the cycle of the last one.
STEP, PLACE, PERIOD_AT, FIRED = range(17, 21)
# The period of the next input: its place, and the first step of its period.
PLACE_IN, PERIOD_STEP = range(21, 23)
NODE_COLUMNS = 23

# An edge's ends (-1 outside), its transfers in all frames, its outside end's stalls and floors.
SOURCE, TARGET, LOG_AT, COUNT, STALL_AT, STALL_LEN, FLOOR_AT, FLOOR_LEN = range(8)
# The offer that waits (-1 for none), transfers settled, the last one's cycle.
PEND, DONE, LAST = range(8, 11)
EDGE_COLUMNS = 11

TOKEN, ENTERED, VACATED = range(3)

# Without reference counts (nothing here allocates) calls cost a third; inlined, a third of that.
_compiled = numba.njit(  # pyright: ignore
    cache=True, error_model="numpy", _nrt=False, forceinline=True
)


@_compiled
def _unstalled(edges, data, edge, cycle):
    """Return the first cycle from ``cycle`` on in which the outside end is not stalled."""
    at, length = edges[edge, STALL_AT], edges[edge, STALL_LEN]
    while cycle < length and data[at + cycle]:
        cycle += 1
    return cycle


@_compiled
def _offer_from_outside(edges, data, edge):
    index = edges[edge, DONE]
    if index < edges[edge, COUNT]:
        cycle = edges[edge, LAST] + 1
        if index < edges[edge, FLOOR_LEN]:
            cycle = max(cycle, data[edges[edge, FLOOR_AT] + index])
        edges[edge, PEND] = _unstalled(edges, data, edge, cycle)


@_compiled
def _wake(work, node):
    """Put ``node`` on the worklist unless it is there."""
    ring = (len(work) - 2) // 2
    if not work[2 + ring + node]:
        work[2 + ring + node] = 1
        work[2 + (work[0] + work[1]) % ring] = node
        work[1] += 1


@_compiled
def _settle(edges, data, log, work, edge, cycle):
    """Transfer the pending offer of ``edge`` in ``cycle``; an outside sender offers its next."""
    log[edges[edge, LOG_AT] + edges[edge, DONE]] = cycle
    edges[edge, DONE] += 1
    edges[edge, LAST] = cycle
    edges[edge, PEND] = -1
    if edges[edge, SOURCE] < 0:
        _offer_from_outside(edges, data, edge)
    else:
        _wake(work, edges[edge, SOURCE])


@_compiled
def _offer(edges, data, log, work, edge, cycle):
    """Offer a transfer from ``cycle`` on; an outside receiver takes it at once."""
    edges[edge, PEND] = cycle
    if edges[edge, TARGET] < 0:
        _settle(edges, data, log, work, edge, _unstalled(edges, data, edge, cycle))
    else:
        _wake(work, edges[edge, TARGET])


@_compiled
def _enter(nodes, edges, stages, data, log, work, node, stage, row, cycle):
    """Put a step into ``stage`` (from 0 on) and on through the empty stages behind it.

    A step without outputs ends in the stage that absorbs it.
    """
    at = nodes[node, STAGE_AT]
    last = nodes[node, LATENCY] - 1
    swallow = nodes[node, ABSORB] - 1
    outputs = nodes[node, N_OUT]
    if swallow >= stage:
        for port in range(outputs):
            if data[row + port]:
                swallow = -1
    while stage != swallow and stage < last and stages[at + stage + 1, TOKEN] < 0:
        stages[at + stage, VACATED] = max(cycle + 1, stages[at + stage + 1, VACATED])
        cycle = stages[at + stage, VACATED]
        stage += 1
    if stage == swallow:
        return
    stages[at + stage, TOKEN] = row
    stages[at + stage, ENTERED] = cycle
    if stage == last:
        for port in range(outputs):
            if data[row + port]:
                _offer(edges, data, log, work, data[nodes[node, OUT_AT] + port], cycle + 1)


@_compiled
def _drain(nodes, edges, stages, data, node):
    """Free the last stage once all its offers are taken."""
    at = nodes[node, STAGE_AT] + nodes[node, LATENCY] - 1
    row = stages[at, TOKEN]
    if row < 0:
        return
    left = np.int64(0)
    for port in range(nodes[node, N_OUT]):
        if data[row + port]:
            edge = data[nodes[node, OUT_AT] + port]
            if edges[edge, PEND] >= 0:
                return
            left = max(left, edges[edge, LAST])
    stages[at, TOKEN] = -1
    stages[at, VACATED] = left


@_compiled
def _shift(nodes, edges, stages, data, log, work, node):
    """Move every step as far as the stages before it are empty, the oldest first."""
    at = nodes[node, STAGE_AT]
    last = nodes[node, LATENCY] - 1
    _drain(nodes, edges, stages, data, node)
    for stage in range(last - 1, -1, -1):
        row = stages[at + stage, TOKEN]
        if row >= 0 and stages[at + stage + 1, TOKEN] < 0:
            cycle = max(stages[at + stage, ENTERED] + 1, stages[at + stage + 1, VACATED])
            stages[at + stage, TOKEN] = -1
            stages[at + stage, VACATED] = cycle
            _enter(nodes, edges, stages, data, log, work, node, stage + 1, row, cycle)
            _drain(nodes, edges, stages, data, node)


@_compiled
def _fire(nodes, edges, stages, data, log, work, node, cycle):
    row = nodes[node, EMITS_AT]
    if nodes[node, KIND] == PIPE:
        row += nodes[node, PLACE] * nodes[node, N_OUT]
    nodes[node, STEP] += 1
    nodes[node, PLACE] += 1
    if nodes[node, PLACE] == nodes[node, STEPS]:
        nodes[node, PLACE] = 0
        nodes[node, PERIOD_AT] += nodes[node, PERIOD_IN]
    nodes[node, FIRED] = cycle
    _enter(nodes, edges, stages, data, log, work, node, 0, row, cycle)


@_compiled
def _fire_pipe(nodes, edges, stages, data, log, work, node):
    at = nodes[node, STAGE_AT]
    if nodes[node, STEP] >= nodes[node, TOTAL] or stages[at, TOKEN] >= 0:
        return False
    inputs, ports = nodes[node, N_IN], nodes[node, IN_AT]
    row = nodes[node, TAKES_AT] + nodes[node, PLACE] * inputs
    cycle = max(nodes[node, FIRED] + 1, stages[at, VACATED])
    for port in range(inputs):
        if data[row + port]:
            offer = edges[data[ports + port], PEND]
            if offer < 0:
                return False
            cycle = max(cycle, offer)
    for port in range(inputs):
        if data[row + port]:
            _settle(edges, data, log, work, data[ports + port], cycle)
    _fire(nodes, edges, stages, data, log, work, node, cycle)
    return True


@_compiled
def _fire_buffer(nodes, edges, stages, data, log, work, node):
    step, at = nodes[node, STEP], nodes[node, STAGE_AT]
    if step >= nodes[node, TOTAL] or stages[at, TOKEN] >= 0:
        return False
    edge = data[nodes[node, IN_AT]]
    need = data[nodes[node, NEEDS_AT] + nodes[node, PLACE]] + nodes[node, PERIOD_AT]
    if need >= edges[edge, DONE]:
        return False
    cycle = max(nodes[node, FIRED], log[edges[edge, LOG_AT] + need]) + 1
    cycle = max(cycle, stages[at, VACATED])
    log[nodes[node, FIRES_LOG_AT] + step] = cycle
    _fire(nodes, edges, stages, data, log, work, node, cycle)
    return True


@_compiled
def _write_buffer(nodes, edges, data, log, work, node):
    edge = data[nodes[node, IN_AT]]
    cycle = edges[edge, PEND]
    if cycle < 0:
        return False
    step = data[nodes[node, FREES_AT] + nodes[node, PLACE_IN]] + nodes[node, PERIOD_STEP]
    if step >= nodes[node, STEP]:
        return False
    if step >= 0:
        cycle = max(cycle, log[nodes[node, FIRES_LOG_AT] + step] + 1)
    nodes[node, PLACE_IN] += 1
    if nodes[node, PLACE_IN] == nodes[node, PERIOD_IN]:
        nodes[node, PLACE_IN] = 0
        nodes[node, PERIOD_STEP] += nodes[node, STEPS]
    _settle(edges, data, log, work, edge, cycle)
    return True


@_compiled
def _advance_queue(nodes, edges, data, log, work, node):
    into, out = data[nodes[node, IN_AT]], data[nodes[node, OUT_AT]]
    moved = False
    index, depth = edges[into, DONE], nodes[node, DEPTH]
    if edges[into, PEND] >= 0 and (depth < 0 or edges[out, DONE] > index - depth):
        cycle = edges[into, PEND]
        if 0 <= depth <= index:
            cycle = max(cycle, log[edges[out, LOG_AT] + index - depth] + 1)
        _settle(edges, data, log, work, into, cycle)
        moved = True
    index = edges[out, DONE]
    if edges[out, PEND] < 0 and edges[into, DONE] > index:
        ready = log[edges[into, LOG_AT] + index] + nodes[node, LATENCY]
        _offer(edges, data, log, work, out, max(ready, edges[out, LAST] + 1))
        moved = True
    return moved


@_compiled
def _advance(nodes, edges, stages, data, log, work, node):
    """Do everything that ``node`` can do now."""
    moved = True
    while moved:
        if nodes[node, KIND] == QUEUE:
            moved = _advance_queue(nodes, edges, data, log, work, node)
        else:
            _shift(nodes, edges, stages, data, log, work, node)
            if nodes[node, KIND] == PIPE:
                moved = _fire_pipe(nodes, edges, stages, data, log, work, node)
            else:
                moved = _write_buffer(nodes, edges, data, log, work, node)
                moved |= _fire_buffer(nodes, edges, stages, data, log, work, node)


@_compiled
def run(nodes, edges, stages, data, log, work):
    """Settle every transfer that can ever happen."""
    for edge in range(len(edges)):
        if edges[edge, SOURCE] < 0:
            _offer_from_outside(edges, data, edge)
    for node in range(len(nodes)):
        _wake(work, node)
    ring = len(nodes)
    while work[1]:
        node = work[2 + work[0]]
        work[0] = (work[0] + 1) % ring
        work[1] -= 1
        _advance(nodes, edges, stages, data, log, work, node)
        work[2 + ring + node] = 0
