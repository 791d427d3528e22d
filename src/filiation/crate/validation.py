"""Whether a crate is what it claims to be: the profiles' own checks, run offline.

The checks are those of roc-validator. It fetches contexts and asks web addresses whether they are there; here it is
given the bundled contexts as the only web there is.
"""

from __future__ import annotations

import io
import json
import logging
import tempfile
import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filiation.crate.contexts import CONTEXT_URLS, context_document, inline
from filiation.crate.jsonld import ids
from filiation.crate.metadata import METADATA_FILE, read_metadata, refuse_escapes
from filiation.digest import digest_file
from filiation.errors import BadInputError, InvalidCrateError
from filiation.model import decode_path, is_uri

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# The validator keeps its web session in one object for the whole process.
_one_at_a_time = threading.Lock()
_NOT_THERE = ("Main Workflow {} not found in crate", "Web-based Data Entity {} is not available")


class Severity(StrEnum):
    """How much a profile insists: MUST, SHOULD, MAY."""

    REQUIRED = "required"
    RECOMMENDED = "recommended"
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing in a crate that is not as the profile says.

    Parameters
    ----------
    severity
        Whether the profile requires, recommends or merely offers it.
    check
        The check's name in roc-validator, such as ``ro-crate-1.1_12.1``.
    entity
        ``@id`` of the entity, as the crate writes it; empty where the whole crate is meant.
    message
        What is wrong, in the validator's words.
    """

    severity: Severity
    check: str
    entity: str
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks of a profile say about a crate.

    Parameters
    ----------
    profile
        The profile and its version, such as ``provenance-run-crate-0.5``.
    severity
        The least severity that was checked.
    checks
        How many checks ran, those of the profiles beneath included.
    issues
        All issues, the severe ones first, then by check and entity.
    """

    profile: str
    severity: Severity
    checks: int
    issues: tuple[Issue, ...]

    @property
    def valid(self) -> bool:
        """Whether everything that the profile requires holds."""
        return not self.count(Severity.REQUIRED)

    def count(self, severity: Severity) -> int:
        """Return how many issues of a severity there are: one for each entity and check."""
        return sum(issue.severity is severity for issue in self.issues)

    @property
    def findings(self) -> tuple[tuple[Issue, tuple[str, ...]], ...]:
        """The issues with one representative for each check and message, and the entities it was found at."""
        entities: dict[tuple[Severity, str, str], list[Issue]] = {}
        for issue in self.issues:
            entities.setdefault((issue.severity, issue.check, issue.message), []).append(issue)
        return tuple((found[0], tuple(issue.entity for issue in found if issue.entity)) for found in entities.values())

    def __str__(self) -> str:
        levels = list(Severity)[: list(Severity).index(self.severity) + 1]
        counts = ", ".join(self._counted(level) for level in levels)
        return f"{'valid' if self.valid else 'not valid'} as {self.profile} ({self.checks} checks; findings: {counts})"

    def _counted(self, severity: Severity) -> str:
        kinds, places = sum(issue.severity is severity for issue, _ in self.findings), self.count(severity)
        return f"{kinds} {severity.value}" + (f" in {places} places" if places != kinds else "")

    def to_json(self) -> dict[str, Any]:
        """Return the verdict for a machine: ``valid``, ``profile``, ``checks``, ``counts`` and ``issues``."""
        return {
            "valid": self.valid,
            "profile": self.profile,
            "severity": self.severity.value,
            "checks": self.checks,
            "counts": {severity.value: self.count(severity) for severity in Severity},
            "issues": [
                {
                    "severity": issue.severity.value,
                    "check": issue.check,
                    "entity": issue.entity,
                    "message": issue.message,
                }
                for issue in self.issues
            ],
        }


def validate(
    crate: Path, *, profile: str = "provenance-run-crate", severity: Severity | str = Severity.REQUIRED
) -> Verdict:
    """Check a crate against a profile and every profile that it builds on, without a network.

    Addresses of the web are not asked, so a data entity there counts as not available, unless the crate holds a copy of
    it: a file with its digest that is the ``sameAs`` that address.

    Takes one to two seconds for a small crate; up to half a minute for thousands of entities.

    Parameters
    ----------
    crate
        The crate's folder, or its ``ro-crate-metadata.json``.
    profile
        Name of a profile, with or without version: ``process-run-crate``, ``workflow-run-crate-0.5``, …
    severity
        The least severity to check: ``required``, ``recommended`` or ``optional``.

    Raises
    ------
    InvalidCrateError
        If there is no crate, its metadata is truncated or malformed, names files outside the crate, or needs a context
        that is not bundled. What a profile's checks find is no error but an issue of the verdict.
    BadInputError
        If the profile or the severity is unknown.
    """
    least = _severity(severity)
    document = read_metadata(crate)
    refuse_escapes(document)
    inline(document)  # an unknown context would send the validator to the web, or to a file
    folder = (crate if crate.is_dir() else crate.parent).resolve()
    carried = _carried_addresses(document, folder)
    if not (folder / METADATA_FILE).is_file():
        raise InvalidCrateError(f"{str(crate)!r} is not named {METADATA_FILE}; expected a crate's folder.")
    with _one_at_a_time, tempfile.TemporaryDirectory(prefix="filiation-validate-") as scratch:
        # The validator takes a path for a URI: by this link no name of a folder confuses it.
        link = Path(scratch).resolve() / "crate"
        link.symlink_to(folder)
        with bundled_web_only(Path(scratch) / "web") as cache:
            return _run(link, profile, least, cache, carried)


