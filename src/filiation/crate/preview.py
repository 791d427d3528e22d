"""``ro-crate-preview.html``: a crate for a person's browser, safe whoever wrote the crate.

Every value is shown as text: nothing in a crate becomes markup, script or style. Only ``https`` and ``http`` addresses
and files inside the crate become links. The page loads nothing and says so to the browser by a content security policy.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_to_bytes, urlsplit

from jinja2 import DictLoader, Environment, StrictUndefined

from filiation.crate.metadata import METADATA_FILE, escape_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREVIEW_FILE = "ro-crate-preview.html"

# A browser is no place for more; the metadata file has them all.
_MOST_ENTITIES = 2000
_ACTIONS = frozenset({"CreateAction", "ActivateAction", "UpdateAction"})


@dataclass(frozen=True, slots=True)
class Shown:
    """A value as text, and where a click on it leads, if anywhere."""

    text: str
    link: str | None = None


def render_preview(document: Mapping[str, Any], answer: str | None = None, **values: object) -> str:
    """Return the HTML page for a crate's metadata.

    Parameters
    ----------
    document
        The metadata, as :func:`filiation.crate.metadata.read_metadata` returns it.
    answer
        A template that extends ``page`` by what stands before everything else; its values are escaped like all others.
    values
        What the template asks for.
    """
    everything = [entity for entity in document["@graph"] if entity.get("@id") not in (None, METADATA_FILE)]
    entities = everything[:_MOST_ENTITIES]
    page = _Page(entities)
    root: Mapping[str, Any] = next((entity for entity in entities if entity["@id"] == "./"), {})
    room = files("filiation.crate")
    style = room.joinpath("preview.css").read_text(encoding="utf-8")
    templates = {"page": room.joinpath("preview.html.jinja").read_text(encoding="utf-8")}
    if answer is not None:
        templates["answer"] = answer
    environment = Environment(
        loader=DictLoader(templates), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.get_template("page" if answer is None else "answer")
    return template.render(
        **values,
        title=_text(root.get("name")) or "A research object crate",
        description=_text(root.get("description")),
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii"),
        actions=[page.action(entity) for entity in entities if _ACTIONS & set(_types(entity))],
        entities=[page.entity(entity) for entity in entities],
        left_out=len(everything) - len(entities),
        metadata=METADATA_FILE,
    )


class _Page:
    """Turns entities into rows; knows which identifiers are on the page."""

    def __init__(self, entities: Iterable[Mapping[str, Any]]) -> None:
        self._anchors = {entity["@id"]: (f"e{number}", entity) for number, entity in enumerate(entities)}

    def entity(self, entity: Mapping[str, Any]) -> dict[str, Any]:
        """Return name, anchor, types and properties of an entity."""
        identifier = entity["@id"]
        return {
            "anchor": self._anchors[identifier][0],
            "name": _text(entity.get("name")) or identifier,
            "types": ", ".join(_types(entity)),
            "identifier": Shown(identifier, _address(identifier, _types(entity))),
            "properties": [
                (key, [self._shown(value) for value in _listed(values)])
                for key, values in entity.items()
                if key not in ("@id", "@type", "name")
            ],
        }

    def action(self, entity: Mapping[str, Any]) -> dict[str, Any]:
        """Return one row of the table of actions."""
        status = _text(entity.get("actionStatus")).rpartition("/")[2].removesuffix("ActionStatus")
        return {
            "anchor": self._anchors[entity["@id"]][0],
            "name": _text(entity.get("name")) or entity["@id"],
            "status": status or "Completed",
            "failed": status == "Failed",
            "start": _text(entity.get("startTime")),
            "end": _text(entity.get("endTime")),
            "used": [self._shown(value) for value in _listed(entity.get("object", []))],
            "made": [self._shown(value) for value in _listed(entity.get("result", []))],
        }

    def _shown(self, value: object) -> Shown:
        if isinstance(value, dict) and isinstance(value.get("@id"), str):
            identifier = value["@id"]
            if identifier in self._anchors:
                anchor, entity = self._anchors[identifier]
                return Shown(_text(entity.get("name")) or identifier, f"#{anchor}")
            return Shown(identifier, _address(identifier, ()))
        text = _text(value)
        return Shown(text, _address(text, ()))


def _address(identifier: str, types: Iterable[str]) -> str | None:
    """Return where a link may lead: the web, or a file inside the crate."""
    if not identifier.isprintable():
        return None
    try:
        scheme = urlsplit(identifier).scheme
    except ValueError:
        return None
    if scheme in ("https", "http") and identifier.lower().startswith(f"{scheme}://"):
        return identifier
    inside = {"File", "Dataset"} & set(types) and not scheme and not identifier.startswith("#")
    if not inside or escape_of(identifier):
        return None
    return "./" + quote(unquote_to_bytes(identifier.removeprefix("./")), safe="/")


def _types(entity: Mapping[str, Any]) -> list[str]:
    return [str(kind) for kind in _listed(entity.get("@type", []))]


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return _text(value.get("@id", value.get("@value", str(value))))
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value)
    return str(value).encode("utf-8", "replace").decode("utf-8")  # a lone surrogate is no text for a page
