"""``filiation deposit`` and ``filiation deposits``: crates put into repositories, and how far that is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filiation.cli.options import catalogue_option, example, json_option, opened
from filiation.cli.output import remark, say, say_json, say_table
from filiation.errors import BadInputError

if TYPE_CHECKING:
    from filiation.publish.deposits import DepositReport, Telling, Wish
    from filiation.publish.deposits.package import Seal

_SERVICES = ("zenodo", "inveniordm", "dataverse", "workflowhub")


@click.command(
    epilog=example(
        "filiation deposit nuclei-crate --to zenodo --dry-run",
        "filiation deposit nuclei-crate --to zenodo --seal",
        "filiation deposit nuclei-crate --to zenodo --publish",
        "filiation deposit nuclei-crate --to dataverse --server https://demo.dataverse.org --collection lab "
        "--contact ada@example.org",
    )
)
@click.argument("crate", type=click.Path(path_type=Path))
@click.option("--to", "service", type=click.Choice(_SERVICES), required=True, help="The kind of repository.")
@click.option("--server", metavar="URL", help="Which one. [default: zenodo.org, workflowhub.eu]")
@click.option("--publish", is_flag=True, help="Publish it. Nobody can take that back; without it, a draft is made. "
              "(WorkflowHub has no drafts: without it nothing is sent.)")  # fmt: skip
@click.option("--seal", "sealing", is_flag=True, help="Seal the copy that is sent, with the DOI in it.")
@click.option("--key", metavar="FILE", help="SSH key to sign with, as for `filiation seal`.")
@click.option("--new-version", "new_version_of", metavar="OF", help="As a new version of this record: its DOI or id.")
@click.option(
    "--create-again", is_flag=True, help="Make a draft although one may have been made whose answer was lost."
)
@click.option("--discard", is_flag=True, help="Remove the draft instead.")
@click.option("--dry-run", is_flag=True, help="Print what would be said of it; nothing is sent, no token is needed.")
@click.option("--collection", metavar="ALIAS", help="Dataverse: the collection that the dataset is made in.")
@click.option("--contact", metavar="EMAIL", default="", help="Dataverse: whom readers write to.")
@click.option("--subject", metavar="TEXT", help="Dataverse: its subject. [default: Medicine, Health and Life Sciences]")
@click.option("--one-archive", is_flag=True, help="Dataverse: the crate as one archive rather than as its files.")
@click.option("--project", metavar="NUMBER", default="", help="WorkflowHub: the project that the workflow belongs to.")
@click.option("--omero", metavar="HOST[:PORT]", help="Note the DOI on the images of this OMERO server it came of.")
@json_option
@catalogue_option
def deposit(
    crate: Path,
    service: str,
    server: str | None,
    publish: bool,
    sealing: bool,
    key: str | None,
    new_version_of: str | None,
    create_again: bool,
    discard: bool,
    dry_run: bool,
    collection: str | None,
    contact: str,
    subject: str | None,
    one_archive: bool,
    project: str,
    omero: str | None,
    as_json: bool,
    catalogue: str | None,
) -> None:
    """Deposit CRATE in a repository: a draft, until --publish is said.

    CRATE is a crate's folder or an archive of one, and is never changed. A DOI is reserved and written into a copy,
    which is sealed if --seal is given, packed and sent; what arrived is compared by its checksum. A deposit that was
    broken off, whatever broke it, is gone on with by the same command, and never becomes a second draft. When it is
    published, the catalogue is told the DOI of what it holds; with --omero, so are the images that it was made from.

    The token is found in FILIATION_ZENODO_TOKEN (FILIATION_DATAVERSE_TOKEN, …), in the file that
    FILIATION_ZENODO_TOKEN_FILE names, in the keyring, or in ~/.config/filiation/tokens/HOST; files must be yours alone
    (mode 0600).
    """
    from filiation.publish.deposits import Depositing, Service, Wish, deposits_folder, find_token, payload_of

    _refuse_contradictions(publish=publish, discard=discard, dry_run=dry_run, sealing=sealing, key=key)
    more = {} if subject is None else {"subject": subject}
    wish = Wish(
        crate, Service.named(service, server), new_version_of, collection, contact,
        one_archive=one_archive, project=project, **more,
    )  # fmt: skip
    if dry_run:
        say_json(payload_of(wish))
        return
    if publish and service == "workflowhub":
        remark(f"{wish.service} has no drafts: what is sent now is there at once, for whom project {project} says.")
    token = find_token(wish.service)
    home = deposits_folder(crate, _catalogue(catalogue))
    with _told() as telling:
        course = Depositing(home, token, _seal(catalogue, key) if sealing else None, telling=telling)
        report = course.discard(wish) if discard else course.deposit(wish, publish=publish, create_again=create_again)
    noted = _noted(home, report, catalogue)
    annotated = _annotated(home, report, omero, catalogue) if omero and report.state.published is not None else ()
    if as_json:
        say_json({**report.to_json(), "noted": noted, "annotated": list(annotated)})
        return
    _tell(wish, report, noted)
    if not sealing and report.state.is_open and _is_sealed(crate):
        remark("The crate is sealed, so it was sent as it is, without the DOI in it; --seal seals a copy with the DOI.")
    if omero:
        remark(_in_omero(annotated, omero, published=report.state.published is not None))


@click.command(epilog=example("filiation deposits", "filiation deposits --json"))
@json_option
@catalogue_option
def deposits(as_json: bool, catalogue: str | None) -> None:
    """List the deposits that were begun here, and how far each is.

    What the journals say is told; no service is asked. `filiation deposit` with the same crate goes on with one.
    """
    from filiation.publish.deposits import deposits_folder, list_deposits

    home = deposits_folder(None, _catalogue(catalogue))
    found = list_deposits(home)
    if as_json:
        say_json([state.to_json() for state in found])
    elif found:
        columns = ("begun", "service", "crate", "state", "doi", "page")
        rows = [
            (f"{state.begun:%Y-%m-%d %H:%M}" if state.begun else "", f"{state.service}", state.crate, state.words,
             state.doi or "", state.page)
            for state in found
        ]  # fmt: skip
        say_table(columns, rows)
    else:
        remark(f"No deposit was begun here ({home}).")


def _refuse_contradictions(*, publish: bool, discard: bool, dry_run: bool, sealing: bool, key: str | None) -> None:
    if publish + discard + dry_run > 1:
        raise BadInputError("--publish, --discard and --dry-run contradict each other; give one of them.")
    if key and not sealing:
        raise BadInputError("--key is for --seal; give both.")


def _catalogue(named: str | None) -> Path | None:
    """Return the catalogue's folder, if there is one."""
    from filiation.capture.place import find_catalogue

    found = find_catalogue(Path.cwd(), named)
    if found.is_dir() and (found / ".filiation").is_dir():
        found = found / ".filiation"
    return found if found.is_dir() else None


