"""A headless Chromium for tests, where the machine has one."""

from __future__ import annotations

import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def launch(playwright):
    """Return a browser of the machine or Playwright's own; skip the test where there is none."""
    from playwright.sync_api import Error

    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    try:
        return playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
    except Error:
        pytest.skip("no Chromium here: apt install chromium, or playwright install chromium")
