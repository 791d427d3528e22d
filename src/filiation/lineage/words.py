"""How sizes, times, digests and names are written for a person; the same in trees, pictures and tables."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from filiation.catalogue import ActionNode, EntityNode, Node, Resumption
    from filiation.catalogue.versions import Version
    from filiation.lineage.publications import Publication
    from filiation.lineage.registrations import Registered
    from filiation.model import Container, Digest, ImageMetadata, Objective, Parameter

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_BEGINS_A_FORMULA: Final = frozenset("=+-@＝＋－＠")

MOST_JOBS: Final = 6
"""So many jobs are named in a sentence; the rest are counted."""
_ENDED: Final = {"interrupted": "was interrupted", "failed": "failed"}


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
        return f"{count} B"
    figure, units = count / 1000, ["kB", "MB", "GB", "TB"]
    while figure >= 999.95 and len(units) > 1:
        figure /= 1000
        units.pop(0)
    return f"{figure:.1f} {units[0]}"


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
        kept = "" if version.folder is None else " A copy is kept."
        return f"The crate of run {run} is gone from the catalogue's folder; that was found {until}.{kept}"
    return f"Run {run} was forgotten {until} by {plain(version.by or 'somebody')}: {plain(version.why or 'no reason')}."


def former_crate(version: Version) -> str:
    """Say of a crate that does not hold any more what became of it, and how it can be asked."""
    if version.ended != "superseded":
        return f"{ending(version)} Ask as of a time before, such as {version.taken_in}."
    run, (since, until) = (
        run_name(version.crate),
        (moment(datetime.fromisoformat(str(when))) for when in (version.taken_in, version.until)),
    )
    kept = f"--as-of {version.taken_in} asks it." if version.folder else "It is not kept."
    return (
        f"A crate of run {run}, taken in {since}, was superseded {until} by another crate of that run, which holds "
        f"instead. {kept}"
    )


def span(started: datetime, ended: datetime) -> str:
    """Write from when to when, the day once.

    >>> day = datetime(2026, 3, 1, 0, 11, 40, tzinfo=UTC)
    >>> span(day, day.replace(second=50))
    '2026-03-01 00:11:40 to 00:11:50 UTC (10 s)'
    """
    first, last = started.astimezone(UTC), ended.astimezone(UTC)
    until = f"{last:%H:%M:%S}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M:%S}"
    took = f" ({duration((last - first).total_seconds())})" if last >= first else " (ends before it starts)"
    return f"{first:%Y-%m-%d %H:%M:%S} to {until} UTC{took}"


def duration(seconds: float) -> str:
    """Write how long something took.

    >>> duration(0.25), duration(75), duration(7322)
    ('0.25 s', '1 min 15 s', '2 h 2 min')
    """
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, left = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {left} s"
    return f"{minutes // 60} h {minutes % 60} min"


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
    who = f" by {plain(action.agent)}" if action.agent else ""
    when = f" on {moment(action.started)}" if action.started else ""
    return f"{plain(action.name)}{who}{when}"


def registration(found: Registered) -> str:
    """Write what of a run was written to an object on a server, by whom, when, and whether it is there still."""
    what = ", ".join(plain(thing.name or thing.path) for thing in found.there)
    gone = len(found.removed)
    removed = f"{what and '; '}{gone} removed since" if gone else ""
    return f"{reproduction(found.action)}: {what}{removed}"


def resumption(found: Resumption) -> str:
    """Write that a run went on from an unfinished one: which, and what of it."""
    parts = []
    if found.again:
        more = f" and {len(found.again) - MOST_JOBS} more" if len(found.again) > MOST_JOBS else ""
        parts.append(f"did again {', '.join(plain(name) for name in found.again[:MOST_JOBS])}{more}")
    if found.used:
        parts.append(f"used {len(found.used)} {'thing' if len(found.used) == 1 else 'things'} that it had made")
    return f"run {found.run[:8]}, which {_ENDED.get(found.status, found.status)}: {', '.join(parts)}"


def went_on(found: Resumption) -> str:
    """Write which run went on from an unfinished one."""
    return f"Run {found.by[:8]} went on from {resumption(found)}"


@lru_cache(maxsize=4096)  # the jobs of a run share most of theirs
def parameter(found: Parameter) -> str:
    """Write a parameter with the value that counts, and the one asked for if it was another."""
    text = f"{plain(found.name)} = {plain(str(found.value))}"
    if found.used is not None and found.requested is not None and found.used != found.requested:
        text += f" (asked for: {plain(str(found.requested))})"
    return text


def entity_name(path: str, count: int = 1) -> str:
    """Write what a thing is called, and how many like it it stands for.

    >>> entity_name("a.tif", 3)
    'a.tif and 2 like it'
    """
    return plain(path) + (f" and {count - 1} like it" if count > 1 else "")


_PLAIN_KINDS = ("file", "directory", "collection")


def entity_facts(entity: EntityNode) -> list[str]:
    """Write what is known of a thing, one fact each, the most telling first."""
    called = entity.name if entity.kind in _PLAIN_KINDS else None  # other engines name files by their checksum
    facts = [entity.kind] if called is None else [called, entity.kind]
    image = entity.image
    if image is not None and image.shape:
        lengths = " x ".join(str(length) for length in image.shape)
        facts.append(f"{lengths} ({', '.join(image.axes)}) {image.dtype}".rstrip())
    if entity.size is not None:
        files = f" in {entity.files} files" if entity.files is not None and entity.files != 1 else ""
        facts.append(size(entity.size) + files)
    if entity.digest is not None:
        facts.append(short(entity.digest))
    if entity.presence in ("deleted", "missing", "changed"):
        facts.append({"changed": "written again since"}.get(entity.presence, entity.presence))
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
    job = f", job {action.job}" if action.job is not None else ""
    again = f", attempt {action.attempt}" if (action.attempt or 1) > 1 and "attempt" not in name else ""
    return f"{name}{job}{again}, {action.status}{_exit_code(action.exit_code)}"


def _exit_code(code: int | None) -> str:
    """Write how what an action ran ended; that it ended well goes without saying."""
    if not code:
        return ""
    return f" (exit code {code})" if code > 0 else f" (signal {-code})"


def command(action: ActionNode, longest: int = 300) -> str:
    """Write what an action ran on one line: its command, or its script."""
    text = " ".join((action.command or "").removeprefix(f"{action.name}: ").split())
    return plain(text if len(text) <= longest else f"{text[: longest - 1]}…")


def action_facts(action: ActionNode) -> list[str]:
    """Write when, where, by whom and in which run, one line each as they fit."""
    facts = []
    if action.status == "unknown":
        facts.append("recorded afterwards, nobody saw how it ended: low confidence, times unreliable")
    if action.started is not None and action.ended is not None:
        facts.append(span(action.started, action.ended))
    elif action.started is not None:
        facts.append(f"started {moment(action.started)}")
    elif action.ended is not None:
        facts.append(f"ended {moment(action.ended)}")
    who = []
    if action.agent is not None:
        orcid = (action.agent_id or "").rpartition("orcid.org/")[2]
        who.append(f"by {plain(action.agent)}" + (f" ({orcid})" if "orcid.org/" in (action.agent_id or "") else ""))
    if action.host is not None:
        who.append(f"on {plain(action.host)}")
    who.append(f"in run {run_name(action.crate)}")
    facts.append(" ".join(who))
    return facts
