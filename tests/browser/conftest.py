"""One browser for all tests of pages; where it cannot be had they fail."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from infra.browser import chromium

FLAGS = ["--no-sandbox", "--headless=shell", "--no-zygote", "--disable-gpu", "--disable-background-networking"]
"""Tests run as root in CI, where its sandbox cannot be; the pages are ours."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = chromium()
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=found.executable, env=found.environment, args=FLAGS)
        yield started
        started.close()
