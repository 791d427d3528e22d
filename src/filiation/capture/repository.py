"""The git repository that keeps a workflow: its commit, and how the workflow stood when the run began.

Asked of git when a run starts, a handful of calls that touch neither index nor files. What git keeps of unchanged files
it knows by identifier already, so only changed ones are read.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from filiation.capture.live_job import Plain
from filiation.capture.swhid import SourceEntry, directory_swhid, read_entry

LARGEST_CHANGE = 50_000_000
"""Bytes of changed files that are read when a run starts at most."""

DIFF = (
    "-c", "core.quotePath=true", "-c", "diff.suppressBlankEmpty=false", "-c", "diff.interHunkContext=0",
    "-c", "diff.indentHeuristic=true",
    "diff", "HEAD", "--binary", "--full-index", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames",
    "--src-prefix=a/", "--dst-prefix=b/", "--unified=3", "--diff-algorithm=myers", "--submodule=short",
    "-O/dev/null", "--", ".",
)  # fmt: skip
"""What git is asked for, in the main Snakefile's folder, for the digest of what was not committed."""

_USER_IN_URL = re.compile(r"(?<=://)[^/@]*@")
_SCP = re.compile(r"(?:[^/@:]*@)?(?P<host>[^/:@]+):(?P<path>[^/].*|/.*)")
_SHA1 = 40


def repository_facts(main: str, sources: Iterable[str] = ()) -> Plain:
    """Describe the git repository that keeps a workflow.

    Parameters
    ----------
    main
        Path of the main Snakefile. A commit is claimed only if git keeps that file: a workflow that merely lies inside
        somebody's repository, or is ignored there, is not what the commit holds.
    sources
        Paths of the Snakefiles; one that git does not keep counts as a change.

    Returns
    -------
    dict
        ``commit``; ``folder``, that of the main Snakefile within the repository; ``url`` without user-info;
        ``modified``; ``swhid`` of the kept files below that folder as they stand, or why there is none under
        ``swhid_missing``; ``diff``, the SHA-256 of what :data:`DIFF` prints, where something is modified. Empty where
        git does not keep the main Snakefile.
    """
    folder = os.path.dirname(os.path.abspath(main))
    kept = _kept(folder)
    if os.path.basename(main) not in kept:
        return {}
    place = _git(folder, "rev-parse", "--show-prefix", "HEAD")
    if place is None:
        return {}
    prefix, _, commit = place.rstrip("\n").rpartition("\n")
    facts: Plain = {"commit": commit, "folder": prefix.rstrip("/")}
    remote = (_git(folder, "config", "--get", "remote.origin.url") or "").strip()
    if address := public_address(remote):
        facts["url"] = address
    # Scripts are not known yet when a run starts, so every kept file beside or below the main Snakefile counts.
    changed = _changed(folder, prefix)
    if changed is not None:
        facts["modified"] = bool(changed) or not _keeps_all(folder, kept, sources)
        facts |= _as_it_stands(folder, kept, changed)
    return facts


def public_address(remote: str) -> str | None:
    """Return the address of a repository as others may know it: without user and password; None for a local one.

    >>> public_address("https://me:secret@git.example.org/lab/workflow.git")
    'https://git.example.org/lab/workflow.git'
    >>> public_address("git@git.example.org:lab/workflow.git")
    'ssh://git.example.org/lab/workflow.git'
    """
    if "://" in remote:
        return None if remote.startswith("file:") else _USER_IN_URL.sub("", remote)
    found = _SCP.fullmatch(remote)
    return f"ssh://{found['host']}/{found['path'].lstrip('/')}" if found is not None and "@" in remote else None


def _kept(folder: str) -> dict[str, SourceEntry]:
    """Return what git keeps below a folder, by path; what is in conflict has no identifier."""
    listed = _git(folder, "ls-files", "--stage", "-z", "--", ".") or ""
    kept: dict[str, SourceEntry] = {}
    for line in filter(None, listed.split("\0")):
        about, _, path = line.partition("\t")
        mode, identifier, stage = about.split(" ")
        kept[path] = SourceEntry(mode, identifier if stage == "0" else "")
    return kept


def _changed(folder: str, prefix: str) -> dict[str, bool] | None:
    """Return the kept files that are not as committed, and whether each also differs from what git keeps."""
    told = _git(
        folder,
        "status",
        "--porcelain=v2",
        "-z",
        "--untracked-files=no",
        "--no-renames",
        "--ignore-submodules=all",
        "--",
        ".",
    )
    if told is None:
        return None
    changed = {}
    for line in filter(None, told.split("\0")):
        kind, about, *rest = line.split(" ")
        fields = {"1": 6, "u": 8}.get(kind)
        if fields is not None:
            path = " ".join(rest[fields:]).removeprefix(prefix)
            changed[path] = kind == "u" or about[1] != "."
    return changed


def _keeps_all(folder: str, kept: Mapping[str, SourceEntry], sources: Iterable[str]) -> bool:
    here = [path for path in sources if os.path.isfile(path)]
    outside = [path for path in here if os.path.relpath(os.path.abspath(path), folder) not in kept]
    return not outside or _git(folder, "ls-files", "--error-unmatch", "--", *outside) is not None


def _as_it_stands(folder: str, kept: Mapping[str, SourceEntry], changed: Mapping[str, bool]) -> Plain:
    """Return the SWHID of the kept files as they stand, and the digest of what is not committed."""
    to_read = [path for path, on_disk in changed.items() if on_disk]
    size = sum(os.lstat(place).st_size for path in to_read if os.path.lexists(place := os.path.join(folder, path)))
    if size > LARGEST_CHANGE:
        return {
            "swhid_missing": f"more than {LARGEST_CHANGE // 1_000_000} MB of changed files lay there when it started"
        }
    facts: Plain = {}
    if changed and (diff := _git_bytes(folder, *DIFF)) is not None:
        facts["diff"] = f"sha256:{hashlib.sha256(diff).hexdigest()}"
    if any(len(entry.id) not in (0, _SHA1) for entry in kept.values()):
        return {**facts, "swhid_missing": "the repository names its files by SHA-256, a SWHID by SHA-1"}
    entries = dict(kept)
    for path in to_read:
        entries.pop(path, None)
        if os.path.lexists(os.path.join(folder, path)):
            entries[path] = read_entry(Path(folder) / path)
    return {**facts, "swhid": directory_swhid(entries)}


def _git(folder: str, *arguments: str) -> str | None:
    answer = _git_bytes(folder, *arguments)
    return None if answer is None else os.fsdecode(answer)


def _git_bytes(folder: str, *arguments: str) -> bytes | None:
    try:
        # Without optional locks git refreshes nothing on disk: somebody may be committing just now.
        command = ["git", "--no-optional-locks", "-C", folder, *arguments]
        answer = subprocess.run(command, capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout if answer.returncode == 0 else None
