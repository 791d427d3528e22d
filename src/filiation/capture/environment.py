"""What something was made with and by: software versions, person, repository."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable
from functools import cache

from filiation.capture.live_job import Plain
from filiation.capture.place import Settings

_USER_IN_URL = re.compile(r"(?<=://)[^/@]*@")


def agent_facts(settings: Settings) -> Plain:
    """Describe the person who runs: what they state of themselves, never guessed."""
    facts = {
        "name": settings.name,
        "orcid": settings.orcid,
        "affiliation": settings.affiliation,
        "affiliation_ror": settings.affiliation_ror,
        "license": settings.license,
    }
    return {key: value for key, value in facts.items() if value}


def imported_distributions(modules: Iterable[str] | None = None) -> list[Plain]:
    """List the installed distributions whose modules this process has imported, with version and package URL."""
    names = {name.partition(".")[0] for name in (sys.modules if modules is None else modules)}
    by_module = _distributions_by_module()
    # A distribution installed for editing lists no modules, so one of the module's own name counts too.
    found = sorted({dist for module in names for dist in by_module.get(module) or _of_same_name(module)}, key=str.lower)
    return [distribution_facts(name) for name in found]


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


def distribution_facts(name: str) -> Plain:
    """Describe one installed Python distribution."""
    from importlib.metadata import version

    found = version(name)
    normal = re.sub(r"[-_.]+", "-", name).lower()  # PEP 503, as the purl specification asks for pypi
    return {"name": name, "version": found, "purl": f"pkg:pypi/{normal}@{found}"}


def python_facts() -> Plain:
    """Describe the interpreter as software."""
    version = platform.python_version()
    return {"name": platform.python_implementation(), "version": version, "purl": f"pkg:generic/python@{version}"}


def repository_facts(main: str, sources: Iterable[str] = ()) -> Plain:
    """Describe the git repository that keeps the workflow: commit, address, whether the workflow was modified.

    Parameters
    ----------
    main
        Path of the main Snakefile. A commit is claimed only if git keeps that file: a workflow that merely lies inside
        somebody's repository, or is ignored there, is not what the commit holds.
    sources
        Paths of the Snakefiles; one that git does not keep counts as a change.
    """
    folder = os.path.dirname(os.path.abspath(main))
    if _git(folder, "ls-files", "--error-unmatch", "--", os.path.abspath(main)) is None:
        return {}
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return {}
    facts: Plain = {"commit": commit}
    # Scripts are not known yet when a run starts, so every kept file beside or below the main Snakefile counts.
    status = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", folder)
    kept = _git(folder, "ls-files", "--error-unmatch", "--", *(path for path in sources if os.path.isfile(path)))
    if status is not None:
        facts["modified"] = bool(status) or kept is None
    remote = _git(folder, "config", "--get", "remote.origin.url")
    if remote and ("://" in remote or "@" in remote) and not remote.startswith("file:"):
        facts["url"] = _USER_IN_URL.sub("", remote)
    return facts


def _git(folder: str, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", folder, *arguments], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
