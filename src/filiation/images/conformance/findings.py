"""What can be wrong with a store: every fault by its name, how grave it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Gravity(StrEnum):
    """How grave a fault is."""

    ERROR = "error"
    """The specification forbids it, or readers refuse the store."""
    WARNING = "warning"
    """The store can be read, and says something that is not so."""
    ADVICE = "advice"
    """Allowed, and worth a look; a store with nothing graver is good."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault.

    Parameters
    ----------
    gravity
        How grave it is.
    advice
        What to do.
    is_mended
        Whether ``filiation conform --fix`` mends it.
    """

    gravity: Gravity
    advice: str
    is_mended: bool = False


FAULTS: Final = {
    "version-missing": Fault(Gravity.ERROR, "write the version of the whole store there", is_mended=True),
    "version-differs": Fault(Gravity.ERROR, "write the version of the whole store there", is_mended=True),
    "malformed": Fault(Gravity.ERROR, "write the store again"),
    "axes-order": Fault(Gravity.ERROR, "write the store again with its axes in this order"),
    "level-missing": Fault(Gravity.ERROR, "restore the resolution, or take it off the list"),
    "level-order": Fault(Gravity.WARNING, "list the highest resolution first"),
    "dimension-count": Fault(Gravity.ERROR, "write the store again"),
    "dimension-names": Fault(Gravity.ERROR, "name the dimensions of the array as the axes", is_mended=True),
    "transformations": Fault(Gravity.ERROR, "write the transformations again; which numbers are meant is not known"),
    "channel-count": Fault(Gravity.WARNING, "describe each channel once, in order"),
    "channel-window": Fault(Gravity.ERROR, "give the channel min, max, start and end"),
    "channel-colour": Fault(Gravity.ERROR, "give the channel a colour"),
    "listed-missing": Fault(Gravity.ERROR, "restore the label image, or take it off the list"),
    "not-listed": Fault(Gravity.WARNING, "list it", is_mended=True),
    "not-integer": Fault(Gravity.ERROR, "write the labels again as integers"),
    "level-count": Fault(Gravity.ERROR, "write the resolutions that are missing, or make the label image again"),
    "source-nowhere": Fault(Gravity.WARNING, "point it to the image that was labelled"),
    "source-missing": Fault(Gravity.WARNING, "point it to the image that was labelled"),
    "shape-differs": Fault(Gravity.WARNING, "each label pixel must lie on an image pixel: find the image it is of"),
    "scale-differs": Fault(Gravity.WARNING, "give it the source's, or find the image it is of"),
    "row-malformed": Fault(Gravity.ERROR, "give each row a whole number as 'label-value'"),
    "colour-range": Fault(Gravity.ERROR, "give four whole numbers"),
    "properties-twice": Fault(Gravity.WARNING, "keep one for each", is_mended=True),
    "colors-twice": Fault(Gravity.WARNING, "keep one for each", is_mended=True),
    "properties-ghost": Fault(
        Gravity.WARNING, "drop the row or find out where the object went", is_mended=True
    ),
    "colors-ghost": Fault(Gravity.WARNING, "drop the row or find out where the object went", is_mended=True),
    "label-without-row": Fault(Gravity.ADVICE, "describe each object, or none"),
    "well-missing": Fault(Gravity.ERROR, "restore the well, or take it off the list"),
    "image-missing": Fault(Gravity.ERROR, "restore the image, or take it off the list"),
    "unreadable": Fault(Gravity.ERROR, "restore the store or make it again"),
}  # fmt: skip
"""Every fault that is looked for, by the name that stays the same between versions."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault of a store.

    Parameters
    ----------
    fault
        One of :data:`FAULTS`.
    where
        The group or array, relative to the store that was checked; ``.`` is the store itself.
    found, expected
        What is there, and what should be.
    values
        The label values, names or version that it is about, for whoever mends it.
    """

    fault: str
    where: str
    found: str
    expected: str
    values: tuple[int | str, ...] = ()

    @property
    def gravity(self) -> Gravity:
        """How grave it is."""
        return FAULTS[self.fault].gravity

    @property
    def advice(self) -> str:
        """What to do."""
        return FAULTS[self.fault].advice

    @property
    def message(self) -> str:
        """Found, expected and advice in one sentence."""
        return f"{self.found}; expected: {self.expected}; {self.advice}."

    def __str__(self) -> str:
        return f"{self.where}: {self.message} [{self.fault}]"

    def to_json(self) -> dict[str, str | bool]:
        """Return it as plain JSON."""
        return {
            "fault": self.fault,
            "severity": self.gravity.value,
            "where": self.where,
            "found": self.found,
            "expected": self.expected,
            "advice": self.advice,
            "fixable": FAULTS[self.fault].is_mended,
        }
