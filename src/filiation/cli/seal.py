"""``filiation seal`` and ``filiation verify``: who stands for a crate, and whether that still holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from filiation.cli.options import example, json_option
from filiation.cli.output import bytes_bar, remark, say, say_json
from filiation.errors import BadInputError, MissingExtraError, NotFoundError

if TYPE_CHECKING:
    from filiation.crate.seals import Evidence, Signer, Statement


@click.command(
    epilog=example(
        "filiation seal 7c9f2c34",
        "filiation seal for-the-repository/ --meaning reviewed --key ~/.ssh/id_ed25519",
    )
)
@click.argument("crate")
@click.option("--meaning", default="made", show_default=True, help="In what sense you stand for it: made, reviewed, …")
@click.option(
    "--key",
    metavar="FILE",
    help="SSH key to sign with. [default: FILIATION_SIGNING_KEY, else the usual one in ~/.ssh]",
)
@click.option("--unsigned", is_flag=True, help="Sign nothing; such a seal proves accidental change only.")
@click.option("--tsa", metavar="URL", help="Have the signature stamped with the time by this authority (RFC 3161).")
@click.option("--attest", "with_attestation", is_flag=True, help="Add an in-toto statement about the results (DSSE).")
@click.option(
    "--catalogue",
    metavar="PATH",
    envvar="FILIATION_CATALOGUE",
    help="Where to look for a run of that id. [default: FILIATION_CATALOGUE, else the nearest one from here upwards]",
)
@json_option
def seal(
    crate: str,
    meaning: str,
    key: str | None,
    unsigned: bool,
    tsa: str | None,
    with_attestation: bool,
    catalogue: str | None,
    as_json: bool,
) -> None:
    """State what CRATE holds, and sign it with an SSH key.

    CRATE is a crate's folder, or a run of the catalogue (its id or the start of it). A folder seal/1 appears in it with
    the digest of every file, your statement and your signature; a second seal, such as a reviewer's, becomes seal/2.
    Nothing else is changed. A crate whose files are not as its own metadata says is not sealed.

    What the crate names without holding it is sealed by the digests that it records; the files themselves are not read.
    Your name and ORCID are those of the table [agent] in filiation.toml.
    """
    from filiation.crate.seals import seal_crate
    from filiation.crate.seals.statement import STATEMENT
    from filiation.digest import digest_file

    if unsigned and (key or tsa or with_attestation):
        raise BadInputError("--unsigned goes with none of --key, --tsa and --attest: there is no signature.")
    folder, home = _crate_folder(crate, catalogue)
    signer = signer_of(home, key, unsigned=unsigned)
    with bytes_bar("Reading") as advance:
        statement, place = seal_crate(
            folder,
            signer,
            meaning=meaning,
            stamp=_stamper(tsa),
            attest=_attester(folder, signer) if with_attestation else None,
            progress=advance,
        )
    if folder.resolve().is_relative_to(home.resolve()):
        from filiation.catalogue.log import write_event

        write_event(home, "sealed", folder.name, str(digest_file(place / STATEMENT)))
    if as_json:
        say_json({"seal": str(place), "signed": not unsigned, **statement.to_json()})
        return
    say(_sealed(statement, place, unsigned=unsigned))


@click.command(
    epilog=example(
        "filiation verify for-the-repository/ --signers allowed_signers",
        "filiation verify crate.zip --signers allowed_signers --require ada@example.org",
        "filiation verify 7c9f2c34 --any-signer --data .",
    )
)
@click.argument("crate")
@click.option(
    "--signers",
    metavar="FILE",
    help="Those who may sign, as ssh-keygen's allowed_signers. [default: FILIATION_SIGNERS, else "
    "~/.config/filiation/allowed_signers]",
)
@click.option("--require", "required", metavar="WHO", multiple=True, help="WHO of that list must have signed it.")
@click.option("--any-signer", is_flag=True, help="Accept a signature by a key that nobody vouches for.")
@click.option("--tsa-roots", metavar="FILE", help="Certificates (PEM) of the time-stamp authorities that you trust.")
@click.option(
    "--minisign-key",
    "minisign_keys",
    metavar="KEY",
    multiple=True,
    envvar="FILIATION_MINISIGN_PUBLIC_KEY",
    help="A public key of minisign that you trust (its file, or RW…), for a signature of the metadata as .eln have it.",
)
@click.option(
    "--data",
    metavar="FOLDER",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Compare what the crate names without holding it with this folder: the run's, or a copy of it.",
)
@click.option(
    "--catalogue",
    metavar="PATH",
    envvar="FILIATION_CATALOGUE",
    help="Where to look for a run of that id; a folder or archive needs none.",
)
@json_option
@click.pass_context
def verify(
    ctx: click.Context,
    crate: str,
    signers: str | None,
    required: tuple[str, ...],
    any_signer: bool,
    tsa_roots: str | None,
    minisign_keys: tuple[str, ...],
    data: Path | None,
    catalogue: str | None,
    as_json: bool,
) -> None:
    """Tell who sealed CRATE, and whether anything changed since.

    CRATE is a crate's folder, a ZIP archive (.zip, .eln) of it, or a run of the catalogue. No network and no catalogue
    is needed. What is not proven is a failure: exits with 5 if a byte changed, 14 if nobody sealed or signed it, 15 if
    a signature is not of this crate, 16 if nobody knows whose it is or somebody who must did not sign.

    A crate that nobody sealed may have its metadata signed with minisign, as .eln archives do. Then every file must be
    as the metadata names it by a digest, and the key be one of those given by --minisign-key.
    """
    from filiation.crate.seals import verify_crate, verify_within
    from filiation.crate.seals.ssh import signers_list

    if required and any_signer:
        raise BadInputError("--require and --any-signer contradict each other; give one of them.")
    evidence = evidence_for(signers_list(signers), tsa_roots, minisign_keys)
    with crate_at_hand(crate, catalogue) as folder, bytes_bar("Reading") as advance:
        report = verify_crate(
            folder,
            evidence=evidence,
            any_signer=any_signer,
            required=required,
            data=data,
            progress=advance,
        )
        within = verify_within(folder, evidence=evidence, any_signer=any_signer, progress=advance)
    if as_json:
        inner = {name: found.to_json() for name, found in within.items()}
        say_json({"crate": crate, **report.to_json(), "within": inner})
    else:
        say(report.text(crate))
        for name, found in within.items():
            say(f"\n{found.text(name)}")
    failed = [found.outcome.exit_code for found in (report, *within.values()) if not found.holds]
    if failed:
        ctx.exit(failed[0])


def _crate_folder(named: str, catalogue: str | None) -> tuple[Path, Path]:
    """Return the crate's folder, and the catalogue whose settings count."""
    from filiation.capture.place import find_catalogue
    from filiation.catalogue import CatalogueFolder

    if Path(named).is_dir():
        return Path(named), find_catalogue(Path.cwd(), catalogue)
    if Path(named).is_file():
        raise BadInputError(
            f"{named} is a file; a crate is sealed in its folder. Unpack it, seal that, and pack it again."
        )
    home = CatalogueFolder.find(catalogue)
    found = [path for path in home.list_crates() if path.name.startswith(named)]
    if len(found) != 1:
        raise NotFoundError(
            f"{named!r} is no folder, and {len(found) or 'no'} {'runs' if len(found) > 1 else 'run'} in {home.root} "
            "begins so. `filiation runs` lists what there is."
        )
    return found[0], home.root


