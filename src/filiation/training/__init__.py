"""Training sets: built from what the catalogue knows, split so that nothing leaks, checked, and followed into models.

>>> from filiation.training import Split, assign
>>> split = Split.read("0.5/0.25/0.25", seed=1)
>>> parts = assign({"a": 2, "b": 1, "c": 1}, split)
>>> parts["a"], sorted({parts["b"], parts["c"]})
('train', ['test', 'val'])
"""

from filiation.training.splitting import PARTS, Split, assign

__all__ = ["PARTS", "Split", "assign"]
