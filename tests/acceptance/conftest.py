"""The demonstration, for the tests of the main path."""

from tests.demonstration import Demo, demo, finished_demo

__all__ = ["Demo", "demo", "finished_demo"]
