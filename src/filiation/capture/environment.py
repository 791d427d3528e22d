"""What something was made with and by: the interpreter, the person."""

from __future__ import annotations

import platform

from filiation.capture.live_job import Plain
from filiation.capture.place import Settings


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


def python_facts() -> Plain:
    """Describe the interpreter as software."""
    version = platform.python_version()
    return {"name": platform.python_implementation(), "version": version, "purl": f"pkg:generic/python@{version}"}
