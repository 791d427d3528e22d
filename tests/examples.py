"""How many examples a property is tried with: fewer where each is slow, and many with ``make torture``."""

from __future__ import annotations

from hypothesis import settings

THOROUGH = 500
"""Examples of each property with ``--hypothesis-profile thorough``."""


def examples(usual: int) -> int:
    """Return how many examples a slow property gets: so many, or all that the thorough profile asks for."""
    return max(usual, settings.default.max_examples) if settings.default.max_examples >= THOROUGH else usual
