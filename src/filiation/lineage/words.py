"""How sizes, times, digests and names are written for a person; the same in trees, pictures and tables."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from filiation.model.sentences import Sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from filiation.catalogue import ActionNode, EntityNode, Node, Resumption
    from filiation.catalogue.versions import Version
    from filiation.lineage.publications import Publication
    from filiation.lineage.registrations import Registered
    from filiation.model import Container, Digest, ImageMetadata, Objective, Parameter

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_BEGINS_A_FORMULA: Final = frozenset("=+-@＝＋－＠")

_UNITS: Final = (Sentence("kB"), Sentence("MB"), Sentence("GB"), Sentence("TB"))
MOST_JOBS: Final = 6
"""So many jobs are named in a sentence; the rest are counted."""
_ENDED: Final = {"interrupted": Sentence("was interrupted"), "failed": Sentence("failed")}


def plain(text: str) -> str:
    r"""Make what steers a terminal or turns text around visible, so that a name can do no more than be read.

    >>> plain("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    if text.isprintable():  # which nothing is that is to be made visible; ten times as quick, and so nearly every text
        return text
    return _UNSAFE.sub(lambda found: found.group().encode("unicode_escape").decode("ascii"), text)


def cell(text: str) -> str:
    """Write a value for a table that a spreadsheet may open: what it would take for a formula is made a text.

    >>> cell("=cmd()"), cell(" @SUM(A1)"), cell("-1.5"), cell("nuclei")
    ("'=cmd()", "' @SUM(A1)", '-1.5', 'nuclei')
    """
    try:
        float(text)
    except ValueError:
        # Those that stand for another at double width begin a formula in some languages' spreadsheets.
        return f"'{plain(text)}" if text.lstrip()[:1] in _BEGINS_A_FORMULA else plain(text)
    return plain(text)


def size(count: int) -> str:
    """Write a number of bytes in decimal units.

    >>> size(12), size(1_500_000)
    ('12 B', '1.5 MB')
    """
    if count < 1000:
        return Sentence("{count} B", count=count)
    figure, units = count / 1000, list(_UNITS)
    while figure >= 999.95 and len(units) > 1:
        figure /= 1000
        units.pop(0)
    return Sentence("{figure} {unit}", figure=_decimal(f"{figure:.1f}"), unit=units[0])


def counted(count: int, noun: str) -> str:
    """Write how many of something there are.

    >>> counted(1, "run"), counted(2, "run")
    ('1 run', '2 runs')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def moment(when: datetime) -> str:
    """Write a time to the second, in UTC.

    >>> moment(datetime(2026, 3, 1, 0, 11, 40, tzinfo=UTC))
    '2026-03-01 00:11:40 UTC'
    """
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def publication(found: Publication, nodes: Mapping[str, Node]) -> str:
    """Say what of an answer is in something published: its things, and jobs where there are none."""
    from filiation.catalogue import EntityNode

    told = [node for iri in found.things if (node := nodes.get(iri)) is not None]
    things = sorted({plain(node.path) for node in told if isinstance(node, EntityNode)})
    named = ", ".join(things[:MOST_JOBS]) + (f" and {len(things) - MOST_JOBS} more" if len(things) > MOST_JOBS else "")
    runs = ", ".join(sorted({run_name(node.crate) for node in told}))
    return f"published as {plain(found.name)}: {named or counted(len(told), 'job')} (run {runs})"


def ending(version: Version) -> str:
    """Say of a run's last crate how it came that it is not in the catalogue any more."""
    run, until = run_name(version.crate), moment(datetime.fromisoformat(str(version.until)))
    if version.ended == "gone":
        gone = Sentence(
            "The crate of run {run} is gone from the catalogue's folder; that was found {until}.", run=run, until=until
        )
        return gone if version.folder is None else Sentence.joined((gone, Sentence("A copy is kept.")))
    return Sentence(
        "Run {run} was forgotten {until} by {who}: {why}.",
        run=run,
        until=until,
        who=plain(version.by) if version.by else Sentence("somebody"),
        why=plain(version.why) if version.why else Sentence("no reason"),
    )


def former_crate(version: Version) -> str:
    """Say of a crate that does not hold any more what became of it, and how it can be asked."""
    if version.ended != "superseded":
        ask = Sentence("Ask as of a time before, such as {taken_in}.", taken_in=version.taken_in)
        return Sentence.joined((ending(version), ask))
    run, (since, until) = (
        run_name(version.crate),
        (moment(datetime.fromisoformat(str(when))) for when in (version.taken_in, version.until)),
    )
    kept = Sentence("--as-of {taken_in} asks it.", taken_in=version.taken_in)
    superseded = Sentence(
        "A crate of run {run}, taken in {since}, was superseded {until} by another crate of that run, which holds "
        "instead.",
        run=run,
        since=since,
        until=until,
    )
    return Sentence.joined((superseded, kept if version.folder else Sentence("It is not kept.")))


def span(started: datetime, ended: datetime) -> str:
    """Write from when to when, the day once.

    >>> day = datetime(2026, 3, 1, 0, 11, 40, tzinfo=UTC)
    >>> span(day, day.replace(second=50))
    '2026-03-01 00:11:40 to 00:11:50 UTC (10 s)'
    """
    first, last = started.astimezone(UTC), ended.astimezone(UTC)
    until = f"{last:%H:%M:%S}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M:%S}"
    took = duration((last - first).total_seconds()) if last >= first else Sentence("ends before it starts")
    return Sentence("{first} to {last} UTC ({took})", first=f"{first:%Y-%m-%d %H:%M:%S}", last=until, took=took)


def duration(seconds: float) -> str:
    """Write how long something took.

    >>> duration(0.25), duration(75), duration(7322)
    ('0.25 s', '1 min 15 s', '2 h 2 min')
    """
    if seconds < 60:
        return Sentence("{figure} s", figure=_decimal(f"{seconds:.3g}"))
    minutes, left = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {left} s"
    return f"{minutes // 60} h {minutes % 60} min"


def _decimal(figure: str) -> str:
    """Write a figure so that its decimal sign is the language's."""
    whole, point, tenths = figure.partition(".")
    return Sentence("{whole}.{tenths}", whole=whole, tenths=tenths) if point else figure


def short(digest: Digest) -> str:
    """Write enough of a digest to find it again.

    >>> from filiation.model import Digest, DigestKind
    >>> short(Digest(DigestKind.TREE, "52ba13591bda" + "0" * 52))
    'tree1:52ba13591bda'
    """
    return f"{digest.kind.value}:{digest.hex[:12]}"


def run_name(crate: str) -> str:
    """Write enough of a run's id to find it again.

    >>> run_name("arcp://uuid,7c9f2c34-7b5b-4c4b-9d3e-0a7f1f2b9c10/")
    '7c9f2c34'
    """
    return crate.removeprefix("arcp://uuid,").rstrip("/")[:8]


def reproduction(action: ActionNode) -> str:
    """Write what came of running a run again: the outcome, by whom, when."""
    parts = [
        Sentence.term(plain(action.name)),
        *([Sentence("by {who}", who=plain(action.agent))] if action.agent else []),
        *([Sentence("on {when}", when=moment(action.started))] if action.started else []),
    ]
    return Sentence.joined(parts)


def registration(found: Registered) -> str:
    """Write what of a run was written to an object on a server, by whom, when, and whether it is there still."""
    what = ", ".join(plain(thing.name or thing.path) for thing in found.there)
    gone = len(found.removed)
    parts = [*([what] if what else []), *([Sentence("{count} removed since", count=gone)] if gone else [])]
    return Sentence("{deed}: {what}", deed=reproduction(found.action), what=Sentence.joined(parts, "; "))


def resumption(found: Resumption) -> str:
    """Write that a run went on from an unfinished one: which, and what of it."""
    parts: list[str] = []
    if found.again:
        names: object = tuple(plain(name) for name in found.again[:MOST_JOBS])
        if (more := len(found.again) - MOST_JOBS) > 0:
            names = Sentence("{names} and {more} more", names=names, more=more)
        parts.append(Sentence("did again {names}", names=names))
    if len(found.used) == 1:
        parts.append(Sentence("used 1 thing that it had made"))
    elif found.used:
        parts.append(Sentence("used {count} things that it had made", count=len(found.used)))
    ended = _ENDED.get(found.status, found.status)
    return Sentence("run {run}, which {ended}: {parts}", run=found.run[:8], ended=ended, parts=tuple(parts))


def went_on(found: Resumption) -> str:
    """Write which run went on from an unfinished one."""
    return Sentence("Run {run} went on from {other}", run=found.by[:8], other=resumption(found))


@lru_cache(maxsize=4096)  # the jobs of a run share most of theirs
def parameter(found: Parameter) -> str:
    """Write a parameter with the value that counts, and the one asked for if it was another."""
    text = f"{plain(found.name)} = {plain(str(found.value))}"
    if found.used is not None and found.requested is not None and found.used != found.requested:
        return Sentence("{used} (asked for: {asked})", used=text, asked=plain(str(found.requested)))
    return text


def entity_name(path: str, count: int = 1) -> str:
    """Write what a thing is called, and how many like it it stands for.

    >>> entity_name("a.tif", 3)
    'a.tif and 2 like it'
    """
    return Sentence("{thing} and {more} like it", thing=plain(path), more=count - 1) if count > 1 else plain(path)


_PLAIN_KINDS = ("file", "directory", "collection")


def entity_facts(entity: EntityNode) -> list[str]:
    """Write what is known of a thing, one fact each, the most telling first."""
    called = entity.name if entity.kind in _PLAIN_KINDS else None  # other engines name files by their checksum
    kind = Sentence.term(entity.kind)
    facts: list[str] = [kind] if called is None else [called, kind]
    image = entity.image
    if image is not None and image.shape:
        lengths = " x ".join(str(length) for length in image.shape)
        facts.append(f"{lengths} ({', '.join(image.axes)}) {image.dtype}".rstrip())
    if entity.size is not None:
        is_one = entity.files is None or entity.files == 1
        much = size(entity.size)
        facts.append(much if is_one else Sentence("{size} in {files} files", size=much, files=entity.files))
    if entity.digest is not None:
        facts.append(short(entity.digest))
    if entity.presence in ("deleted", "missing", "changed"):
        changed = entity.presence == "changed"
        facts.append(Sentence("written again since") if changed else Sentence.term(entity.presence))
    return [plain(fact) for fact in facts]


def image_metadata(found: ImageMetadata) -> str:
    """Write what a server tells of an image, briefly: what it was taken with and when, where it is filed, its tags.

    >>> from filiation.model import ImageMetadata, Objective, Tag
    >>> objective = Objective("https://h/Objective/1", nominal_magnification=40.0, lens_na=1.3, immersion="Oil")
    >>> tags = (Tag("https://h/TagAnnotation/2", "control"),)
    >>> image_metadata(ImageMetadata("https://h/Image/51", objective=objective, tags=tags))
    '40x/1.3 Oil · tagged control'
    """
    pairs = sum(len(each.pairs) for each in found.key_values)
    places = [" / ".join(_container(each)) for each in found.containers]
    facts = [
        _objective(found.objective) if found.objective else "",
        ", ".join(channel.name for channel in found.channels if channel.name),
        f"taken {moment(found.acquired)}" if found.acquired else "",
        f"in {', '.join(places)}" if places else "",
        f"tagged {', '.join(tag.name for tag in found.tags)}" if found.tags else "",
        counted(pairs, "key-value pair") if pairs else "",
        counted(len(found.comments), "comment") if found.comments else "",
    ]
    return " · ".join(plain(fact) for fact in facts if fact)


def _objective(found: Objective) -> str:
    if found.nominal_magnification is None:
        return found.model or ""
    aperture = f"/{found.lens_na:g}" if found.lens_na is not None else ""
    return f"{found.nominal_magnification:g}x{aperture} {found.immersion or ''}".strip()


def _container(found: Container) -> list[str]:
    """Return the names around a thing and its own, the outermost first; of several around it the first."""
    around = _container(found.containers[0]) if found.containers else []
    return [*around, found.name or found.iri]


def action_name(action: ActionNode, count: int = 1) -> str:
    """Write what an action is called, which job it was or how many it stands for, and how it ended."""
    name = plain(action.name) + (f" x {count}" if count > 1 else "")
    parts = [name, *([Sentence("job {number}", number=action.job)] if action.job is not None else [])]
    if (action.attempt or 1) > 1 and "attempt" not in name:
        parts.append(Sentence("attempt {number}", number=action.attempt))
    status = Sentence.term(action.status)
    ended = Sentence.joined((status, _exit_code(action.exit_code))) if action.exit_code else status
    return Sentence.joined([*parts, ended], ", ")


def _exit_code(code: int) -> str:
    """Tell how a command that did not succeed ended; as Python tells it, a signal is below zero."""
    return Sentence("(exit code {code})", code=code) if code > 0 else Sentence("(signal {signal})", signal=-code)


def command(action: ActionNode, longest: int = 300) -> str:
    """Write what an action ran on one line: its command, or its script."""
    text = " ".join((action.command or "").removeprefix(f"{action.name}: ").split())
    return plain(text if len(text) <= longest else f"{text[: longest - 1]}…")


def action_facts(action: ActionNode) -> list[str]:
    """Write when, where, by whom and in which run, one line each as they fit."""
    facts: list[str] = []
    if action.status == "unknown":
        facts.append(Sentence("recorded afterwards, nobody saw how it ended: low confidence, times unreliable"))
    if action.started is not None and action.ended is not None:
        facts.append(span(action.started, action.ended))
    elif action.started is not None:
        facts.append(Sentence("started {when}", when=moment(action.started)))
    elif action.ended is not None:
        facts.append(Sentence("ended {when}", when=moment(action.ended)))
    who = []
    if action.agent is not None:
        orcid = (action.agent_id or "").rpartition("orcid.org/")[2]
        known = f" ({orcid})" if "orcid.org/" in (action.agent_id or "") else ""
        who.append(Sentence("by {who}", who=plain(action.agent) + known))
    if action.host is not None:
        who.append(Sentence("on {host}", host=plain(action.host)))
    who.append(Sentence("in run {run}", run=run_name(action.crate)))
    return [*facts, Sentence.joined(who)]
