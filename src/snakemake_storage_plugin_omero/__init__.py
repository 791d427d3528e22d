"""Snakemake's door to raw images in OMERO: ``storage.omero("omero://server/image/51")`` as an input, read-only.

Every ``snakemake`` call imports this module, so it imports nothing heavy; annotations must be real, since Snakemake
reads some of them at run time. What an image is and how it is fetched is ``filiation.images``' business.
"""

import re
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
_QUERY = re.compile(r"omero://(?P<host>[A-Za-z0-9.\-]+)/(?P<kind>image)/(?P<id>\d+|\{[^{}]+\})")


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
        return str(self.query).removeprefix("omero://") + ".ome.zarr"

    async def inventory(self, cache: IOCacheStorageInterface) -> None:
        """Leave the inventory empty: images are looked up one by one."""

    def get_inventory_parent(self) -> Optional[str]:  # noqa: UP045
        """Return nothing: there is no listing to share."""
        return None

    def cleanup(self) -> None:
        """Nothing is left open between calls."""

    def exists(self) -> bool:
        """Ask the server whether the image is there."""
        return bool(self._source().identify())

    def mtime(self) -> float:
        """Return 0: an image's pixels do not change under their id; a re-import gets another id."""
        return 0.0

    def size(self) -> int:
        """Return 0, as the interface asks for directories; the retrieved store is one."""
        return 0

    def retrieve_object(self) -> None:
        """Write the image as an OME-Zarr store at the local path."""
        from filiation.images import write_image

        write_image(Path(self.local_path()), self._source().fetch())

    def _source(self) -> Any:
        from snakemake_interface_common.exceptions import WorkflowError

        from filiation.errors import FiliationError
        from filiation.images import open_source

        try:
            return open_source(self.query)
        except FiliationError as error:
            raise WorkflowError(str(error)) from error
