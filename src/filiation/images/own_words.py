"""What a store says by itself, wherever it lies: of its making, by its bytes and by its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filiation.digest import digest_tree
from filiation.digest.zipped import digest_zip, is_zip
from filiation.errors import NotFoundError
from filiation.images.claims import StoreClaim, claim_among, read_claim
from filiation.images.multiscale import open_group
from filiation.images.object_store import ObjectPlace, digest_objects, open_object_group, open_object_multiscale, told
from filiation.images.pixels import pixel_digest, pixel_digest_of_store
from filiation.model import Digest


@dataclass(frozen=True, slots=True)
class OwnWords:
    """What a store says by itself.

    Parameters
    ----------
    claim
        Its block on its own making; None if it has none.
    tree, pixels
        What its bytes and its pixels are now.
    """

    claim: StoreClaim | None
    tree: Digest
    pixels: Digest

    @classmethod
    def of_store(cls, place: Path | ObjectPlace) -> OwnWords:
        """Read all of a store: a folder, a ZIP file, or a place in an object store.

        Raises
        ------
        NotFoundError
            If there is no store.
        BadInputError
            If it cannot be read, or what it says of its making cannot.
        AccessError, ServerError, MissingExtraError
            If an object store refuses, cannot be reached, or the extra ``s3`` is not installed.
        """
        if isinstance(place, ObjectPlace):
            tree = digest_objects(place).digest
            with told(place):
                claim = claim_among(open_object_group(place).attrs.asdict(), str(place))
                return cls(claim, tree, pixel_digest_of_store(open_object_multiscale(place)))
        if place.is_dir():
            return cls(read_claim(place), digest_tree(place).digest, pixel_digest(place))
        if not is_zip(place):
            raise NotFoundError(f"There is no store at {place}.")
        claim = claim_among(open_group(place).attrs.asdict(), str(place))
        return cls(claim, digest_zip(place).digest, pixel_digest(place))
