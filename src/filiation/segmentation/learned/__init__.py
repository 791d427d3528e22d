"""Learned methods: networks whose weights are on this machine, run by the libraries that they were made for.

Each is a plain function as any other method, and needs the extra of its name (``pip install 'filiation[stardist]'``).
``weights`` is the path of a file or folder. Nothing is ever fetched: what a name would stand for next year is not known
today, while a file has a digest, under which the weights are an input of what was made with them.

The libraries are imported when a method is first called. What a method chose by itself, such as the device, it tells to
``tell``, by name.
"""

from filiation.segmentation.learned.cellpose_model import cellpose
from filiation.segmentation.learned.instanseg_model import instanseg
from filiation.segmentation.learned.stardist_model import stardist

__all__ = ["cellpose", "instanseg", "stardist"]
