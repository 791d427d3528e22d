"""RawFileStore: the bytes of files."""

from __future__ import annotations

import hashlib
from typing import Any

import omero.api

from tests.omero_server.accounts import Session
from tests.omero_server.marshalling import Marshaller
from tests.omero_server.rows import Row
from tests.omero_server.services.service import Call, Service


class RawFileStore(Service, omero.api.RawFileStore):
    """The bytes of one file at a time."""

    def __init__(self, server: Any, session: Session | None) -> None:
        super().__init__(server, session)
        self.file: Row | None = None
        self.written = False

    def chosen(self) -> tuple[Row, bytearray]:
        """Return the file that ``setFileId`` chose."""
        if self.file is None:
            raise omero.ApiUsageException("", "ApiUsageException", "RawFileStore has no file: call setFileId first")
        return self.file, self.server.file_data.setdefault(self.file.id or 0, bytearray())

    def do_setFileId(self, call: Call, number: int) -> None:
        """Choose a file that the session may see."""
        self.file = call.find("OriginalFile", number)

    def do_getFileId(self, call: Call) -> Any:
        """Return which file is chosen."""
        return omero.rtypes.rlong(self.chosen()[0].id or 0)

    def do_read(self, call: Call, position: int, length: int) -> bytes:
        """Return a part of the file."""
        return bytes(self.chosen()[1][position : position + length])

    def do_size(self, call: Call) -> int:
        """Return how many bytes there are."""
        return len(self.chosen()[1])

    def do_exists(self, call: Call) -> bool:
        """Tell whether anything was written."""
        return self.chosen()[0].id in self.server.file_data

    def do_truncate(self, call: Call, length: int) -> bool:
        """Cut the file; tell whether that changed it."""
        row, content = self.chosen()
        call.saving().refuse(row)
        changed = length < len(content)
        del content[length:]
        return changed

    def do_write(self, call: Call, content: bytes, position: int, length: int) -> None:
        """Write a part of the file."""
        row, data = self.chosen()
        call.saving().refuse(row)
        data.extend(bytes(max(position - len(data), 0)))
        data[position : position + length] = self.server.faults.shortened(bytes(content[:length]))
        self.written = True

    def do_save(self, call: Call) -> Any:
        """Note size and SHA-1 of what was written."""
        row, content = self.chosen()
        store = self.server.store
        store.set(row, "size", len(content))
        store.set(row, "hash", hashlib.sha1(content).hexdigest())
        store.set(row, "hasher", store.enumeration("ChecksumAlgorithm", "SHA1-160"))
        self.written = False
        return Marshaller(call.view).object(row)

    def do_close(self, call: Call) -> None:
        """Save what was written, and give up the store."""
        if self.written:
            self.do_save(call)
        self.server.drop(self)
