"""The one pipeline, from a network file to a verified design and back into it."""

from hwgen.flow.build import Built, build, estimate
from hwgen.flow.check import Fit, check
from hwgen.flow.decide import network_name
from hwgen.flow.evaluate import Evaluation, evaluate, kept_accuracy
from hwgen.flow.request import InputFlags, Request, Trial
from hwgen.flow.rerun import Simulation, rerun

__all__ = [
    "Built",
    "Evaluation",
    "Fit",
    "InputFlags",
    "Request",
    "Simulation",
    "Trial",
    "build",
    "check",
    "estimate",
    "evaluate",
    "kept_accuracy",
    "network_name",
    "rerun",
]
