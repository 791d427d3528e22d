"""Every text of the pages that is to be translated, gathered from templates and code by Babel.

``python -m tests.web.catalogue_of_texts`` adds what is new to the French catalogue, without a translation, drops what
is not said any more, and lists what is missing.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from filiation.capture.usage import COLUMNS
from filiation.catalogue import GENERATED, PART, SAME_CONTENT, USED
from filiation.catalogue.crate_gaps import KINDS, NO_MAKER, OTHER_BYTES
from filiation.lineage.answers import ANCESTORS, DESCENDANTS, THROUGH
from filiation.lineage.crate_evidence import TOLD
from filiation.lineage.duplicates import AGAIN, COPIED, SAME_LABELS
from filiation.lineage.orphans import UNKNOWN_FILE, UNUSED
from filiation.lineage.questions import questions
from filiation.lineage.staleness import CODE_CHANGED, INHERITED, INPUT, PARAMETERS, SOFTWARE
from filiation.model import EntityKind, Presence, Status
from filiation.web.states import Standing

ROOT: Final = Path(__file__).parents[2]
FRENCH: Final = ROOT / "src" / "filiation" / "web" / "locale" / "fr" / "LC_MESSAGES" / "filiation.po"
HEADER: Final = r"""# French texts of filiation's pages and reports.
msgid ""
msgstr ""
"Language: fr\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=utf-8\n"
"Content-Transfer-Encoding: 8bit\n"
"Plural-Forms: nplurals=2; plural=(n > 1);\n"

"""
TITLES: Final = (
    "What is not told, or cannot be so?", "What did nobody make, and what leads nowhere?",
    "What would be made otherwise today?", "Which bytes were made more than once?",
)  # fmt: skip
"""Of what is asked over all runs, as the answers have them."""
_KEYWORDS: Final[Mapping[str, tuple[int, ...] | None]] = {
    "_": None, "gettext": None, "ngettext": (1, 2), "Corner": (2,), "N_": None, "Sentence": None,
}  # fmt: skip
_OPTIONS: Final = {"trimmed": "false", "trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}


def sources() -> Iterator[tuple[Path, str]]:
    """Yield the files that speak, each with Babel's name for how."""
    source = ROOT / "src" / "filiation"
    yield from ((path, "python") for path in sorted((source / "web").rglob("*.py")))
    yield from ((path, "jinja2") for path in sorted((source / "web" / "templates").rglob("*.jinja")))
    yield source / "publish" / "report.html.jinja", "jinja2"
    for room in ("model", "digest", "images", "crate", "catalogue", "lineage", "publish"):
        yield from (
            (path, "python") for path in sorted((source / room).rglob("*.py")) if "Sentence(" in path.read_text()
        )


def texts() -> Catalog:
    """Return what is said, in English, with where."""
    found = Catalog(charset="utf-8", fuzzy=False)
    for path, kind in sources():
        name = str(path.relative_to(ROOT))
        with io.BytesIO(path.read_bytes()) as file:
            for line, message, _, context in extract(kind, file, keywords=_KEYWORDS, options=_OPTIONS):  # type: ignore[arg-type]
                found.add(message, locations=[(name, line)], context=context)
    for text in of_values():
        found.add(text)
    return found


def of_values() -> Iterator[str]:
    """Yield what is said of values that a record or an answer has: states, kinds, and titles of questions."""
    for values in (EntityKind, Status, Presence, Standing):
        yield from (each.value for each in values)
    yield from (
        *KINDS,
        OTHER_BYTES,
        NO_MAKER,
        UNUSED,
        UNKNOWN_FILE,
        INPUT,
        CODE_CHANGED,
        PARAMETERS,
        SOFTWARE,
        INHERITED,
    )
    yield from ("collection", "code", *TITLES, *TOLD)
    yield from (name for name, _ in COLUMNS.values())
    yield from (AGAIN, COPIED, SAME_LABELS)
    for what in ("changed", "missing", "unexpected", "unreadable"):
        yield from (what, what.upper())
    yield from ("benchmark", "step", "s", "MB", "%")
    yield from (word for each in (ANCESTORS, DESCENDANTS) for word in (each, each.capitalize()))
    yield from (USED, GENERATED, PART, SAME_CONTENT, THROUGH)
    for question in questions():
        yield question.title
        yield from (meaning for _, meaning in question.takes)


def french() -> Catalog:
    """Return the French catalogue."""
    with FRENCH.open("rb") as file:
        return read_po(file, locale="fr")


def missing() -> list[str]:
    """Return what has no French text yet."""
    known = french()
    return [
        str(message.id)
        for message in texts()
        if message.id and ((said := known.get(_key(message.id))) is None or not _whole(said.string))
    ]


def _key(message: str | tuple[str, ...] | list[str]) -> str:
    return message if isinstance(message, str) else message[0]


def _whole(text: str | tuple[str, ...] | list[str] | None) -> bool:
    return bool(text) if not isinstance(text, tuple | list) else all(text)


def main() -> None:
    """Bring the French catalogue up to what is said now."""
    known = french()
    known.update(texts(), no_fuzzy_matching=True, update_creation_date=False)
    known.obsolete.clear()
    with FRENCH.open("wb") as file:
        file.write(HEADER.encode())
        write_po(file, known, width=120, no_location=True, omit_header=True, sort_output=True, ignore_obsolete=True)
    for text in missing():
        print(text)  # noqa: T201 - a list is what was asked for


if __name__ == "__main__":
    main()
