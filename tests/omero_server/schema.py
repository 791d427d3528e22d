"""OMERO's classes and their attributes, read from the declarations that omero-py carries.

Slice's compiler wrote one line for each member of each class into ``omero_model_*_ice.py``; these lines are the whole
truth about what a client can send and receive, so nothing is listed by hand here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import omero_model_Image_ice

from tests.omero_server.rows import Attribute

CLASS = re.compile(
    r"_t_(?P<kind>\w+) = IcePy\.defineClass\('::omero::model::(?P=kind)', .*?, "
    r"(?:_M_omero\.model\._t_(?P<base>\w+)|None), \(.*?\), \((?P<members>.*?)\n?\s*\)\)",
    re.DOTALL,
)
MEMBER = re.compile(r"\('_?(\w+)', \(\), (?:\w+\.)*_t_(\w+), ")
SEQUENCE = re.compile(r"_t_(\w+) = IcePy\.defineSequence\('::[\w:]+', \(\), (?:\w+\.)*_t_(\w+)\)")
LISTS_OF_VALUES = {"NamedValueList": "NamedValue"}
BESIDE_THE_MEMBERS = {"version", "details"}


class OmeroSchema:
    """Every class of ``omero.model``, with inherited attributes."""

    def __init__(self) -> None:
        self.bases: dict[str, str] = {}
        self.declared: dict[str, dict[str, str]] = {}
        sequences: dict[str, str] = {}
        for path in Path(omero_model_Image_ice.__file__).parent.glob("omero_model_*_ice.py"):
            text = path.read_text(encoding="utf-8")
            sequences.update(SEQUENCE.findall(text))
            for found in CLASS.finditer(text):
                self.bases[found["kind"]] = found["base"] or ""
                self.declared[found["kind"]] = dict(MEMBER.findall(found["members"]))
        self.attributes = {kind: dict(self.described(kind, sequences)) for kind in self.declared}

    def described(self, kind: str, sequences: dict[str, str]) -> Iterator[tuple[str, Attribute]]:
        """Yield the attributes of a class and its bases."""
        for name, type_name in self.members(kind).items():
            if name.endswith("Seq") and type_name in sequences:
                element = sequences[type_name]
                yield name.removesuffix("Seq"), Attribute(element, many=True, inverse=self.inverse(kind, element))
            elif type_name in LISTS_OF_VALUES:
                yield name, Attribute(LISTS_OF_VALUES[type_name], many=True)
            elif type_name in self.declared:
                yield name, Attribute(type_name)
            elif not name.endswith(("Loaded", "CountPerOwner")) and name != "loaded":
                yield name, Attribute()

    def members(self, kind: str) -> dict[str, str]:
        """Return the members that Slice declares for a class and its bases, with the names of their types."""
        found: dict[str, str] = {}
        for each in reversed(self.lineage(kind)):
            found.update(self.declared.get(each, {}))
        return found

    def inverse(self, kind: str, element: str) -> str:
        """Return the attribute by which an element of a collection points back to its holder."""
        kinds = self.lineage(kind)
        pointing = [name for name, type_name in self.members(element).items() if type_name in kinds]
        return next((name for name in ("parent", *pointing) if name in pointing), "")

    @cache  # noqa: B019 - one schema a process
    def lineage(self, kind: str) -> tuple[str, ...]:
        """Return a class and its bases."""
        found = []
        while kind:
            found.append(kind)
            kind = self.bases.get(kind, "")
        return tuple(found)

    @cache  # noqa: B019
    def family(self, kind: str) -> tuple[str, ...]:
        """Return a class and all that are derived from it."""
        return tuple(each for each in self.declared if kind in self.lineage(each))

    def root(self, kind: str) -> str:
        """Return the class whose numbers a class shares: all annotations are counted together, and all shapes."""
        return self.lineage(kind)[-2] if self.is_entity(kind) and len(self.lineage(kind)) > 1 else kind

    def has(self, kind: str) -> bool:
        """Tell whether there is a class of that name that has objects of its own."""
        return self.is_entity(kind)

    @cache  # noqa: B019
    def is_entity(self, kind: str) -> bool:
        """Tell whether objects of a class have ids; lengths and named values have none."""
        return kind != "IObject" and "IObject" in self.lineage(kind)

    @cache  # noqa: B019
    def is_enumeration(self, kind: str) -> bool:
        """Tell whether a class only names the values of an attribute."""
        own = set(self.attributes[kind]) - {"id", "bitSize", *BESIDE_THE_MEMBERS}
        return self.is_entity(kind) and own == {"value"}

    @cache  # noqa: B019
    def attribute(self, kind: str, name: str) -> Attribute | None:
        """Return what an attribute of a class, or of one derived from it, leads to."""
        for each in (kind, *self.family(kind)):
            if name in self.attributes.get(each, {}):
                return self.attributes[each][name]
        return None


@cache
def schema() -> OmeroSchema:
    """Return the schema, read once a process."""
    return OmeroSchema()
