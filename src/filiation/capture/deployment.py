"""What was deployed for a run's jobs: the packages of conda environments, the images of containers.

Read when the run is packed, from what the deployment left on disk: conda keeps a record of each installed package
in ``conda-meta``. What changed after the run is not what its jobs ran in, and is told instead of being recorded.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.parser import HeaderParser
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from filiation.capture.distributions import origin_of
from filiation.capture.journal import Event
from filiation.digest import DigestCache, digest_file
from filiation.errors import BadInputError, FiliationError
from filiation.model import CondaEnvironment, Digest, DigestKind, Software

_USER = re.compile(r"(?<=://)[^/@]*@")
_TOKEN = re.compile(r"/t/[^/]+(?=/)")
_NOT_A_PAIR = re.compile(r"[^\w.!+-]")


@dataclass(frozen=True, slots=True)
class Deployed:
    """What was found of what a run's jobs ran in.

    Parameters
    ----------
    conda
        Environments, by their folder as the journal names it.
    images
        Digest of each container image file, by its path as the journal names it.
    beside
        Files beside a conda environment file that belong to it, by its path: ``pin`` and ``post_deploy``.
    locks
        Explicit lists of the environments, by their SHA-256 in hexadecimal.
    problems
        Sentences on what could not be read.
    """

    conda: Mapping[str, CondaEnvironment] = field(default_factory=dict)
    images: Mapping[str, Digest] = field(default_factory=dict)
    beside: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    locks: Mapping[str, bytes] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def read_deployed(events: Sequence[Event], folder: Path, cache: DigestCache | None = None) -> Deployed:
    """Read what was deployed for a run.

    Parameters
    ----------
    events
        The run's journal.
    folder
        The run's folder, which relative paths are in.
    cache
        Digests of files that have not changed since they were last read.
    """
    start = events[0].data
    # The run may have been on another machine than this one.
    platform = conda_platform(str(start.get("machine", {}).get("platform") or start.get("platform") or ""))
    jobs = [event.data for event in events if event.kind == "job_started"]
    last = max(event.time for event in events)
    conda: dict[str, CondaEnvironment] = {}
    images: dict[str, Digest] = {}
    locks: dict[str, bytes] = {}
    problems: list[str] = []
    for prefix in sorted({str(job["conda_prefix"]) for job in jobs if job.get("conda_prefix")}):
        try:
            conda[prefix], lock = read_conda_environment(_prefix(prefix, folder), last)
            locks[conda[prefix].lock.hex] = lock
        except (FiliationError, OSError) as error:
            problems.append(f"The packages of the conda environment {prefix} were not captured: {error}")
    for image in sorted({str(job["container_file"]) for job in jobs if job.get("container_file")}):
        try:
            images[image] = _image_digest(folder / image, last, cache)
        except (FiliationError, OSError) as error:
            problems.append(f"The digest of the container image {image} was not captured: {error}")
    files = {str(job["conda"]) for job in jobs if job.get("conda") and "://" not in str(job["conda"])}
    beside = {path: found for path in sorted(files) if (found := _beside(folder, path, platform))}
    return Deployed(conda, images, beside, locks, tuple(problems))


def read_conda_environment(prefix: Path, before: datetime | None = None) -> tuple[CondaEnvironment, bytes]:
    """Return a conda environment and its explicit list, from which conda can make it again.

    The list is ``@EXPLICIT``, then the address of each package with its SHA-256 (or MD5, where conda recorded no other)
    after ``#``, sorted; then, as comments, what pip installed. Addresses are without users and tokens.

    Parameters
    ----------
    prefix
        The environment's folder.
    before
        An environment that changed later is not read.

    Raises
    ------
    BadInputError
        If there is no environment, it cannot be read, or it changed later.
    """
    records = sorted((prefix / "conda-meta").glob("*.json"))
    if not records:
        raise BadInputError(f"{prefix} is no conda environment on this machine: it has no conda-meta/*.json.")
    changed = max(path.stat().st_mtime for path in (prefix / "conda-meta", *records))
    if before is not None and datetime.fromtimestamp(changed, UTC) > before:
        raise BadInputError(f"{prefix} changed after the run.")
    try:
        found = [_conda_package(json.loads(path.read_bytes())) for path in records]
    except (ValueError, KeyError, TypeError) as error:
        raise BadInputError(f"{prefix}/conda-meta cannot be read ({type(error).__name__}: {error}).") from error
    pip = sorted(_pip_packages(prefix))
    comments = [f"# pip {software.name} {software.origin or software.version}" for software in pip]
    text = "\n".join(["@EXPLICIT", *sorted(line for line, _ in found), *comments]) + "\n"
    lock = text.encode("utf-8", "backslashreplace")
    packages = sorted({*(software for _, software in found), *pip}, key=lambda each: (each.name, each.purl or ""))
    return CondaEnvironment(
        str(prefix), Digest(DigestKind.FILE, hashlib.sha256(lock).hexdigest()), tuple(packages)
    ), lock


def conda_platform(told: str) -> str:
    """Return conda's name of a platform, as in the names of pin files, of what ``platform.platform()`` says.

    >>> conda_platform("Linux-6.1.0-x86_64-with-glibc2.36"), conda_platform("macOS-14.5-arm64-arm-64bit")
    ('linux-64', 'osx-arm64')
    """
    words = told.split("-")
    system = {"macOS": "osx", "Darwin": "osx", "Windows": "win"}.get(words[0], words[0].lower())
    processor = next((word for word in words if word in _PROCESSORS), "x86_64")
    return f"{system}-{_PROCESSORS[processor]}"


_PROCESSORS = {
    "x86_64": "64", "AMD64": "64", "i686": "32", "aarch64": "aarch64", "arm64": "arm64", "ppc64le": "ppc64le",
    "s390x": "s390x",
}  # fmt: skip


def _conda_package(record: Mapping[str, Any]) -> tuple[str, Software]:
    name, version = str(record["name"]), str(record["version"])
    url = _TOKEN.sub("", _USER.sub("", str(record.get("url") or record.get("fn") or f"{name}-{version}")))
    mark = record.get("sha256") or record.get("md5")
    build = str(record.get("build") or record.get("build_string") or "")
    subdir = str(record.get("subdir") or "")
    channel = urlsplit(url).path.rpartition(f"/{subdir}/")[0].strip("/") if subdir else ""
    pairs = {"build": build, "channel": channel, "subdir": subdir}
    qualifiers = "&".join(f"{key}={quote(value, safe='')}" for key, value in pairs.items() if value)
    purl = f"pkg:conda/{quote(name, safe='')}@{quote(version, safe='')}" + (f"?{qualifiers}" if qualifiers else "")
    kind = "sha256:" if record.get("sha256") else ""
    return f"{url}#{kind}{mark}" if mark else url, Software(name, version, purl, origin=url)


def _pip_packages(prefix: Path) -> Iterable[Software]:
    """Yield what pip installed into an environment: distributions of Python that no conda package brought."""
    for info in prefix.glob("lib/python3*/site-packages/*.dist-info"):
        try:
            installer = (info / "INSTALLER").read_text("utf-8").strip()
            about = HeaderParser().parsestr((info / "METADATA").read_text("utf-8", "replace"), headersonly=True)
        except (OSError, UnicodeDecodeError):
            continue
        name, version = about["Name"], about["Version"]
        if installer == "conda" or not name or not version or _NOT_A_PAIR.search(name + version):
            continue
        direct = info / "direct_url.json"
        origin = origin_of(direct.read_text("utf-8", "replace")) if direct.is_file() else None
        normal = re.sub(r"[-_.]+", "-", name).lower()
        yield Software(name, version, f"pkg:pypi/{normal}@{version}", origin=origin)


def _prefix(named: str, folder: Path) -> Path:
    """Return the folder of an environment; one that goes by its name is looked up where conda lists its environments.

    Raises
    ------
    BadInputError
        If no or more than one environment of that name is listed.
    """
    if os.sep in named:
        return folder / named
    listed = Path.home() / ".conda" / "environments.txt"
    lines = listed.read_text("utf-8", "replace").splitlines() if listed.is_file() else []
    found = sorted({line for line in lines if Path(line).name == named and Path(line).is_dir()})
    if len(found) != 1:
        raise BadInputError(f"{listed} lists {len(found) or 'no'} environments called {named!r}; expected one.")
    return Path(found[0])


def _image_digest(image: Path, before: datetime, cache: DigestCache | None) -> Digest:
    if not image.is_file():
        raise BadInputError(f"{image} is no file on this machine.")
    if datetime.fromtimestamp(image.stat().st_mtime, UTC) > before:
        raise BadInputError(f"{image} changed after the run.")
    return digest_file(image, cache=cache)


def _beside(folder: Path, path: str, platform: str) -> dict[str, str]:
    """Return the files that Snakemake takes along with an environment file, by its documentation of "Freezing"."""
    stem, ending = os.path.splitext(path)
    if ending not in (".yaml", ".yml"):
        return {}
    names = {"pin": f"{stem}.{platform}.pin.txt", "post_deploy": f"{stem}.post-deploy.sh"}
    return {what: name for what, name in names.items() if (folder / name).is_file()}
