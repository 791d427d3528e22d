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
        ``name``, ``version`` and ``purl``; ``origin``, where it was not installed from an index (:func:`origin_of`),
        with the commit of a folder that git keeps; and whether that folder was ``modified``.
    """
    from importlib.metadata import distribution

    found = distribution(name)
    facts: Plain = {"name": name, "version": found.version, "purl": f"pkg:pypi/{_normal(name)}@{found.version}"}
    origin = origin_of(found.read_text("direct_url.json") or "")
    if origin is None:
        return facts
    return facts | {"origin": origin} | _commit_of(origin)


def origin_of(direct_url: str) -> str | None:
    """Return where a distribution was installed from, of the text of its ``direct_url.json`` (PEP 610).

    Returns
    -------
    str or None
        ``git+https://…@<commit>``, the address of an archive with its SHA-256, or ``file://…`` for a folder; without
        users and passwords. None for one from an index, or if the text cannot be read.

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
        return address + (f"#subdirectory={told['subdirectory']}" if told.get("subdirectory") else "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()  # PEP 503, as the purl specification asks for pypi


@cache
def _commit_of(origin: str) -> Plain:
    """Say of a folder, as one that is installed for editing, what git keeps there; nothing if git keeps nothing."""
    folder = unquote(urlsplit(origin).path)
    if not origin.startswith("file:") or not os.path.isdir(folder):
        return {}
    commit = _git(folder, "rev-parse", "HEAD")
    # A folder inside somebody's repository that git does not keep is not what the commit holds.
    if commit is None or not _git(folder, "ls-files", "--", "."):
        return {}
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".")
    return {"origin": f"git+{origin}@{commit}", **({} if changes is None else {"modified": bool(changes)})}


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
