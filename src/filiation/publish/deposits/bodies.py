"""What a request sends: JSON, a file, or a form with files, read from disk as it goes and counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

if TYPE_CHECKING:
    from types import TracebackType

BLOCK: Final = 256 << 10
Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form.

    Parameters
    ----------
    name
        Of the field.
    value
        A text, or a file.
    filename
        What a file is called there.
    """

    name: str
    value: str | Path
    filename: str | None = None


class _Counted:
    """A file that is sent, and tells how much of it went."""

    def __init__(self, stream: BufferedReader, size: int, count: Advance) -> None:
        self._stream, self._size, self._count = stream, size, count

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        block = self._stream.read(BLOCK if size < 0 else min(size, BLOCK))
        self._count(len(block))
        return block

    def __iter__(self) -> Iterator[bytes]:
        while block := self.read():
            yield block


class _Form:
    """A form (RFC 7578) with files, of a length known before and read from disk as it goes."""

    def __init__(self, parts: tuple[Part, ...], count: Advance) -> None:
        self.boundary = uuid4().hex
        self._count = count
        self._pieces: list[bytes | Path] = []
        for part in parts:
            head = f'--{self.boundary}\r\nContent-Disposition: form-data; name="{_quoted(part.name)}"'
            if isinstance(part.value, Path):
                head += f'; filename="{_quoted(part.filename or part.value.name)}"'
                head += "\r\nContent-Type: application/octet-stream"
                self._pieces += [f"{head}\r\n\r\n".encode(), part.value, b"\r\n"]
            else:
                self._pieces.append(f"{head}\r\n\r\n{part.value}\r\n".encode())
        self._pieces.append(f"--{self.boundary}--\r\n".encode())
        self._size = sum(len(each) if isinstance(each, bytes) else each.stat().st_size for each in self._pieces)
        self._blocks = self._read_blocks()
        self._left = b""

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        while (size < 0 or not self._left) and (block := next(self._blocks, b"")):
            self._left += block
        taken, self._left = (self._left, b"") if size < 0 else (self._left[:size], self._left[size:])
        return taken

    def __iter__(self) -> Iterator[bytes]:
        while block := self.read(BLOCK):
            yield block

    def _read_blocks(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, bytes):
                yield piece
                continue
            with piece.open("rb") as stream:
                while block := stream.read(BLOCK):
                    self._count(len(block))
                    yield block


class Sent:
    """What one try sends; a context manager that knows how much of it went."""

    def __init__(self, value: object, file: Path | None, form: tuple[Part, ...], advance: Advance) -> None:
        self._value, self._file, self._form, self._advance = value, file, form, advance
        self._stream: BufferedReader | None = None
        self._went = 0
        self.body: object = None
        self.headers: dict[str, str] = {}

    def __enter__(self) -> Sent:
        if self._value is not None:
            self.body = json.dumps(self._value, ensure_ascii=True).encode()
            self.headers = {"Content-Type": "application/json"}
        elif self._file is not None:
            self._stream = self._file.open("rb")
            size = self._file.stat().st_size
            # An empty body would be sent in chunks of unknown length.
            self.body = _Counted(self._stream, size, self._count) if size else b""
            self.headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size)}
        elif self._form:
            form = _Form(self._form, self._count)
            self.body = form
            self.headers = {
                "Content-Type": f"multipart/form-data; boundary={form.boundary}", "Content-Length": str(len(form)),
            }  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()

    def take_back(self) -> None:
        """Tell that what went will go again, or did not go."""
        if self._went:
            self._advance(-self._went)
            self._went = 0

    def _count(self, size: int) -> None:
        self._went += size
        self._advance(size)


def _quoted(text: str) -> str:
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
