"""A registry of container images on this machine: one image, as the Open Container Initiative's distribution has it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


class ImageInRegistry:
    """An image of one layer.

    Parameters
    ----------
    name, tag
        By which it is pulled: ``lab/bright``, ``1.2``.
    programs
        Their bytes, by their place in the image.
    links
        Symbolic links, by their place in the image.
    """

    def __init__(self, name: str, tag: str, programs: Mapping[str, bytes], links: Mapping[str, str]) -> None:
        self.name, self.tag = name, tag
        layer = _archive(programs, links)
        packed = gzip.compress(layer, compresslevel=1, mtime=0)
        self._blobs: dict[str, tuple[str, bytes]] = {}
        layers = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}
        config = {"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/usr/bin:/bin"]}, "rootfs": layers}
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": self._add(_CONFIG, json.dumps(config).encode()),
            "layers": [self._add(_LAYER, packed)],
        }
        self.digest = str(self._add(_MANIFEST, json.dumps(manifest).encode())["digest"])

    def _add(self, kind: str, content: bytes) -> dict[str, object]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        self._blobs[digest] = (kind, content)
        return {"mediaType": kind, "size": len(content), "digest": digest}

    def answer(self, path: str) -> tuple[str, bytes] | None:
        """Return what a path of the registry's API holds, with its media type."""
        before, _, last = path.rpartition("/")
        if path == "/v2/":
            return "application/json", b"{}"
        if before not in (f"/v2/{self.name}/manifests", f"/v2/{self.name}/blobs"):
            return None
        return self._blobs.get(self.digest if last == self.tag else last)


@contextmanager
def serving(image: ImageInRegistry) -> Iterator[str]:
    """Serve an image; yield the registry's name, host and port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self, *, body: bool = True) -> None:
            found = image.answer(self.path.partition("?")[0])
            kind, content = found or ("application/json", b'{"errors": [{"code": "NOT_FOUND"}]}')
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Docker-Content-Digest", f"sha256:{hashlib.sha256(content).hexdigest()}")
            self.end_headers()
            if body:
                self.wfile.write(content)

        def do_HEAD(self) -> None:
            self.do_GET(body=False)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _archive(programs: Mapping[str, bytes], links: Mapping[str, str]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        for place, program in programs.items():
            entry = tarfile.TarInfo(place)
            entry.size, entry.mode = len(program), 0o755
            archive.addfile(entry, io.BytesIO(program))
        for place, target in links.items():
            entry = tarfile.TarInfo(place)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return written.getvalue()
