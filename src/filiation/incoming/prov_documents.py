"""PROV documents, read: PROV-JSON, PROV-JSONLD, PROV-N and PROV-XML through ``prov``, PROV-O in any RDF as RDF.

Whoever wrote them: nothing they name is fetched or opened, and what cannot be read ends in one message.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from filiation.catalogue.crate_on_disk import METADATA
from filiation.catalogue.oxigraph import CrateTerms, parse_json_ld, parse_turtle
from filiation.catalogue.vocabulary import PROV
from filiation.crate.metadata import parse_json
from filiation.errors import InvalidCrateError
from filiation.incoming.account import Account
from filiation.incoming.history import History
from filiation.incoming.prov_records import tell_records
from filiation.incoming.prov_triples import BASE, tell_triples
from filiation.incoming.recognition import Form

MOST_BYTES: Final = 64 << 20
"""Documents of more are not read: a description of so many things is a crate's."""

# PROV-JSON, section 2: what a document's object, and a bundle's, may hold.
_PROV_JSON: Final = frozenset(
    (
        *(
            "prefix",
            "bundle",
            "entity",
            "activity",
            "agent",
            "used",
            "wasGeneratedBy",
            "wasInformedBy",
            "wasDerivedFrom",
        ),
        *("wasStartedBy", "wasEndedBy", "wasInvalidatedBy", "wasAttributedTo", "wasAssociatedWith", "actedOnBehalfOf"),
        *("wasInfluencedBy", "specializationOf", "alternateOf", "hadMember", "mentionOf"),
    )
)
_JSONLD_CONTEXT: Final = "openprovenance.org/prov-jsonld/context.jsonld"
_XML_HEAD: Final = re.compile(r"\s*<\?xml\b[^>]*?\?>", re.DOTALL)
_XML_ENCODING: Final = re.compile(r"encoding\s*=\s*[\"'](?!(?:utf-?8|us-ascii|ascii)[\"'])([^\"']*)", re.IGNORECASE)


def is_prov_json(document: object) -> bool:
    """Whether a JSON document is PROV-JSON: it holds nothing but what such a document may, and something of it."""
    return isinstance(document, dict) and bool(document) and document.keys() <= _PROV_JSON


def is_prov(document: object) -> bool:
    """Whether a JSON document is a PROV document, in any of the ways to write one in JSON."""
    return is_prov_json(document) or is_prov_jsonld(document) or is_prov_o(document)


def is_prov_jsonld(document: object) -> bool:
    """Whether a JSON document says that it is PROV-JSONLD: it names that context (W3C member submission of 2024)."""
    return isinstance(document, dict) and _JSONLD_CONTEXT in json.dumps(document.get("@context"))


def is_prov_o(document: object) -> bool:
    """Whether a JSON document is PROV-O in JSON-LD: no crate's metadata, and something in it is called by PROV's names.

    Of a context that it names by its address nothing is known, so only documents that bring theirs are meant.
    """
    if isinstance(document, dict) and ("@graph" not in document or METADATA in json.dumps(document)):
        return False
    return isinstance(document, dict | list) and f'"{PROV}' in json.dumps(document)


def read_prov(path: Path, form: Form) -> History:
    """Read a PROV document.

    Raises
    ------
    InvalidCrateError
        If it cannot be read, is larger than :data:`MOST_BYTES`, or tells of nothing.
    """
    text = read_text(path)
    account = Account()
    document = parse_json(text) if form is Form.JSON else None
    if form is Form.TURTLE:
        notation = "PROV-O"
        tell_triples(account, parse_turtle(path, text, BASE))
    elif form is Form.PROV_N:
        notation = "PROV-N"
        tell_records(account, path, text, "provn")
    elif form is Form.PROV_XML:
        notation = "PROV-XML"
        tell_records(account, path, _plain_xml(path, text), "xml")
    elif is_prov_json(document):
        notation = "PROV-JSON"
        tell_records(account, path, text, "json")
    elif is_prov_jsonld(document):
        notation = "PROV-JSONLD"
        tell_records(account, path, text, "jsonld")
    elif not is_prov_o(document):
        raise InvalidCrateError(f"{path} is JSON, but neither a crate's metadata nor PROV.")
    else:
        notation = "PROV-O"
        tell_triples(account, list(parse_json_ld([text.encode("utf-8")], CrateTerms(BASE))))
    if account.is_empty:
        raise InvalidCrateError(f"{path} is {notation}, but tells of no entity and no activity.")
    return account.history(path.stem[:100], notation)


def read_text(path: Path) -> str:
    """Read a document's text.

    Raises
    ------
    InvalidCrateError
        If it is too large, or no UTF-8 text.
    """
    if (size := path.stat().st_size) > MOST_BYTES:
        raise InvalidCrateError(f"{path} has {size} bytes; of PROV documents at most {MOST_BYTES} are read.")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidCrateError(f"{path} is not UTF-8 text: byte {error.start} is wrong.") from error


def _plain_xml(path: Path, text: str) -> str:
    """Return XML without its declaration, if nothing in it can expand, be fetched, or be read as another text.

    What a document type may declare (entities that grow or name files) PROV-XML has no use for, so it is not read at
    all; nor are encodings in which it could hide.
    """
    head = _XML_HEAD.match(text)
    if head is not None and (other := _XML_ENCODING.search(head[0])):
        raise InvalidCrateError(f"{path} says that it is written in {other[1][:40]!r}; only UTF-8 is read.")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InvalidCrateError(f"{path} is XML that declares a document type or entities. PROV-XML has no such.")
    return text[head.end() :] if head is not None else text
