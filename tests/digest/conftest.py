"""Fixtures of the digest room."""

import time
from collections.abc import Callable

import pytest


@pytest.fixture
def settled() -> Callable[[], None]:
    """Wait until what has been written is older than the clock's tick, so that the cache keeps it."""
    return lambda: time.sleep(0.03)
