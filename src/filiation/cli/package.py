"""``filiation package``: a crate in the forms that others take."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from filiation.cli.options import example, json_option
from filiation.cli.output import bytes_bar, remark, say, say_json
from filiation.cli.seal import crate_at_hand
from filiation.errors import BadInputError
from filiation.publish.packages import FORMS

if TYPE_CHECKING:
    from filiation.publish.packages import Package

PASSWORD: Final = "FILIATION_MINISIGN_PASSWORD"  # noqa: S105 - the variable's name


@click.command(
    epilog="\b\nForms:\n"
    + "\n".join(f"  {name:14} {form.help}" for name, form in FORMS.items())
    + "\n\n"
    + example(
        "filiation package nuclei --as eln --to nuclei.eln --minisign-key minisign.key",
        "filiation package nuclei.zip --as citation-cff",
        "filiation package nuclei --as bagit --to nuclei-bag",
    )
)
@click.argument("crate")
@click.option("--as", "form", metavar="FORM", type=click.Choice(list(FORMS)), required=True, help="One of those below.")
@click.option(
    "--to", "target", metavar="PLACE", type=click.Path(path_type=Path), help="Where to; a text is printed else."
)
@click.option(
    "--minisign-key",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help=f"Sign the metadata of an .eln with this secret key of minisign. Its password is asked for, or {PASSWORD}.",
)
@click.option("--contact", metavar="EMAIL", help="Whom to ask, for a bag or a plan of data management.")
@click.option(
    "--catalogue",
    metavar="PATH",
    envvar="FILIATION_CATALOGUE",
    help="Where to look for a run of that id; a folder or archive needs none.",
)
@json_option
def package(
    crate: str,
    form: str,
    target: Path | None,
    minisign_key: Path | None,
    contact: str | None,
    catalogue: str | None,
    as_json: bool,
) -> None:
    """Write CRATE in a form that others take.

    CRATE is a crate's folder, a ZIP archive (.zip, .eln) of it, or a run of the catalogue (its id or the start of it).
    Any RO-Crate will do. The archives hold every byte of the crate, and the same bytes always make the same archive.
    What a form asks for and the crate does not say is told, and nothing is made up.
    """
    from filiation.publish.packages import PackageSettings, write_package

    if minisign_key is not None and form != "eln":
        raise BadInputError("--minisign-key is for --as eln; `filiation seal` signs a crate in any form.")
    if target is None and not FORMS[form].is_text:
        raise BadInputError(f"Say where to: --to PLACE{FORMS[form].ending}")
    with crate_at_hand(crate, catalogue) as folder:
        sign = None if minisign_key is None else _signer(minisign_key)
        if target is None:
            _print(folder, form, PackageSettings(sign=sign, contact=contact))
            return
        with bytes_bar("Packing") as advance:
            settings = PackageSettings(sign=sign, contact=contact, progress=advance)
            written = write_package(folder, form, target, settings)
    _tell(written, as_json=as_json)


def _tell(written: Package, *, as_json: bool) -> None:
    from filiation.lineage.words import counted

    if as_json:
        say_json(written.to_json())
        return
    say(f"{counted(written.files, 'file')}, {written.size} bytes, in {written.target} ({FORMS[written.form].help}).")
    for note in written.remarks:
        remark(note)


def _print(folder: Path, form: str, settings: object) -> None:
    from tempfile import TemporaryDirectory

    from filiation.publish.packages import PackageSettings, write_package

    if not isinstance(settings, PackageSettings):
        raise TypeError("expected settings")
    with TemporaryDirectory(prefix="filiation-package-") as temporary:
        written = write_package(folder, form, Path(temporary) / "text", settings)
        say(written.target.read_text("utf-8").rstrip("\n"))
    for note in written.remarks:
        remark(note)


def _signer(key: Path) -> Callable[[bytes], bytes]:
    from filiation.crate.seals.metadata_signature import metadata_signer

    def password() -> str | None:
        if (given := os.environ.get(PASSWORD)) is not None:
            return given
        if not sys.stdin.isatty():
            return None
        return str(click.prompt(f"Password of {key}", hide_input=True, err=True))

    return metadata_signer(key, password)