def _seal(catalogue: str | None, key: str | None) -> Seal:
    from filiation.cli.seal import signer_of
    from filiation.crate.seals import seal_crate

    signer = signer_of(_catalogue(catalogue) or Path.cwd(), key)

    def seal(folder: Path) -> None:
        seal_crate(folder, signer, meaning="deposited")

    return seal


def _is_sealed(crate: Path) -> bool:
    from filiation.publish.deposits.package import is_sealed

    return crate.is_dir() and is_sealed(crate)


def _noted(home: Path, report: DepositReport, catalogue: str | None) -> int | None:
    """Tell the catalogue of the DOI; None if there is nothing to tell, or nobody."""
    from filiation.publish.deposits.journal import Journal
    from filiation.publish.deposits.noting import note_published

    place = _catalogue(catalogue)
    if place is None or report.state.published is None or report.state.noted:
        return None
    with opened(str(place)) as ledger:
        return note_published(ledger, Journal(home / report.state.id))


def _annotated(home: Path, report: DepositReport, server: str, catalogue: str | None) -> tuple[str, ...]:
    """Write the DOI on images of a server, and in the catalogue that it stands there; return the images."""
    from filiation.images.omero import Address
    from filiation.publish.deposits.journal import Journal
    from filiation.publish.deposits.noting import record_in_omero
    from filiation.publish.deposits.omero import note_in_omero

    host = Address.from_uri(f"omero://{server}/images").host
    journal = Journal(home / report.state.id)
    images = tuple(str(image) for image in note_in_omero(journal, host))
    if (place := _catalogue(catalogue)) is not None:
        with opened(str(place)) as ledger:
            record_in_omero(ledger, journal)
    return images


def _in_omero(annotated: tuple[str, ...], server: str, *, published: bool) -> str:
    if not published:
        return f"{server} is told when it is published; repeat --omero with --publish."
    return f"Noted on {server}: {', '.join(annotated)}." if annotated else f"{server} knows of it already."


def _tell(wish: Wish, report: DepositReport, noted: int | None) -> None:
    from filiation.lineage.words import counted

    state = report.state
    if state.published is not None:
        say(f"Published at {wish.service}{f' as https://doi.org/{state.doi}' if state.doi else ''}: {state.page}")
    elif not state.is_open:
        say(f"The draft {state.record or ''} at {wish.service} is discarded.".replace("  ", " "))
    elif state.record is not None:
        doi = f"; its DOI will be {state.doi}" if state.doi else ""
        say(f"A draft at {wish.service}, complete{doi}: {state.page}")
    for problem in report.problems:
        remark(f"Not publishable yet: {problem}" if state.record else problem)
    if state.is_open and state.record is not None and not report.problems:
        remark("Look at it there; `filiation deposit` with --publish publishes it.")
    if noted:
        remark(f"The catalogue knows {counted(noted, 'thing')} by it.")


@contextmanager
def _told() -> Iterator[Telling]:
    """Tell on a terminal what is done, and how many of how many bytes went; elsewhere only why it waits."""
    from filiation.publish.deposits import Telling

    def word(text: str) -> None:
        if sys.stderr.isatty() or "waiting" in text:
            remark(f"{text} …" if "waiting" not in text else text)

    if not sys.stderr.isatty():
        yield Telling(step=word)
        return
    bar = click.progressbar(length=1, label="Sending", file=sys.stderr, width=24)

    def whole(size: int) -> None:
        bar.length = max(size, 1)

    advance: Callable[[int], None] = bar.update
    try:
        yield Telling(step=word, sent=advance, whole=whole)
    finally:
        bar.render_finish()
