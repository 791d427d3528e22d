"""What a store says by itself, wherever it lies: of its making, by its bytes and by its pixels."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from filiation.digest import digest_tree
from filiation.digest.zipped import digest_zip, is_zip
from filiation.errors import NotFoundError
from filiation.images.claims import StoreClaim, claim_among, read_claim
from filiation.images.multiscale import Multiscale, open_group, open_multiscale
from filiation.images.object_store import ObjectPlace, digest_objects, open_object_group, open_object_multiscale, told
from filiation.images.pixels import pixel_digest_of_store
from filiation.model import Digest, DigestKind


@dataclass(frozen=True, slots=True)
class OwnWords:
    """What a store says by itself.

    Parameters
    ----------
    claim
        Its block on its own making; None if it has none.
    tree
        What its bytes are now.
    store
        Itself, opened.
    place
        Where it lies.
    """

    claim: StoreClaim | None
    tree: Digest
    store: Multiscale
    place: Path | ObjectPlace

    @classmethod
    def of_store(cls, place: Path | ObjectPlace) -> OwnWords:
        """Read the bytes of a store: a folder, a ZIP file, or a place in an object store.

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
                return cls(claim, tree, open_object_multiscale(place), place)
        if place.is_dir():
            return cls(read_claim(place), digest_tree(place).digest, open_multiscale(place), place)
        if not is_zip(place):
            raise NotFoundError(f"There is no store at {place}.")
        claim = claim_among(open_group(place).attrs.asdict(), str(place))
        return cls(claim, digest_zip(place).digest, open_multiscale(place), place)

    def pixels(self, kind: DigestKind) -> Digest:
        """Return what its pixels are now, by one version of the pixel digest; raises as :meth:`of_store`."""
        with told(self.place) if isinstance(self.place, ObjectPlace) else nullcontext():
            return pixel_digest_of_store(self.store, kind)
