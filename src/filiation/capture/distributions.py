"""Python distributions: which of them a process imported, in which version, and where they were installed from."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from urllib.parse import unquote, urlsplit

from filiation.capture.live_job import Plain
from filiation.capture.repository import public_address
from filiation.model.origins import public_origin

_USER = re.compile(r"(?<=://)[^/@]*@")


def imported_distributions(modules: Iterable[str] | None = None) -> list[Plain]:
    """List the installed distributions whose modules this process has imported, with version and package URL."""
    names = {name.partition(".")[0] for name in (sys.modules if modules is None else modules)}
    by_module = _distributions_by_module()
    # A distribution installed for editing lists no modules, so one of the module's own name counts too.
    found = sorted({dist for module in names for dist in by_module.get(module) or _of_same_name(module)}, key=str.lower)
    return [distribution_facts(name) for name in found]


def distribution_facts(name: str) -> Plain:
    """Describe one installed Python distribution.

    Returns
    -------
    dict
        ``name``, ``version`` and ``purl``; ``origin``, where it was not installed from an index
        (:func:`~filiation.model.origins.public_origin`): of a folder that git keeps its repository and commit; and
        whether that folder was ``modified``.
    """
    from importlib.metadata import distribution

    found = distribution(name)
    facts: Plain = {"name": name, "version": found.version, "purl": f"pkg:pypi/{_normal(name)}@{found.version}"}
    written = found.read_text("direct_url.json") or ""
    origin = origin_of(written) or _commit_of(_folder(written))
    return facts if origin is None else facts | {"origin": origin} | _changes_of(_folder(written))


def origin_of(direct_url: str) -> str | None:
    """Return where a distribution was installed from, of the text of its ``direct_url.json`` (PEP 610).

    Returns
    -------
    str or None
        ``git+https://…@<commit>``, or the address of an archive with its SHA-256, as
        :func:`~filiation.model.origins.public_origin` leaves them. None for one from an index or a folder, or if the
        text cannot be read.

    Examples
    --------
    >>> origin_of('{"url": "https://me@git.example.org/lab/tool", "vcs_info": {"vcs": "git", "commit_id": "1a2b"}}')
    'git+https://git.example.org/lab/tool@1a2b'
    """
    try:
        told = json.loads(direct_url)
        address = _USER.sub("", str(told["url"]))
        if "vcs_info" in told:
            address = f"{told['vcs_info']['vcs']}+{address}@{told['vcs_info']['commit_id']}"
        elif digest := told.get("archive_info", {}).get("hashes", {}).get("sha256"):
            address = f"{address}#sha256={digest}"
        return public_origin(address + (f"#subdirectory={told['subdirectory']}" if told.get("subdirectory") else ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()  # PEP 503, as the purl specification asks for pypi


def _folder(direct_url: str) -> str | None:
    """Return the folder that a distribution was installed from, as one that is installed for editing."""
    try:
        told = json.loads(direct_url)
        address = urlsplit(str(told["url"]))
        folder = unquote(address.path)
        return folder if address.scheme == "file" and "dir_info" in told and os.path.isdir(folder) else None
    except (ValueError, KeyError, TypeError):
        return None


@cache
def _commit_of(folder: str | None) -> str | None:
    """Name what git keeps in a folder by its repository, if others may know it, and its commit."""
    commit = None if folder is None else _git(folder, "rev-parse", "HEAD")
    # A folder inside somebody's repository that git does not keep is not what the commit holds.
    if folder is None or commit is None or not _git(folder, "ls-files", "--", "."):
        return None
    remote = public_address(_git(folder, "config", "--get", "remote.origin.url") or "")
    return public_origin(f"git+{remote or 'file:///'}@{commit}")


@cache
def _changes_of(folder: str | None) -> Plain:
    """Say whether a folder has changes that are not committed."""
    if folder is None:
        return {}
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".")
    return {} if changes is None else {"modified": bool(changes)}


def _git(folder: str, *arguments: str) -> str | None:
    try:
        command = ["git", "--no-optional-locks", "-C", folder, *arguments]
        answer = subprocess.run(command, capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return os.fsdecode(answer.stdout).strip() if answer.returncode == 0 else None


@cache
def _of_same_name(module: str) -> tuple[str, ...]:
    from importlib.metadata import PackageNotFoundError, metadata

    if module in sys.stdlib_module_names:
        return ()
    try:
        return (metadata(module)["Name"],)
    except (PackageNotFoundError, ValueError):
        return ()


@cache
def _distributions_by_module() -> dict[str, list[str]]:
    from importlib.metadata import packages_distributions

    return dict(packages_distributions())
