"""Where a program was installed from, as others may know it."""

from __future__ import annotations

import re
from typing import Final

from filiation.model.identifiers import Digest, DigestKind

_OF_A_MACHINE: Final = re.compile(r"(?:(?P<vcs>git|hg|svn|bzr)\+)?file:(?P<place>[^#]*)(?:#(?P<mark>.*))?", re.DOTALL)
_SHA1: Final = re.compile(r"[0-9a-f]{40}")
_SHA256: Final = re.compile(r"sha256=([0-9a-f]{64})")


def public_origin(origin: str | None) -> str | None:
    """Return an origin without the address of a folder or file of this machine, which names nothing to anybody else.

    Parameters
    ----------
    origin
        As :class:`~filiation.model.Software` has it.

    Returns
    -------
    str or None
        The same, if it is an address that others may ask. Of a repository on this machine the commit, as a SWHID
        (ISO/IEC 18670, ``swh:1:rev:``); of an archive on it the name of its bytes (RFC 6920); of all else nothing.

    Examples
    --------
    >>> public_origin("git+https://git.example.org/lab/tool@" + "1a" * 20)[:36]
    'git+https://git.example.org/lab/tool'
    >>> public_origin("git+file:///home/ada/tool@" + "1a" * 20)
    'swh:1:rev:1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a'
    >>> public_origin("file:///home/ada/tool")
    """
    found = None if origin is None else _OF_A_MACHINE.match(origin)
    if found is None:
        return origin
    commit = found["place"].rpartition("@")[2]
    if found["vcs"] == "git" and _SHA1.fullmatch(commit):
        return f"swh:1:rev:{commit}"
    digest = None if found["vcs"] else _SHA256.fullmatch(found["mark"] or "")
    return None if digest is None else Digest(DigestKind.FILE, digest[1]).iri
