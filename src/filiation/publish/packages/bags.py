"""A crate as the payload of a bag (BagIt, RFC 8493), as libraries and archives take things in."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filiation.crate import flush_tree
from filiation.errors import MissingExtraError
from filiation.publish.description import Description, describe_crate
from filiation.publish.packages.archives import copy_holdings
from filiation.publish.packages.holdings import holdings_of
from filiation.publish.packages.package import Package, PackageSettings, appearing

if TYPE_CHECKING:
    from types import ModuleType

ALGORITHM: Final = "sha512"


def write_bag(crate: Path, target: Path, settings: PackageSettings) -> Package:
    """Write a bag: the crate in ``data/``, the SHA-512 of every file, and who made it in ``bag-info.txt``.

    Raises
    ------
    MissingExtraError
        If the extra ``export`` is not installed.
    """
    bagit = _library()
    found = holdings_of(crate)
    described = describe_crate(crate, settings.today)
    with appearing(target) as making:
        copy_holdings(found, making, settings.progress)
        bagit.make_bag(str(making), bag_info=_information(described, settings), checksums=[ALGORITHM])
        flush_tree(making)
    lost = (f"{len(found.empty)} empty folders are not listed: a bag lists files.",) if found.empty else ()
    return Package(target, "bagit", len(found.files), found.size, (*found.remarks(), *lost))


def _information(described: Description, settings: PackageSettings) -> dict[str, str | list[str]]:
    """Return what the bag says of itself, with the names that RFC 8493 (2.2.2) reserves."""
    day = settings.today or datetime.now(UTC).date()
    told: dict[str, str | list[str]] = {
        "Bag-Software-Agent": f"filiation {version('filiation')}",
        "Bagging-Date": day.isoformat(),
        "External-Description": _line(described.description or described.title),
        "External-Identifier": described.identifier or "",
        "Source-Organization": described.publisher.name if described.publisher else "",
        "Contact-Name": [person.name for person in described.creators],
        "Contact-Email": settings.contact or "",
    }
    return {name: value for name, value in told.items() if value}


def _line(text: str) -> str:
    return " ".join(text.split())


def _library() -> ModuleType:
    try:
        import bagit
    except ImportError as error:
        raise MissingExtraError("Bags need the extra 'export': pip install 'filiation[export]'") from error
    return bagit  # type: ignore[no-any-return]
