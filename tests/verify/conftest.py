import pytest


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Folder in which engines keep what they build, for all tests."""
    return tmp_path_factory.mktemp("models")
