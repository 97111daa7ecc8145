"""Folding search: the exact optimum under a board's budget."""

from hwgen.search.goal import Goal, Pin, join_pins, parse_pin
from hwgen.search.optimise import Found, FrontPoint, Space, explore, io_cycles, search

__all__ = [
    "Found",
    "FrontPoint",
    "Goal",
    "Pin",
    "Space",
    "explore",
    "io_cycles",
    "join_pins",
    "parse_pin",
    "search",
]
