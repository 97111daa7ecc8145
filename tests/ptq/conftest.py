"""Post-training quantization needs the extra ``train``; without it these are not collected."""

from importlib.util import find_spec

import pytest

TRAINS = bool(find_spec("torch") and find_spec("brevitas"))
collect_ignore_glob = [] if TRAINS else ["*.py"]


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Small networks are faster on one thread, above all where tests run side by side."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits():
    """A float network for scikit-learn's digits, trained for a few seconds, and its data."""
    from tests.ptq.networks import trained_digits

    return trained_digits(0)