@contextmanager
def crate_at_hand(named: str, catalogue: str | None) -> Iterator[Path]:
    """Give the crate's folder; an archive is unpacked beside nothing of the user's, and removed afterwards."""
    if not Path(named).is_file():
        yield _crate_folder(named, catalogue)[0]
        return
    from tempfile import TemporaryDirectory

    from filiation.incoming.archives import CrateArchive

    with TemporaryDirectory(prefix="filiation-verify-") as temporary:
        folder = Path(temporary) / "crate"
        with CrateArchive.opened(Path(named)) as archive:
            archive.unpack(folder)
        yield folder


def signer_of(home: Path, key: str | None, *, unsigned: bool = False) -> Signer:
    """Return who signs: the person whom the settings name, with the key that was named or is usual."""
    from getpass import getuser

    from filiation.capture.place import read_settings
    from filiation.crate.seals import Signer, ssh

    settings = read_settings(home)
    if settings.name is None:
        remark("Your name is not stated in filiation.toml ([agent] name = …); the seal names your login instead.")
    return Signer(settings.name or getuser(), settings.orcid, None if unsigned else ssh.signing_key(key))


def _stamper(tsa: str | None) -> Callable[[bytes], bytes] | None:
    if tsa is None:
        return None
    from filiation.crate.seals.time_stamps import stamper

    return stamper(tsa)


def _attester(folder: Path, signer: Signer) -> Callable[[Statement], bytes] | None:
    from filiation.crate.seals.attestation import attester

    return None if signer.key is None else attester(folder, signer.key)


def evidence_for(signers: Path | None, tsa_roots: str | None = None, minisign_keys: tuple[str, ...] = ()) -> Evidence:
    """Return what can be read beside seals; what needs an extra that is not installed is left aside."""
    from dataclasses import replace

    from filiation.crate.seals import Evidence
    from filiation.crate.seals.metadata_signature import signature_reader

    evidence = Evidence(signers)
    try:
        evidence = replace(evidence, minisign=signature_reader(minisign_keys))
    except MissingExtraError:
        if minisign_keys:
            raise
    try:
        from filiation.crate.seals.attestation import check_attestation
        from filiation.crate.seals.time_stamps import stamp_reader

        reader = stamp_reader(Path(tsa_roots) if tsa_roots else None)
    except MissingExtraError:
        if tsa_roots:
            raise
        return evidence
    return replace(evidence, time_stamp=reader, attestation=check_attestation)


def _sealed(statement: Statement, place: Path, *, unsigned: bool) -> str:
    stores = f", {len(statement.trees)} stores or folders as a whole" if statement.trees else ""
    lines = [
        f"Sealed in {place}: {statement.files} files{stores}; {statement.elsewhere} things elsewhere by their digests.",
        f"{'Stated, not signed,' if unsigned else 'Signed'} by {statement.signer} as {statement.meaning!r}.",
    ]
    if statement.unidentified:
        lines.append(f"Of {statement.unidentified} things the crate has no digest; nothing is stated of them.")
    return "\n".join(lines)
