"""Training tests need the extra ``train``; without it they are not collected."""

from importlib.util import find_spec

import pytest

TRAINS = bool(find_spec("torch") and find_spec("brevitas"))
collect_ignore_glob = [] if TRAINS else ["*.py"]


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Small networks train faster on one thread, above all where tests run side by side."""
    import torch

    torch.set_num_threads(1)
