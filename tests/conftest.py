"""Fixtures shared by all tests."""

from pathlib import Path

import hypothesis
import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"

# The same examples in every run: a suite that passes must pass again. ``--examples`` widens them.
hypothesis.settings.register_profile("fixed", derandomize=True)
hypothesis.settings.load_profile("fixed")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder with real networks and data sets that stand beside the repository."""
    if not SHARED.is_dir():
        pytest.skip("real networks and data sets are not here: no ../shared beside the repository")
    return SHARED


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a user ask for more random examples than a normal run tries."""
    parser.addoption(
        "--examples", type=int, default=0, help="random examples of each property test"
    )
