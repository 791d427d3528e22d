"""What jobs were deployed in as JSON-LD and back: container images, and conda environments with their packages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from filiation.crate.agents import read_software, software_id
from filiation.crate.jsonld import Node, ids, local, node, reference, references, required, text
from filiation.model import Action, CondaEnvironment, ContainerImage, Digest, DigestKind, Software

ENVIRONMENTS = "environments/"
_TYPES = "https://w3id.org/ro/terms/workflow-run#"

Nodes = Mapping[str, Mapping[str, Any]]


def needed(actions: Iterable[Action]) -> list[Software]:
    """Return the software that actions are known to have had: what they imported, and what their environments hold.

    Thousands of jobs share an environment of hundreds of packages, so each is looked at once.
    """
    actions = list(actions)
    environments = {id(action.conda): action.conda for action in actions if action.conda}
    imported = (item for action in actions for item in action.software)
    return list(dict.fromkeys([*imported, *(item for found in environments.values() for item in found.packages)]))


def environment_id(environment: CondaEnvironment) -> str:
    """Return the @id of a conda environment."""
    return local("environment", environment.lock.hex[:16], environment.prefix)


def write_environments(actions: Iterable[Action]) -> list[Node]:
    """Return every conda environment that actions were deployed in."""
    known = {id(action.conda): action.conda for action in actions if action.conda}
    environments = {environment_id(environment): environment for environment in known.values()}
    return [
        node(
            identifier,
            "CreativeWork",
            name=f"conda environment {environment.prefix.rpartition('/')[2]}",
            description=f"Conda environment of {len(environment.packages)} packages, as it was deployed",
            prefix=environment.prefix,
            lock=str(environment.lock),
            packages=references(software_id(package) for package in environment.packages),
        )
        for identifier, environment in environments.items()
    ]


def write_lock(place: str, size: int, actions: Iterable[Action]) -> Node:
    """Return the list of an environment's packages, a file of the crate."""
    digits = place.removeprefix(ENVIRONMENTS).removesuffix(".txt")
    known = {id(each.conda): each.conda for each in actions if each.conda}
    about = {environment_id(environment) for environment in known.values() if environment.lock.hex == digits}
    return node(
        place,
        "File",
        name=place.removeprefix(ENVIRONMENTS),
        description="Packages of a deployed conda environment, as `conda create --file` takes them",
        encodingFormat="text/plain",
        contentSize=str(size),
        sha256=digits,
        about=references(sorted(about)),
    )


def read_environments(nodes: Nodes) -> dict[str, CondaEnvironment]:
    """Return every environment that :func:`write_environments` wrote, by its @id."""
    return {identifier: _read_environment(entity, nodes) for identifier, entity in nodes.items() if "lock" in entity}


def _read_environment(entity: Mapping[str, Any], nodes: Nodes) -> CondaEnvironment:
    return CondaEnvironment(
        prefix=str(required(entity, "prefix")),
        lock=Digest.from_text(str(required(entity, "lock"))),
        packages=tuple(read_software(nodes[identifier]) for identifier in ids(entity.get("packages"))),
    )


def write_container(image: ContainerImage) -> Node:
    """Return a container image that an action ran in."""
    scheme, _, address = image.url.rpartition("://")
    # Without a scheme Snakemake takes it for an image file.
    own = scheme in ("", "file") and image.path is not None
    registry, name, tag = ("", address.rpartition("/")[2], "") if own else _in_registry(address)
    # Apptainer makes an image file of its own from one of a registry, and runs that.
    kind = "DockerImage" if scheme in ("docker", "") and image.path is None else "SIFImage"
    return node(
        local("container", image.url),
        "ContainerImage",
        name=name,
        registry=registry or None,
        tag=tag or None,
        sha256=image.digest.hex if image.digest else None,
        registryDigest=image.registry_digest,
        additionalType=reference(_TYPES + kind),
        imageUrl=image.url,
        imageFile=image.path,
    )


def _in_registry(address: str) -> tuple[str, str, str]:
    """Return registry, name and tag of an image's address; what is not said is empty.

    Its first part is a registry if it looks like a host, as in Docker's references.

    >>> _in_registry("localhost:5000/lab/tool:1.2"), _in_registry("lab/tool@sha256:0f")
    (('localhost:5000', 'lab/tool', '1.2'), ('', 'lab/tool', ''))
    """
    named, _, _ = address.partition("@")
    # An image's last part may carry a tag; a colon before a slash is a registry's port.
    name, colon, tag = named.rpartition(":")
    if not colon or "/" in tag:
        name, tag = named, ""
    first, slash, rest = name.partition("/")
    host = bool(slash) and (first == "localhost" or "." in first or ":" in first)
    return (first, rest, tag) if host else ("", name, tag)


def read_container(entity: Mapping[str, Any]) -> ContainerImage:
    """Return the image that :func:`write_container` wrote."""
    digits = text(entity, "sha256")
    return ContainerImage(
        url=str(required(entity, "imageUrl")),
        path=text(entity, "imageFile"),
        digest=Digest(DigestKind.FILE, digits) if digits else None,
    )
