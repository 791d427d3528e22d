r"""The sentences in which a lineage is told, in each language: facts in, one whole sentence out.

A sentence is put together whole in each language, since word order, agreement and punctuation differ; names, values and
digests stay as they were recorded.

>>> phrases("en").further(1), phrases("fr").further(3).replace("\u00a0", " ")
('Before that, 1 step more.', 'Avant cela, 3 autres étapes.')
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from filiation.errors import BadInputError
from filiation.lineage import words
from filiation.model import OmeroId, Parameter

MOST_PARAMETERS: Final = 8
MOST_NAMES: Final = 4
_NO_BREAK: Final = "\u00a0"
_MONTHS: Final = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
    "décembre",
)  # fmt: skip
_STATUS: Final[Mapping[str, str]] = {
    "failed": "échouée", "interrupted": "interrompue", "unknown": "d’issue inconnue", "finished": "terminée",
}  # fmt: skip
_KINDS: Final[Mapping[str, str]] = {
    "image": "image", "dataset": "jeu de données", "project": "projet", "plate": "plaque", "well": "puits",
    "screen": "criblage", "roi": "région",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Making:
    """What is known of how a thing was made.

    Parameters
    ----------
    when, who, host
        What is not recorded is None.
    step
        Name of the rule or tool.
    jobs
        How many equal jobs it stands for.
    parameters
        As used.
    inputs
        Names of what went in.
    status
        How the job ended.
    """

    when: datetime | None
    who: str | None
    host: str | None
    step: str
    jobs: int
    parameters: tuple[Parameter, ...]
    inputs: tuple[str, ...]
    status: str


class Phrases(Protocol):
    """A language."""

    def named(self, path: str, count: int) -> str:
        """Name a thing, and how many like it it stands for."""

    def listed(self, names: Sequence[str], most: int = MOST_NAMES) -> str:
        """Write names one after another, the first of many."""

    def made(self, name: str, making: Making) -> str:
        """Tell how a thing was made."""

    def same(self, name: str, others: Sequence[str]) -> str:
        """Tell that a thing is, or is part of, something else."""

    def not_asked(self, name: str) -> str:
        """Tell that an answer ends at a thing."""

    def made_somehow(self, name: str) -> str:
        """Tell that a run made a thing, and not how."""

    def source(self, name: str, digest: str | None, *, is_image: bool) -> str:
        """Tell that nothing is known to have made a thing."""

    def further(self, steps: int) -> str:
        """Tell how many steps are not told."""

    def in_all(self, things: int, jobs: int, runs: int) -> str:
        """Tell how large a lineage is that is not told whole."""

    def on_server(self, image: OmeroId) -> str:
        """Name something in OMERO by its id and server."""

    def headline(self, making: Making, sources: Sequence[str], means: Sequence[str], *, further: bool) -> str:
        """Tell in one sentence where a thing comes from."""

    def parameter(self, found: Parameter) -> str:
        """Write a parameter with the value that counts, and the one asked for if it was another."""


class English:
    """English."""

    def named(self, path: str, count: int) -> str:
        """See :class:`Phrases`."""
        return words.entity_name(path, count)

    def listed(self, names: Sequence[str], most: int = MOST_NAMES) -> str:
        """See :class:`Phrases`."""
        return _listed(names, most, "and", "and {} more", "and {} more")

    def parameter(self, found: Parameter) -> str:
        """See :class:`Phrases`."""
        return words.parameter(found)

    def made(self, name: str, making: Making) -> str:
        """See :class:`Phrases`."""
        when = f" on {words.moment(making.when)}" if making.when is not None else ""
        who = f" by {making.who}" if making.who else ", it is not recorded by whom"
        where = f" on {making.host}" if making.host else ""
        step = making.step + (f" ({making.jobs} equal jobs)" if making.jobs > 1 else "")
        told = [self.parameter(found) for found in making.parameters[:MOST_PARAMETERS]]
        rest = len(making.parameters) - len(told)
        with_them = f", with {', '.join(told)}{f' and {rest} more' if rest else ''}" if told else ""
        inputs = f", from {self.listed(making.inputs)}" if making.inputs else ", from nothing that is recorded"
        failed = (
            "" if making.status == "finished" else f" The job that made it is recorded as {words.plain(making.status)}."
        )
        return f"{name} was made{when}{who}{where} in the step {step}{with_them}{inputs}.{failed}"

    def same(self, name: str, others: Sequence[str]) -> str:
        """See :class:`Phrases`."""
        return f"{name} is, or is part of, {self.listed(others)}."

    def not_asked(self, name: str) -> str:
        """See :class:`Phrases`."""
        return f"What {name} comes from was not asked."

    def made_somehow(self, name: str) -> str:
        """See :class:`Phrases`."""
        return f"{name} was made by a run, and it is not recorded by which of its jobs."

    def source(self, name: str, digest: str | None, *, is_image: bool) -> str:
        """See :class:`Phrases`."""
        seen = f" ({digest})" if digest is not None else ", and no digest of it is recorded"
        kind = "image" if is_image else "file"
        return f"{name} is the {kind} that it all began with: nothing recorded made it{seen}."

    def further(self, steps: int) -> str:
        """See :class:`Phrases`."""
        return f"Before that, {words.counted(steps, 'step')} more."

    def in_all(self, things: int, jobs: int, runs: int) -> str:
        """See :class:`Phrases`."""
        told = f"{words.counted(things, 'thing')} and {words.counted(jobs, 'job')} of {words.counted(runs, 'run')}"
        return f"In all it descends from {told}."

    def on_server(self, image: OmeroId) -> str:
        """See :class:`Phrases`."""
        return f"{image.kind.lower()} {image.id} on {image.host}"

    def headline(self, making: Making, sources: Sequence[str], means: Sequence[str], *, further: bool) -> str:
        """See :class:`Phrases`."""
        when = f" on {words.moment(making.when)}" if making.when is not None else ""
        who = f" by {making.who}" if making.who else ", nobody recorded by whom"
        beyond = " and what lies further back" if further else ""
        origin = f" from {self.listed(sources, 6)}{beyond}" if sources else ""
        return f"Made{when}{who}{origin}{f', with {self.listed(means, 6)}' if means else ''}."


class French:
    """French, with typographic apostrophes, and spaces that do not break before colons and between number and noun."""

    def named(self, path: str, count: int) -> str:
        """See :class:`Phrases`."""
        others = count - 1
        alike = f" et {_number(others)}{_NO_BREAK}{'semblable' if others == 1 else 'semblables'}" if others > 0 else ""
        return words.plain(path) + alike

    def listed(self, names: Sequence[str], most: int = MOST_NAMES) -> str:
        """See :class:`Phrases`."""
        return _listed(names, most, "et", f"et {{}}{_NO_BREAK}autre", f"et {{}}{_NO_BREAK}autres")

    def parameter(self, found: Parameter) -> str:
        """See :class:`Phrases`."""
        text = f"{words.plain(found.name)} = {words.plain(str(found.value))}"
        if found.used is not None and found.requested is not None and found.used != found.requested:
            text += f" (demandé{_NO_BREAK}: {words.plain(str(found.requested))})"
        return text

    def made(self, name: str, making: Making) -> str:
        """See :class:`Phrases`."""
        jobs = f" ({_number(making.jobs)}{_NO_BREAK}tâches identiques)" if making.jobs > 1 else ""
        told = [self.parameter(found) for found in making.parameters[:MOST_PARAMETERS]]
        rest = len(making.parameters) - len(told)
        more = f" et {_number(rest)}{_NO_BREAK}{'autre' if rest == 1 else 'autres'}" if rest else ""
        with_them = f", avec {', '.join(told)}{more}" if told else ""
        inputs = f", à partir de {self.listed(making.inputs)}" if making.inputs else ", sans entrée enregistrée"
        status = _STATUS.get(making.status, words.plain(making.status))
        failed = "" if making.status == "finished" else f" La tâche qui l’a produit est enregistrée comme {status}."
        return (
            f"{name} a été produit{self._when(making)}{self._who(making)}{self._where(making)}, à l’étape "
            f"{making.step}{jobs}{with_them}{inputs}.{failed}"
        )

    def same(self, name: str, others: Sequence[str]) -> str:
        """See :class:`Phrases`."""
        return f"{name} est identique à {self.listed(others)}, ou en fait partie."

    def not_asked(self, name: str) -> str:
        """See :class:`Phrases`."""
        return f"L’origine de {name} n’a pas été demandée."

    def made_somehow(self, name: str) -> str:
        """See :class:`Phrases`."""
        return f"{name} a été produit par une exécution, sans qu’il soit enregistré par laquelle de ses tâches."

    def source(self, name: str, digest: str | None, *, is_image: bool) -> str:
        """See :class:`Phrases`."""
        kind, made = ("l’image", "produite") if is_image else ("le fichier", "produit")
        seen = f" ({digest})" if digest is not None else ", et aucune empreinte n’en est enregistrée"
        return f"{name} est {kind} d’où tout est parti{_NO_BREAK}: rien d’enregistré ne l’a {made}{seen}."

    def further(self, steps: int) -> str:
        """See :class:`Phrases`."""
        return f"Avant cela, {_number(steps)}{_NO_BREAK}{'autre étape' if steps == 1 else 'autres étapes'}."

    def in_all(self, things: int, jobs: int, runs: int) -> str:
        """See :class:`Phrases`."""
        told = (
            f"{_counted(things, 'objet', 'objets')} et {_counted(jobs, 'tâche', 'tâches')} de "
            f"{_counted(runs, 'exécution', 'exécutions')}"
        )
        return f"En tout, il descend de {told}."

    def on_server(self, image: OmeroId) -> str:
        """See :class:`Phrases`."""
        kind = _KINDS.get(image.kind.lower(), image.kind.lower())
        return f"{kind} {image.id} sur {image.host}"

    def headline(self, making: Making, sources: Sequence[str], means: Sequence[str], *, further: bool) -> str:
        """See :class:`Phrases`."""
        beyond = " et de ce qui remonte plus loin" if further else ""
        origin = f", à partir de {self.listed(sources, 6)}{beyond}" if sources else ""
        with_them = f", avec {self.listed(means, 6)}" if means else ""
        return f"Produit{self._when(making)}{self._who(making)}{origin}{with_them}."

    def _when(self, making: Making) -> str:
        return "" if making.when is None else f" le {french_moment(making.when)}"

    def _who(self, making: Making) -> str:
        return f" par {making.who}" if making.who else ", sans qu’il soit enregistré par qui"

    def _where(self, making: Making) -> str:
        comma = "" if making.who else ","
        return f"{comma} sur {making.host}" if making.host else ""


_LANGUAGES: Final[Mapping[str, Phrases]] = {"en": English(), "fr": French()}
LANGUAGES: Final = tuple(_LANGUAGES)
"""Codes of the languages that a lineage is told in."""


def phrases(language: str) -> Phrases:
    """Return how a language says it.

    Raises
    ------
    BadInputError
        If it is none of :data:`LANGUAGES`.
    """
    if language not in _LANGUAGES:
        raise BadInputError(f"Lineages are told in {' and '.join(LANGUAGES)}; {language!r} was asked for.")
    return _LANGUAGES[language]


def french_moment(when: datetime) -> str:
    """Write a time to the second as French does, in UTC.

    >>> french_moment(datetime(2026, 3, 1, 0, 11, 40, tzinfo=UTC)).replace(_NO_BREAK, " ")
    '1er mars 2026 à 00:11:40 UTC'
    """
    day = when.astimezone(UTC)
    first = "1er" if day.day == 1 else str(day.day)
    return f"{first}{_NO_BREAK}{_MONTHS[day.month - 1]}{_NO_BREAK}{day.year} à {day:%H:%M:%S}{_NO_BREAK}UTC"


def size_in(language: str, count: int) -> str:
    """Write a number of bytes as a language does: French counts in octets, with a comma.

    >>> size_in("fr", 1_500_000).replace(_NO_BREAK, " "), size_in("en", 1_500_000)
    ('1,5 Mo', '1.5 MB')
    """
    number, unit = words.size(count).split(" ")
    return f"{number.replace('.', ',')}{_NO_BREAK}{unit.replace('B', 'o')}" if language == "fr" else f"{number} {unit}"


def duration_in(language: str, seconds: float) -> str:
    """Write how long something took, with the language's decimal sign.

    >>> duration_in("fr", 0.25).replace(_NO_BREAK, " "), duration_in("en", 0.25)
    ('0,25 s', '0.25 s')
    """
    text = words.duration(seconds)
    return text.replace(".", ",").replace(" ", _NO_BREAK) if language == "fr" else text


def _number(count: int) -> str:
    """Write a number with narrow spaces between thousands, as French does."""
    return f"{count:,}".replace(",", "\u202f")


def _counted(count: int, one: str, several: str) -> str:
    return f"{_number(count)}{_NO_BREAK}{one if count < 2 else several}"


def _listed(names: Sequence[str], most: int, conjunction: str, one_more: str, more: str) -> str:
    shown, rest = list(names[:most]), len(names) - most
    if rest > 0:
        return f"{', '.join(shown)} {(one_more if rest == 1 else more).format(rest)}"
    return f" {conjunction} ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)
