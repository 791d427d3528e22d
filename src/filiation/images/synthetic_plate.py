"""A generated plate with a known truth: a field of view of nuclei in each place, more of them the higher the column.

``synthetic:plate?seed=7&rows=2&columns=3&fields=1&shape=128,128`` is a plate; with ``&field=A/1/0`` it is one of its
fields. A field's pixels depend on the seed, its shape and its place alone, so it is the same one in a larger plate.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filiation.errors import BadInputError
from filiation.images.image import Image, LabelImage
from filiation.images.pixels import pixel_digest_of_array
from filiation.images.plates import Plate, PlateField
from filiation.images.sources import SourceIdentity, integers, split_query
from filiation.images.store_format import DEFAULT_FORMAT, StoreFormat

_ROWS = "ABCDEFGHIJKLMNOP"
_MOST_COLUMNS, _MOST_FIELDS = 24, 100


@dataclass(frozen=True, slots=True)
class SyntheticPlate:
    """A recipe for a plate.

    Parameters
    ----------
    seed
        Of the random numbers.
    rows, columns
        How many, at most 16 and 24.
    fields
        In each well, at most 100.
    shape
        Rows and columns of pixels of a field.

    Raises
    ------
    BadInputError
        If a number is out of range.
    """

    seed: int = 7
    rows: int = 2
    columns: int = 3
    fields: int = 1
    shape: tuple[int, int] = (128, 128)

    def __post_init__(self) -> None:
        inside = (
            1 <= self.rows <= len(_ROWS) and 1 <= self.columns <= _MOST_COLUMNS and 1 <= self.fields <= _MOST_FIELDS
        )
        if self.seed < 0 or not inside or not all(64 <= length <= 4096 for length in self.shape):
            raise BadInputError(
                f"A synthetic plate has a seed of 0 or more, 1 to {len(_ROWS)} rows, 1 to {_MOST_COLUMNS} columns, 1 "
                f"to {_MOST_FIELDS} fields in a well, and fields of 64 to 4096 pixels a side; found seed {self.seed}, "
                f"{self.rows} rows, {self.columns} columns, {self.fields} fields and shape "
                f"{','.join(map(str, self.shape))}."
            )

    @property
    def uri(self) -> str:
        """The URI in its one canonical spelling, with every parameter."""
        shape = ",".join(map(str, self.shape))
        return (
            f"synthetic:plate?seed={self.seed}&rows={self.rows}&columns={self.columns}&fields={self.fields}"
            f"&shape={shape}"
        )

    @property
    def plate(self) -> Plate:
        """Layout and fields."""
        rows, columns = tuple(_ROWS[: self.rows]), tuple(str(number + 1) for number in range(self.columns))
        fields = tuple(
            PlateField(row, column, str(number)) for row in rows for column in columns for number in range(self.fields)
        )
        return Plate("synthetic plate", rows, columns, fields)

    def uri_of(self, field: PlateField) -> str:
        """Return the URI of one field: it names only what its pixels depend on."""
        return f"synthetic:plate?seed={self.seed}&shape={','.join(map(str, self.shape))}&field={field.path}"

    def draw(self, field: PlateField) -> tuple[Image, LabelImage]:
        """Return a field as a microscope sees it, and the truth."""
        from filiation.images.synthetic_movie import Movie, film

        place = _ROWS.index(field.row) * _MOST_COLUMNS + int(field.column) - 1
        seed = self.seed * 1_000_000 + place * _MOST_FIELDS + int(field.name)
        cells = 3 + 2 * int(field.column)
        filmed = film(Movie(seed, (1, *self.shape), cells))
        image, truth = filmed.image.one_channel("nuclei").time_point(0), filmed.truth
        return (
            Image(image.data, image.axes, image.scale, image.units, ("nuclei",), f"{field.well}, field {field.name}"),
            LabelImage(truth.data[0], truth.axes[1:], truth.scale[1:], truth.units[1:], "nuclei"),
        )


def write_synthetic_plate(path: Path, recipe: SyntheticPlate, form: StoreFormat = DEFAULT_FORMAT) -> None:
    """Write a generated plate as an OME-Zarr store.

    Raises
    ------
    BadInputError
        If there is something at ``path`` already.
    """
    from filiation.images.ome_zarr import write_image
    from filiation.images.plate_writing import write_plate

    write_plate(path, recipe.plate, lambda field, here: write_image(here, recipe.draw(field)[0], form), form)


def recipe_from(uri: str) -> tuple[SyntheticPlate, str | None]:
    """Read ``synthetic:plate?…``: the recipe, and the path of a field if the URI names one.

    Raises
    ------
    BadInputError
        If a parameter is unknown, malformed or out of range.
    """
    numbers = ("seed", "rows", "columns", "fields")
    _, given = split_query(uri, known={**dict.fromkeys(numbers, int), "shape": tuple, "field": str})
    values = {name: integers(uri, name, given[name], count=1)[0] for name in numbers if name in given}
    y, x = integers(uri, "shape", given["shape"], count=2) if "shape" in given else SyntheticPlate().shape
    return SyntheticPlate(**values, shape=(y, x)), given.get("field")


class PlateFieldSource:
    """One field of view of a generated plate as a source."""

    def __init__(self, recipe: SyntheticPlate, field: PlateField) -> None:
        self.recipe, self.field = recipe, field
        self._image: Image | None = None

    @classmethod
    def from_uri(cls, uri: str) -> PlateFieldSource:
        """Read ``synthetic:plate?seed=…&shape=y,x&field=A/1/0``.

        Raises
        ------
        BadInputError
            If a parameter is unknown, malformed or out of range, or no field is named.
        """
        recipe, path = recipe_from(uri)
        parts = (path or "").split("/")
        if len(parts) != 3 or parts[0] not in _ROWS or not all(each.isdecimal() for each in parts[1:]):
            raise BadInputError(
                f"{uri!r} is a plate; name one field of view, as in field=A/1/0, or name the plate in the sample sheet."
            )
        row, column, name = parts
        if len(row) != 1 or not (1 <= int(column) <= _MOST_COLUMNS and int(name) < _MOST_FIELDS):
            raise BadInputError(f"{uri!r} names a field that no plate has.")
        return cls(recipe, PlateField(row, str(int(column)), str(int(name))))

    def identify(self) -> SourceIdentity:
        """Return the canonical URI with the digest of the pixels."""
        image = self.fetch()
        return SourceIdentity(
            iri=self.recipe.uri_of(self.field),
            name=f"Synthetic plate, seed {self.recipe.seed}, well {self.field.well}, field {self.field.name}",
            pixels=pixel_digest_of_array(image.data, image.axes),
        )

    def fetch(self) -> Image:
        """Return the field, with axes y and x."""
        if self._image is None:
            self._image = self.recipe.draw(self.field)[0]
        return self._image
