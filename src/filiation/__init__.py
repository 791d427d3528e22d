"""filiation: what every piece of secondary data in bioimaging descends from."""

__version__ = "0.1.0"
