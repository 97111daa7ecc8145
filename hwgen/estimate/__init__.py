"""Resource estimates: what a design takes, before synthesis, with the error that was measured."""

from hwgen.estimate.network import Estimate, estimate, unit_cost

__all__ = ["Estimate", "estimate", "unit_cost"]
