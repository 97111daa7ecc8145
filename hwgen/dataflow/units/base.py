"""What every hardware unit has: its place in the dataflow and when it moves."""

from __future__ import annotations

import abc
from collections.abc import Hashable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from hwgen import timing

_PLACE = frozenset({"name", "node", "inputs", "outputs"})


@dataclass(frozen=True, eq=False)
class Unit(abc.ABC):
    """A component with its place in the dataflow.

    name : unique; the unit that computes a node carries the node's name
    node : the graph node it serves
    inputs, outputs : names of its streams, in port order
    """

    name: str
    node: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    @abc.abstractmethod
    def schedule(self) -> timing.Schedule:
        """When the component takes and gives transfers."""

    @property
    def key(self) -> Hashable:
        """Equal for units that are the same component at different places."""
        parts: list[Hashable] = [type(self).__name__]
        for entry in fields(self):
            if entry.name not in _PLACE and not entry.metadata.get("note"):
                value: Any = getattr(self, entry.name)
                if isinstance(value, np.ndarray):
                    value = (value.shape, value.tobytes())
                parts.append(value)
        return tuple(parts)

    def moved(self, **place: Any) -> Unit:
        """Return the unit with another name, node, inputs or outputs."""
        assert place.keys() <= _PLACE, "only the place changes"
        return replace(self, **place)
