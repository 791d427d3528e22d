"""Snakemake's door to raw images in OMERO: ``storage.omero("omero://server/image/51")`` as an input, read-only.

Every ``snakemake`` call imports this module, so it imports nothing heavy; annotations must be real, since Snakemake
reads some of them at run time. What an image is and how it is fetched is ``filiation.images``' business.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, List, Optional  # noqa: UP035 - as the interface declares them

from snakemake_interface_storage_plugins.common import Operation
from snakemake_interface_storage_plugins.io import IOCacheStorageInterface
from snakemake_interface_storage_plugins.storage_object import StorageObjectRead
from snakemake_interface_storage_plugins.storage_provider import (
    ExampleQuery,
    QueryType,
    StorageProviderBase,
    StorageQueryValidationResult,
)

# Wildcards may stand where the id will.
_QUERY = re.compile(r"omero://(?P<host>[A-Za-z0-9.\-]+(?::\d+)?)/(?P<kind>image)/(?P<id>\d+|\{[^{}]+\})")


class StorageProvider(StorageProviderBase):
    """Turns ``omero://`` queries into inputs."""

    @classmethod
    def example_queries(cls) -> List[ExampleQuery]:  # noqa: UP006
        """Return a query of each kind."""
        return [ExampleQuery("omero://omero.example.org/image/51", "An image by its id on a server", QueryType.INPUT)]

    @classmethod
    def is_valid_query(cls, query: str) -> StorageQueryValidationResult:
        """Tell whether a query has the form ``omero://<host>/image/<id>``."""
        if _QUERY.fullmatch(query):
            return StorageQueryValidationResult(query, valid=True)
        reason = "expected omero://<host>/image/<id>, for example omero://omero.example.org/image/51"
        return StorageQueryValidationResult(query, valid=False, reason=reason)

    def use_rate_limiter(self) -> bool:
        """OMERO servers limit sessions, not requests."""
        return False

    def default_max_requests_per_second(self) -> float:
        """Return a limit that is not used."""
        return 10.0

    def rate_limiter_key(self, query: str, operation: Operation) -> Any:
        """Return the host: what a limit would be for."""
        match = _QUERY.fullmatch(query)
        return match["host"] if match else query


class StorageObject(StorageObjectRead):
    """One image on a server."""

    def local_suffix(self) -> str:
        """Return host, kind and id as a path, with the ending of a store."""
        return str(self.query).removeprefix("omero://").replace(":", "_") + ".ome.zarr"

    async def inventory(self, cache: IOCacheStorageInterface) -> None:
        """Leave the inventory empty: images are looked up one by one."""

    def get_inventory_parent(self) -> Optional[str]:  # noqa: UP045
        """Return nothing: there is no listing to share."""
        return None

    def cleanup(self) -> None:
        """Nothing is left open between calls."""

    def exists(self) -> bool:
        """Ask the server whether the image is there."""
        from filiation.errors import NotFoundError

        try:
            return self._ask(lambda source: source.describe()) is not None
        except NotFoundError:
            return False

    def mtime(self) -> float:
        """Return when image or pixels were last changed on the server, in seconds since 1970."""
        return float(self._ask(lambda source: source.describe()).modified.timestamp())

    def size(self) -> int:
        """Return the bytes of all pixels, at full resolution and uncompressed."""
        return int(self._ask(lambda source: source.describe()).grid.size)

    def retrieve_object(self) -> None:
        """Write the image as an OME-Zarr store at the local path; a broken attempt is gone on with."""
        from filiation.images import fetch_into

        place = Path(self.local_path())
        if place.exists():  # Snakemake leaves copies that are folders; it asks again when one is out of date
            shutil.rmtree(place)
        self._ask(lambda source: fetch_into(source, place))

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        """Ask the image's source; whatever fails becomes one message of Snakemake's."""
        from snakemake_interface_common.exceptions import WorkflowError

        from filiation.errors import FiliationError, NotFoundError
        from filiation.images import open_source

        try:
            return question(open_source(str(self.query)))
        except NotFoundError:
            raise
        except FiliationError as error:
            raise WorkflowError(str(error)) from None
