"""Sentences that remember how they were put together, so that they can be said in another language later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Self


class Sentence(str):
    """A sentence in English: a text like any other, which also knows its template and what was put into it.

    Whoever only speaks English prints it. Whoever speaks another language translates the template, and the values that
    are sentences themselves; names, numbers and digests stay as they are.

    Parameters
    ----------
    template
        As of ``str.format``.
    values
        What stands in it, by name; of several things, a tuple, which are written with commas.

    Examples
    --------
    >>> said = Sentence("{thing} is part of {folder}.", thing="zarr.json", folder="raw.zarr")
    >>> said
    'zarr.json is part of raw.zarr.'
    >>> said.translated({"{thing} is part of {folder}.": "{thing} fait partie de {folder}."}.get)
    'zarr.json fait partie de raw.zarr.'
    """

    template: str
    values: Mapping[str, object]

    def __new__(cls, template: str, /, **values: object) -> Self:
        """Put a sentence together."""
        said = super().__new__(cls, template.format(**{name: _shown(value) for name, value in values.items()}))
        said.template, said.values = template, values
        return said

    @classmethod
    def joined(cls, parts: Iterable[str], between: str = " ") -> Self:
        """Put several one after another.

        Parameters
        ----------
        parts
            Sentences, names or values.
        between
            What stands between two.
        """
        named = {f"part{number}": part for number, part in enumerate(parts)}
        return cls("{between}".join(f"{{{name}}}" for name in named), between=between, **named)

    @classmethod
    def term(cls, word: str) -> Self:
        """Take a word for one that has a translation of its own, such as a state or a kind."""
        return cls(word.replace("{", "{{").replace("}", "}}"))

    def __getnewargs_ex__(self) -> tuple[tuple[str], Mapping[str, object]]:
        """Tell how to make it again, in another process."""
        return (self.template,), self.values

    def translated(self, gettext: Callable[[str], str | None]) -> str:
        """Return it in another language.

        Parameters
        ----------
        gettext
            Returns a template in that language; the same, or None, if it knows none.
        """
        values = {name: _translated(value, gettext) for name, value in self.values.items()}
        return (gettext(self.template) or self.template).format(**values)


def said_in(gettext: Callable[[str], str | None]) -> Callable[[str], str]:
    """Return what says sentences in a language, and leaves every other text as it is.

    Parameters
    ----------
    gettext
        As for :meth:`Sentence.translated`.
    """
    return lambda text: text.translated(gettext) if isinstance(text, Sentence) else text


def written(text: object) -> object:
    """Write a text so that another process can read from JSON how it was put together; see :func:`read_written`."""
    if isinstance(text, tuple):
        return [written(each) for each in text]
    if isinstance(text, Sentence):
        return {"template": text.template, "values": {name: written(value) for name, value in text.values.items()}}
    return text if isinstance(text, str | int | float) or text is None else str(text)


def read_written(found: object) -> str:
    """Return the text that :func:`written` wrote."""
    read = _read(found)
    return read if isinstance(read, str) else str(read)


def _read(found: object) -> object:
    if isinstance(found, list):
        return tuple(map(_read, found))
    if isinstance(found, dict):
        return Sentence(str(found["template"]), **{name: _read(value) for name, value in found["values"].items()})
    return found


AND: Final = Sentence(" and ")
"""Between things of which all are meant."""
COLON: Final = Sentence(": ")
"""Between a word and what is told of it."""
OR: Final = Sentence(" or ")
"""Between things of which one is meant."""


def _shown(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value


def _translated(value: object, gettext: Callable[[str], str | None]) -> object:
    if isinstance(value, tuple):
        return ", ".join(str(_translated(each, gettext)) for each in value)
    return value.translated(gettext) if isinstance(value, Sentence) else value
