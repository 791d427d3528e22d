"""What the pages say, in the reader's language.

Texts are written in English in templates (``{% trans %}``) and in code (``_("…")``). Translations are read from
``locale/<language>/LC_MESSAGES/filiation.po`` at the start. A text without one is shown in English.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from babel.messages.pofile import read_po

from filiation.model.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from babel.messages.catalog import Catalog

ENGLISH: Final = "en"
_language: ContextVar[str] = ContextVar("language", default=ENGLISH)


def speak(language: str) -> None:
    """Say everything in this language from now on, in this request."""
    _language.set(language)


def language() -> str:
    """Return the language of this request."""
    return _language.get()


def gettext(text: str) -> str:
    """Translate a text."""
    catalog = _translations(language())
    message = None if catalog is None else catalog.get(text)
    return message.string if message is not None and isinstance(message.string, str) and message.string else text


def ngettext(one: str, several: str, count: int) -> str:
    """Translate a text that depends on a number."""
    catalog = _translations(language())
    message = None if catalog is None else catalog.get(one)
    if catalog is None or message is None or not isinstance(message.string, tuple | list) or not all(message.string):
        return one if count == 1 else several
    return message.string[_plural(language(), count)]


def _(text: str, /, **values: object) -> str:
    """Translate a text, then put the values in."""
    said = gettext(text)
    return said % values if values else said


def said(text: str) -> str:
    """Say a sentence of another room in the reader's language; what is no sentence of ours stays as it is."""
    return text.translated(gettext) if isinstance(text, Sentence) else text


def best_language(asked: str, spoken: Iterable[str]) -> str | None:
    """Return the language that an ``Accept-Language`` header (RFC 9110, section 12.5.4) likes best of those spoken.

    >>> best_language("fr-CH, fr;q=0.9, en;q=0.8", ("en", "fr"))
    'fr'
    >>> best_language("de", ("en", "fr"))
    """
    known = tuple(spoken)
    liked = []
    for place, part in enumerate(asked.split(",")[:20]):
        name, _sep, weight = part.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=")) if weight.strip() else 1.0
        except ValueError:
            continue
        liked.append((-quality, place, name.strip().lower().partition("-")[0]))
    return next((name for quality, _, name in sorted(liked) if quality < 0 and name in known), None)


def _plural(name: str, count: int) -> int:
    """Return which form a number takes: French, unlike English, says 0 in the singular."""
    return int(count > 1) if name == "fr" else int(count != 1)


@cache
def _translations(name: str) -> Catalog | None:
    place = files("filiation.web").joinpath(f"locale/{name}/LC_MESSAGES/filiation.po")
    if name == ENGLISH or not place.is_file():
        return None
    with place.open("rb") as file:
        return read_po(file, locale=name)
