"""Time without hardware: schedules of components, and the model that solves networks of them."""

from hwgen.timing.conv import (
    AFFINE_LATENCY,
    VVU_LATENCY,
    add,
    add_latency,
    concat,
    gather,
    insert,
    slice_words,
)
from hwgen.timing.dense import (
    argmax,
    argmax_latency,
    elementwise,
    fork,
    mvu,
    threshold,
    threshold_latency,
)
from hwgen.timing.model import Times, deadlock_free, solve
from hwgen.timing.network import Edge, Network, chain, single
from hwgen.timing.pixels import Window, depth_to_space, swu, upsample
from hwgen.timing.schedule import BoolArray, Buffer, IntArray, Pipe, Queue, Schedule
from hwgen.timing.steady import Steady, steady
from hwgen.timing.streams import fifo, fifo_style, replay, width_converter, width_steps
from hwgen.timing.walk import Loop, Walk, line_latency
from hwgen.timing.window import (
    column_steps,
    line_banks,
    lines,
    slides,
    window_ages,
    window_hop,
    window_masks,
    window_shift,
    windows,
)

__all__ = [
    "AFFINE_LATENCY",
    "VVU_LATENCY",
    "BoolArray",
    "Buffer",
    "Edge",
    "IntArray",
    "Loop",
    "Network",
    "Pipe",
    "Queue",
    "Schedule",
    "Steady",
    "Times",
    "Walk",
    "Window",
    "add",
    "add_latency",
    "argmax",
    "argmax_latency",
    "chain",
    "column_steps",
    "concat",
    "deadlock_free",
    "depth_to_space",
    "elementwise",
    "fifo",
    "fifo_style",
    "fork",
    "gather",
    "insert",
    "line_banks",
    "line_latency",
    "lines",
    "mvu",
    "replay",
    "single",
    "slice_words",
    "slides",
    "solve",
    "steady",
    "swu",
    "threshold",
    "threshold_latency",
    "upsample",
    "width_converter",
    "width_steps",
    "window_ages",
    "window_hop",
    "window_masks",
    "window_shift",
    "windows",
]
