"""Resource estimates: what a design takes, before synthesis, with the error that was measured."""

from hwgen.estimate.matrix import matrix_luts
from hwgen.estimate.mvu import MvuFacts, mvu_facts, mvu_terms
from hwgen.estimate.network import Estimate, estimate, priced, unit_cost
from hwgen.estimate.packed import Packing, constant_terms
from hwgen.estimate.parts import Terms
from hwgen.estimate.terms import terms

__all__ = [
    "Estimate",
    "MvuFacts",
    "Packing",
    "Terms",
    "constant_terms",
    "estimate",
    "matrix_luts",
    "mvu_facts",
    "mvu_terms",
    "priced",
    "terms",
    "unit_cost",
]