def _carried_addresses(document: Mapping[str, Any], folder: Path) -> frozenset[str]:
    """Return addresses of which the crate holds the bytes: it names a copy of each, and both by the copy's digest."""
    entities = {entity.get("@id"): entity for entity in document["@graph"]}
    found = set()
    for at, entity in entities.items():
        for address in ids(entity.get("sameAs")):
            digest = entity.get("sha256")
            is_said = digest is not None and digest == entities.get(address, {}).get("sha256")
            place = folder / decode_path(at) if is_said and isinstance(at, str) and not is_uri(at) else None
            if place is not None and place.is_file() and digest_file(place).hex == digest:
                found.add(address)
    return frozenset(found)


def _severity(severity: Severity | str) -> Severity:
    try:
        return Severity(severity)
    except ValueError as error:
        expected = ", ".join(Severity)
        raise BadInputError(f"{severity!r} is not a severity; expected one of {expected}.") from error


def _run(link: Path, profile: str, least: Severity, cache: Path, carried: frozenset[str]) -> Verdict:
    from rocrate_validator import errors, models, services

    settings = {
        "rocrate_uri": str(link),
        "profile_identifier": profile,
        "requirement_severity": models.Severity[least.name],
        "packaging_mode": "attached",
        "offline": True,
        "cache_path": cache,
    }
    try:
        result = services.validate(settings)
    except errors.ProfileNotFound as error:
        known = sorted({found.identifier for found in services.get_profiles()})
        raise BadInputError(f"{profile!r} is not a profile; expected one of {', '.join(known)}.") from error
    except (errors.ROCValidatorError, ValueError, OSError) as error:
        raise InvalidCrateError(
            "The crate cannot be checked: something in its metadata has a form that JSON-LD does not allow. The "
            f"validator stopped with: {str(error).replace(link.as_uri(), '.')}"
        ) from error
    return Verdict(
        profile=result.context.profile_identifier,
        severity=least,
        checks=len(result.executed_checks),
        issues=_issues(result.get_issues(models.Severity[least.name]), base=link.as_uri() + "/", carried=carried),
    )


def _issues(found: list[Any], base: str, carried: frozenset[str]) -> tuple[Issue, ...]:
    # No address is asked here. What the crate holds a copy of is there, whoever asks.
    there = {words.format(address) for address in carried for words in _NOT_THERE}
    issues = {
        Issue(
            severity=Severity[issue.severity.name],
            check=issue.identifier,
            entity=_entity(issue, base),
            message=" ".join((issue.message or "").replace(base, "").split()),
        )
        for issue in found
        if (issue.message or "").strip() not in there
    }
    order = list(Severity)
    return tuple(
        sorted(issues, key=lambda issue: (order.index(issue.severity), issue.check, issue.entity, issue.message))
    )


def _entity(issue: Any, base: str) -> str:
    """Return the @id of the entity that an issue is about; some checks report it as the value of its class."""
    value, entity = str(issue.violatingPropertyValue or ""), str(issue.violatingEntity or "")
    is_class = entity.startswith(("http://schema.org/", "https://bioschemas.org/"))
    place = value if value.startswith(base) or (value and is_class) else entity
    place = place.removeprefix(base)
    return place.removeprefix("./") if place != "./" else place


@contextmanager
def bundled_web_only(cache: Path) -> Iterator[Path]:
    """Make a web cache that holds the bundled contexts, for a validator that is told to ask nothing else."""
    from rocrate_validator.utils.http import HttpRequester

    _seed(cache)
    with warnings.catch_warnings(), _quiet():
        warnings.simplefilter("ignore")  # about the validator's own code: nothing a user could change
        try:
            yield cache
        finally:
            HttpRequester().session.close()


def _seed(cache: Path) -> None:
    import requests_cache
    from requests.adapters import BaseAdapter
    from requests.models import PreparedRequest, Response
    from urllib3 import HTTPResponse

    class Bundle(BaseAdapter):
        """Answer for the web addresses of the bundled contexts."""

        def send(self, request: PreparedRequest, *_: Any, **__: Any) -> Response:
            response = Response()
            response.status_code = 200
            response.url = request.url or ""
            response.request = request
            response.headers["Content-Type"] = "application/ld+json"
            body = io.BytesIO(json.dumps(context_document(response.url)).encode())
            response.raw = HTTPResponse(body, status=200, headers=response.headers, preload_content=False)
            return response

        def close(self) -> None:
            pass

    with requests_cache.CachedSession(
        cache_name=str(cache),
        backend="sqlite",
        expire_after=-1,
        allowable_methods=("GET",),
        allowable_codes=(200, 302, 404),
    ) as session:
        session.mount("https://", Bundle())
        for url in CONTEXT_URLS:
            # The validator asks in two ways, which the cache keeps apart.
            for headers in (None, {"Accept": "application/ld+json, application/json, */*;q=0.1"}):
                session.get(url, headers=headers)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the validator from logging: it prints at the interpreter's exit, and what it found is in its result."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
