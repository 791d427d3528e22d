"""``filiation omero``: images on an OMERO server as samples of a workflow, and results put back on them."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from filiation.cli.omero_audit import audit
from filiation.cli.omero_containers import container_of, container_options
from filiation.cli.options import example, json_option
from filiation.cli.output import remark, say_json
from filiation.cli.register import register
from filiation.errors import BadInputError, NotFoundError

if TYPE_CHECKING:
    from filiation.images.omero import Address

COLUMNS = ("sample", "source", "sigma", "spacing", "minimum_size")
"""Those of config/samples.tsv; an empty cell takes the config's value."""


@click.group(epilog=example("filiation omero samples --server omero.example.org --dataset 12 > samples.tsv"))
def omero() -> None:
    """List images in OMERO as samples; write results back; audit.

    Sign in with `omero login`, or by the variables OMERO_SESSION, or OMERO_USER with OMERO_PASSWORD or
    OMERO_PASSWORD_FILE; there is no option for a password on purpose. Needs the extra filiation[omero].
    """


omero.add_command(register)
omero.add_command(audit)


@omero.command(epilog=example("filiation omero samples --server omero.example.org --dataset 12 --tag control"))
@click.option("--server", metavar="HOST[:PORT]", help="The server; OMERO_HOST if left out.")
@container_options
@json_option
def samples(server: str | None, tags: tuple[str, ...], as_json: bool, **containers: int | None) -> None:
    """Write a sample sheet of images on a server to the standard output.

    Its columns are those of config/samples.tsv; what the sheet leaves empty is taken from the config. Without a
    container, all images with the tags are listed.
    """
    from filiation.images.omero import list_images

    address = _address(server, tags, container_of(containers))
    found = list_images(address)
    if not found:
        raise NotFoundError(f"No image was found in {address}{' with these tags' if tags else ''}.")
    if as_json:
        say_json([
            {"sample": image.sample, "source": str(image.address), "name": image.name, "iri": image.address.iri}
            for image in found
        ])  # fmt: skip
        return
    click.echo("\t".join(COLUMNS))
    for image in found:
        click.echo("\t".join([image.sample, str(image.address), *[""] * (len(COLUMNS) - 2)]))
    tagged = f", tagged {', '.join(map(repr, tags))}" if tags else ""
    remark(f"{len(found)} image{'s' if len(found) > 1 else ''} of {address}{tagged}")


def _address(server: str | None, tags: tuple[str, ...], container: str | None) -> Address:
    from filiation.images.omero import Address

    host = server or os.environ.get("OMERO_HOST", "")
    if not host:
        raise BadInputError("Which server? Give --server, or set OMERO_HOST.")
    if container is None and not tags:
        raise BadInputError(
            "Which images? Give one of --image, --dataset, --project, --plate, --well, --screen, --tag."
        )
    return replace(Address.from_uri(f"omero://{host}/{container or 'images'}"), tags=tags)
