"""A recorded tree as zarr reads stores: every chunk is held against its recorded digest before it is decoded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, NoReturn

from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest

from filiation.digest.recorded import RecordedTree
from filiation.errors import BadInputError
from filiation.images.multiscale import Multiscale, group_in, multiscale_of

if TYPE_CHECKING:
    from zarr.core.buffer import Buffer, BufferPrototype


def open_recorded(tree: RecordedTree) -> Multiscale:
    """Open the OME-Zarr image that a tree holds; its pixels come as they were recorded, or not at all.

    Raises
    ------
    NotFoundError
        If it is not there.
    ChangedError
        If its metadata is not as recorded.
    BadInputError
        If it holds no OME-Zarr image.
    """
    return multiscale_of(group_in(RecordedStore(tree), str(tree.root)), str(tree.root))


class RecordedStore(Store):
    """A tree, to be read.

    Parameters
    ----------
    tree
        What it holds.
    """

    supports_writes = False
    supports_deletes = False
    supports_listing = True

    def __init__(self, tree: RecordedTree) -> None:
        super().__init__(read_only=True)
        self._tree = tree

    def __eq__(self, other: object) -> bool:
        """Whether it is of the same tree."""
        return isinstance(other, RecordedStore) and other._tree is self._tree

    def __hash__(self) -> int:
        return id(self._tree)

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """Return a file or part of one; None if the tree had none, which stands for the fill value."""
        if key not in self._tree:
            return None
        content = await asyncio.to_thread(self._tree.read, key)
        return prototype.buffer.from_bytes(content[_part(byte_range, len(content))])

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Return several files or parts of them."""
        return [await self.get(key, prototype, byte_range) for key, byte_range in key_ranges]

    async def exists(self, key: str) -> bool:
        """Whether the tree had such a file."""
        return key in self._tree

    async def list(self) -> AsyncIterator[str]:
        """Yield every file."""
        for path in self._tree.paths:
            yield path

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Yield every file whose path begins so."""
        for path in self._tree.paths:
            if path.startswith(prefix):
                yield path

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names of what stands right below a folder."""
        before = f"{prefix.rstrip('/')}/" if prefix else ""
        names = {path[len(before) :].partition("/")[0] for path in self._tree.paths if path.startswith(before)}
        for name in sorted(names):
            yield name

    async def set(self, key: str, value: Buffer) -> NoReturn:
        """Refuse: what was recorded is not written to."""
        raise BadInputError(f"{self._tree.root} is only read.")

    async def delete(self, key: str) -> NoReturn:
        """Refuse: what was recorded is not written to."""
        raise BadInputError(f"{self._tree.root} is only read.")


def _part(asked: ByteRequest | None, size: int) -> slice:
    if isinstance(asked, RangeByteRequest):
        return slice(asked.start, asked.end)
    if isinstance(asked, OffsetByteRequest):
        return slice(asked.offset, None)
    if isinstance(asked, SuffixByteRequest):
        return slice(max(size - asked.suffix, 0), None)
    return slice(None)
