"""Names that others gave: ORCID, ROR, DOI, SPDX identifiers, web addresses; each looked at before it is believed."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote, urlsplit

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

_ORCID: Final = re.compile(r"(?:(?:https?://)?(?:www\.)?orcid\.org/)?(\d{4}-?\d{4}-?\d{4}-?\d{3}[\dXx])/?")
_ROR: Final = re.compile(r"(?:(?:https?://)?ror\.org/)?(0[0-9a-hj-km-np-tv-z]{6}\d{2})/?", re.IGNORECASE)
_DOI: Final = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:\s*)?(10\.\d{4,9}/\S+)", re.IGNORECASE)
_ARXIV: Final = re.compile(r"(?:https?://arxiv\.org/abs/|arxiv:)(\d{4}\.\d{4,5}(?:v\d+)?)", re.IGNORECASE)
_SWHID: Final = re.compile(r"swh:1:(?:cnt|dir|rev|rel|snp):[0-9a-f]{40}(?:;\S*)?")
_BASE_32: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_CREATIVE_COMMONS: Final = re.compile(
    r"(?:https?://(?:www\.)?creativecommons\.org/licenses/|cc[ -])(?P<terms>by(?:-nc)?(?:-(?:sa|nd))?)[ /-]"
    r"(?P<version>[1-4]\.\d)(?:/(?:legalcode|deed)?(?:\.[\w-]+)?)?",
    re.IGNORECASE,
)
_CC0: Final = re.compile(
    r"https?://(?:www\.)?creativecommons\.org/publicdomain/zero/1\.0(?:/(?:legalcode|deed)?(?:\.[\w-]+)?)?"
    r"|cc0(?:[ -]1\.0)?",
    re.IGNORECASE,
)
_SPDX_ADDRESS: Final = re.compile(r"https?://(?:www\.)?spdx\.org/licenses/([\w.+-]+?)(?:\.html|\.json(?:ld)?)?/?")
_OPEN_SOURCE: Final = re.compile(r"https?://(?:www\.)?opensource\.org/licenses?/([\w.+-]+?)(?:\.html|\.php)?/?", re.I)
# Addresses that no rule gives an identifier of.
_ADDRESSES: Final = {
    "apache.org/licenses/license-2.0": "Apache-2.0",
    "opendatacommons.org/licenses/by/1-0": "ODC-By-1.0",
    "opendatacommons.org/licenses/odbl/1-0": "ODbL-1.0",
    "opendatacommons.org/licenses/pddl/1-0": "PDDL-1.0",
    "mozilla.org/en-us/mpl/2.0": "MPL-2.0",
}


def orcid_of(text: str) -> str | None:
    """Return an ORCID as its address, if its check digit is right (ISO/IEC 7064, MOD 11-2).

    >>> orcid_of("0000-0002-1825-0097"), orcid_of("https://orcid.org/0000-0002-1825-0098")
    ('https://orcid.org/0000-0002-1825-0097', None)
    """
    found = _ORCID.fullmatch(text.strip())
    if found is None:
        return None
    digits = found[1].replace("-", "").upper()
    total = 0
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2 % 11
    if "0123456789X"[(12 - total) % 11] != digits[-1]:
        return None
    return "https://orcid.org/" + "-".join(digits[start : start + 4] for start in range(0, 16, 4))


def ror_of(text: str) -> str | None:
    """Return a ROR as its address, if its two check digits are right (ISO/IEC 7064, MOD 97-10).

    >>> ror_of("ror.org/05dxps055"), ror_of("https://ror.org/05dxps056")
    ('https://ror.org/05dxps055', None)
    """
    found = _ROR.fullmatch(text.strip())
    if found is None:
        return None
    digits = found[1].lower()
    number = 0
    for letter in digits[1:7]:
        number = number * 32 + _BASE_32.index(letter)
    return f"https://ror.org/{digits}" if f"{98 - number * 100 % 97:02d}" == digits[7:] else None


def doi_of(text: str) -> str | None:
    """Return a DOI without its resolver, in lower case since DOIs are one whatever their case.

    >>> doi_of("https://doi.org/10.5281/ZENODO.123"), doi_of("doi:10.1093/bioinformatics/bts480"), doi_of("10.5")
    ('10.5281/zenodo.123', '10.1093/bioinformatics/bts480', None)
    """
    found = _DOI.fullmatch(text.strip())
    return None if found is None else unquote(found[1]).lower()


def address_of(text: str) -> str | None:
    """Return a web address without anybody's password; None for anything else, ``javascript:`` among it.

    >>> address_of("https://ada:secret@example.org/a"), address_of("javascript:alert(1)"), address_of("http:nowhere")
    ('https://example.org/a', None, None)
    """
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or re.search(r"[\s<>\"{}|\\^`\x00-\x1f\x7f]", text.strip()):
        return None
    if parts.username is None and parts.password is None:
        return text.strip()
    place = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    return parts._replace(netloc=place).geturl()


def identified(text: str) -> tuple[str, str] | None:
    """Return an identifier with its scheme, as DataCite's relatedIdentifierType calls it; None if it is none.

    >>> identified("https://doi.org/10.1000/1"), identified("swh:1:dir:" + "0" * 40)[1], identified("#local")
    (('10.1000/1', 'DOI'), 'SWHID', None)
    """
    if doi := doi_of(text):
        return doi, "DOI"
    if found := _ARXIV.fullmatch(text.strip()):
        return f"arXiv:{found[1]}", "arXiv"
    if found := _SWHID.fullmatch(text.strip()):
        return found[0], "SWHID"
    if address := address_of(text):
        return address, "URL"
    return None


def spdx_of(text: str) -> str | None:
    """Return the SPDX identifier of a licence by its address or its name, if SPDX lists it.

    >>> spdx_of("https://creativecommons.org/licenses/by/4.0/"), spdx_of("CC BY-NC 4.0"), spdx_of("bsd-3-clause")
    ('CC-BY-4.0', 'CC-BY-NC-4.0', 'BSD-3-Clause')
    >>> spdx_of("https://spdx.org/licenses/MIT.html"), spdx_of("ask Ada")
    ('MIT', None)
    """
    plain = text.strip()
    if _CC0.fullmatch(plain):
        return "CC0-1.0"
    if found := _CREATIVE_COMMONS.fullmatch(plain):
        return _listed(f"CC-{found['terms']}-{found['version']}")
    for pattern in (_SPDX_ADDRESS, _OPEN_SOURCE):
        if found := pattern.fullmatch(plain):
            return _listed(found[1])
    key = re.sub(r"^https?://(?:www\.)?", "", plain.lower()).rstrip("/").removesuffix(".html").removesuffix(".txt")
    return _ADDRESSES.get(key) or _listed(plain)


def _listed(text: str) -> str | None:
    if not re.fullmatch(r"[A-Za-z0-9.+-]+", text) or text.lower().startswith("licenseref-"):
        return None
    try:
        return str(canonicalize_license_expression(text))
    except InvalidLicenseExpression:
        return None
