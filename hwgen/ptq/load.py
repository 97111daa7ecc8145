"""The float network that a command names: a torch factory with a state, or an ONNX file."""

from __future__ import annotations

import importlib
import pickle
import sys
from pathlib import Path

import torch
from torch import nn

from hwgen.errors import ModelError
from hwgen.ptq.onnx_file import read_float_onnx


def load_network(model: str, state: Path | None) -> nn.Module:
    """Return the network of ``package.module:factory`` with the weights in ``state``, or of a file.

    Raises
    ------
    ModelError
        no such module or factory, or the state does not fit
    NetworkError
        the ONNX file holds what is not supported
    """
    if model.endswith(".onnx"):
        return read_float_onnx(Path(model))
    module, _, factory = model.partition(":")
    if not factory:
        raise ModelError(f"{model} is neither a .onnx file nor package.module:factory")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        network = getattr(importlib.import_module(module), factory)()
    except Exception as error:  # whatever the user's own code raises
        raise ModelError(
            f"{model} cannot be made ({type(error).__name__}: {error}); it must be a function of "
            f"no arguments"
        ) from None
    if not isinstance(network, nn.Module):
        raise ModelError(f"{model} returns {type(network).__name__}, not a torch module")
    if state is not None:
        try:
            weights = torch.load(state, map_location="cpu", weights_only=True)
            network.load_state_dict(weights)
        except (OSError, RuntimeError, pickle.UnpicklingError, TypeError) as error:
            reason = " ".join(str(error).split())[:300]
            raise ModelError(f"{state} does not hold a state of {model} ({reason})") from None
    return network.eval()
