"""Exact graph rewrites that make the hardware smaller."""

from hwgen.passes.pipeline import PIPELINE, Pass, run

__all__ = ["PIPELINE", "Pass", "run"]
