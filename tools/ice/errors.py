"""The two ways in which building can end without a wheel."""

from __future__ import annotations


class BuildError(Exception):
    """The build went wrong; the text says where."""


class ImpossibleHereError(BuildError):
    """Something that the build needs is not on the machine; the text says what, and how to get it."""
