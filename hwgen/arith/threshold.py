"""Which threshold each stage of a binary search compares with, and where these lie."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

# Words of levels from which block RAM is cheaper than LUTs: there, a 36-Kbit block holds what takes
# some 500 LUTs, and boards have some 400 LUTs for each block.
_BLOCK_WORDS = 4096

IntArray = npt.NDArray[np.int64]


def stages_of(steps: int) -> int:
    """Return the stages of a search among so many thresholds, one per bit of the count."""
    return max(steps.bit_length(), 1)


def stage_levels(thresholds: IntArray, stage: int, never: int) -> IntArray:
    """Return what a stage compares with, by channel and by the count's bits so far.

    thresholds : int64 (channels, steps)
    stage : 1 decides the count's highest bit
    never : stands for thresholds that there are none of
    Shape (channels, 2**(stage - 1)).
    """
    steps = thresholds.shape[1]
    places = (2 * np.arange(1 << stage - 1) + 1) << stages_of(steps) - stage
    if not steps:
        return np.full((len(thresholds), len(places)), never, dtype=np.int64)
    found = thresholds[:, np.minimum(places, steps) - 1]
    return np.where(places <= steps, found, never)


def in_block_ram(stage: int, folds: int) -> bool:
    """Return whether a stage's levels, one memory for each lane, lie in block RAM.

    folds : channels per lane. Its address is known as the stage before ends, so the memory's
    register takes no cycle of its own; the first stage has none before.
    """
    return stage > 1 and folds << stage - 1 >= _BLOCK_WORDS
