"""Annotations of our own namespaces on a server: found, written with the link in one transaction, removed.

What writes together has a mark, which stands in the description of each annotation and in the path of each file: so
what was written can be told from everything else, even if nobody was told its id.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from filiation.errors import AccessError, ServerError
from filiation.images.omero.connection import Connection
from filiation.images.omero.namespaces import OURS
from filiation.images.omero.objects import ObjectId, Target, ask, in_group

FOLDER = "filiation"
"""Beginning of the path of every file that is written."""
TABLE_TYPE = "OMERO.tables"


@dataclass(frozen=True, slots=True)
class Annotation:
    """An annotation of ours as it is on the server.

    Parameters
    ----------
    object
        Which.
    target
        What it is on.
    namespace
        Which of ours.
    mark
        What was written together with it.
    owner
        Login name of whose it is.
    pairs
        Of a map annotation.
    file, sha1
        Path and SHA-1 of a file annotation's file, as the server has them; a table has no SHA-1 of its content.
    """

    object: ObjectId
    target: ObjectId
    namespace: str
    mark: str
    owner: str
    pairs: tuple[tuple[str, str], ...] = ()
    file: str = ""
    sha1: str = ""


def annotations_on(connection: Connection, targets: Sequence[ObjectId]) -> tuple[Annotation, ...]:
    """Return the annotations of our namespaces on some objects, by id."""
    found: dict[tuple[ObjectId, ObjectId], Annotation] = {}
    for kind in sorted({target.kind for target in targets}):
        ids = sorted({target.id for target in targets if target.kind == kind})
        query = (
            "select l.parent.id, a.id, a.ns, a.description, a.details.owner.omeName "  # noqa: S608 - a kind of ours
            f"from {kind}AnnotationLink l join l.child a where l.parent.id in (:ids) and a.ns in ({_quoted(OURS)})"
        )
        rows = [(ObjectId(kind, int(row[0])), *row[1:]) for row in ask(connection, query, ids)]
        numbers = sorted({int(row[1]) for row in rows})
        files, maps = _files(connection, numbers), _maps(connection, numbers)
        for target, number, namespace, mark, owner in rows:
            path, sha1 = files.get(int(number), ("", ""))
            which = ObjectId("FileAnnotation" if int(number) in files else "MapAnnotation", int(number))
            found[which, target] = Annotation(
                which, target, namespace, mark or "", owner, maps.get(int(number), ()), path, sha1
            )
    return tuple(found[place] for place in sorted(found))


def _quoted(texts: Sequence[str]) -> str:
    return ", ".join(f"'{text}'" for text in texts)


def _files(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    query = "select a.id, f.path, f.name, f.hash from FileAnnotation a join a.file f where a.id in (:ids)"
    return {
        int(number): (_joined(path, name), digest or "") for number, path, name, digest in ask(connection, query, ids)
    }


def _joined(path: str, name: str) -> str:
    """Return where a file is; of a table some servers give the whole path as its name."""
    return name if name.startswith(f"{FOLDER}/") else f"{path.rstrip('/')}/{name}"


def _maps(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[tuple[str, str], ...]]:
    if not ids:
        return {}
    return {
        int(wrapper.getId()): tuple((str(name), str(value)) for name, value in wrapper.getValue())
        for wrapper in connection.gateway.getObjects("MapAnnotation", list(ids))
    }


def write_pairs(
    connection: Connection, target: Target, namespace: str, pairs: Sequence[tuple[str, str]], mark: str
) -> ObjectId:
    """Put pairs on an object; none may be longer than the server's index takes.

    Raises
    ------
    AccessError, ServerError
        If the server refuses, or is lost; it is not tried again, as it may be there already.
    """
    from omero.model import MapAnnotationI, NamedValue

    annotation = MapAnnotationI()
    annotation.setMapValue([NamedValue(name, value) for name, value in pairs])
    return link(connection, target, annotation, namespace, mark)


def write_file(
    connection: Connection, target: Target, namespace: str, path: str, content: bytes, media_type: str, mark: str
) -> ObjectId:
    """Put a file on an object, and check that it arrived whole.

    Parameters
    ----------
    path
        Its folders and name on the server, below the mark's own.

    Raises
    ------
    ServerError
        If what arrived is not what was sent; nothing of it is left then.
    """
    from omero.model import FileAnnotationI, OriginalFileI

    folder, _, name = path.rpartition("/")
    gateway = connection.gateway

    def upload() -> Any:
        with in_group(connection, target.group):
            return gateway.createOriginalFileFromFileObj(io.BytesIO(content), folder, name, len(content), media_type)

    file = connection.call(upload, f"sending {name} to {target.object}", once=True)
    sent = hashlib.sha1(content, usedforsecurity=False).hexdigest()  # OMERO's own checksum
    if (file.getSize(), file.getHash()) != (len(content), sent):
        remove(connection, [ObjectId("OriginalFile", int(file.getId()))], target.group)
        raise ServerError(
            f"The OMERO server {connection.host} kept {name} otherwise than it was sent (SHA-1 {file.getHash()}, "
            f"{sent} was expected), so it was removed again. Repeat the command; if it happens again, ask the server's "
            "administrator about its disk."
        )
    annotation = FileAnnotationI()
    annotation.setFile(OriginalFileI(file.getId(), False))
    return link(connection, target, annotation, namespace, mark)


def link(connection: Connection, target: Target, annotation: Any, namespace: str, mark: str) -> ObjectId:
    """Save a new annotation together with its link to an object, in the object's group; return which it is."""
    import omero.model
    from omero.rtypes import rstring

    annotation.setNs(rstring(namespace))
    annotation.setDescription(rstring(mark))
    joint = getattr(omero.model, f"{target.object.kind}AnnotationLinkI")()
    joint.setParent(getattr(omero.model, f"{target.object.kind}I")(target.object.id, False))
    joint.setChild(annotation)

    def save() -> int:
        with in_group(connection, target.group) as options:
            saved = connection.gateway.getUpdateService().saveAndReturnObject(joint, options)
            return int(saved.getChild().getId().getValue())

    number = connection.call(save, f"annotating {target.object}", once=True)
    return ObjectId(type(annotation).__name__.removesuffix("I"), number)


def remove(connection: Connection, objects: Sequence[ObjectId], group: int) -> None:
    """Delete annotations with their files, files, or regions of interest, in the group that they are in.

    Raises
    ------
    AccessError
        If the server does not let this user.
    """
    import omero

    for kind in sorted({_graph(each) for each in objects}, reverse=True):  # regions before what they are linked to
        ids = [each.id for each in objects if _graph(each) == kind]

        def delete(kind: str = kind, ids: list[int] = ids) -> None:
            with in_group(connection, group):
                connection.gateway.deleteObjects(kind, ids, wait=True)

        try:
            connection.call(delete, f"removing {kind} {', '.join(map(str, ids))}", once=True)
        except omero.CmdError as error:
            why = getattr(error.err, "parameters", {}).get("message", error.err.name)
            raise AccessError(
                f"The OMERO server {connection.host} did not let {connection.user!r} remove {kind} "
                f"{', '.join(map(str, ids))}: {why}. Ask who owns them, or the leader of the group."
            ) from None


def _graph(which: ObjectId) -> str:
    return "Annotation" if which.kind.endswith("Annotation") else which.kind


def marked(connection: Connection, mark: str) -> dict[ObjectId, int]:
    """Return everything on the server that carries a mark, with the group it is in.

    Annotations have it as their description, regions as its beginning; files whose annotation was never written, in
    their path.
    """
    found: dict[ObjectId, int] = {}
    for kind, condition, text in (
        ("MapAnnotation", f"a.description = :mark and a.ns in ({_quoted(OURS)})", mark),
        ("FileAnnotation", f"a.description = :mark and a.ns in ({_quoted(OURS)})", mark),
        ("Roi", "a.description like :mark", f"{mark} %"),
    ):
        query = f"select a.id, a.details.group.id from {kind} a where {condition}"  # noqa: S608 - kinds of ours
        for number, group in ask(connection, query, mark=text):
            found[ObjectId(kind, int(number))] = int(group)
    query = (
        "select f.id, f.details.group.id from OriginalFile f where (f.path like :part or f.name like :part) "
        "and not exists (select a.id from FileAnnotation a where a.file.id = f.id)"
    )
    part = f"%{mark.rpartition(':')[2]}%"
    for number, group in ask(connection, query, part=part):
        found[ObjectId("OriginalFile", int(number))] = int(group)
    return found


def targets_of(connection: Connection, objects: Sequence[ObjectId]) -> dict[ObjectId, ObjectId]:
    """Return what annotations are on, and which image regions of interest are of."""
    found: dict[ObjectId, ObjectId] = {}
    ids = [each.id for each in objects if each.kind.endswith("Annotation")]
    by_id = {each.id: each for each in objects if each.kind.endswith("Annotation")}
    for kind in ("Image", "Dataset", "Plate"):
        query = f"select l.child.id, l.parent.id from {kind}AnnotationLink l where l.child.id in (:ids)"  # noqa: S608
        for child, parent in ask(connection, query, ids):
            found[by_id[int(child)]] = ObjectId(kind, int(parent))
    regions = [each.id for each in objects if each.kind == "Roi"]
    for number, image in ask(connection, "select r.id, r.image.id from Roi r where r.id in (:ids)", regions):
        found[ObjectId("Roi", int(number))] = ObjectId("Image", int(image))
    return found


def standing(connection: Connection, objects: Sequence[ObjectId]) -> dict[ObjectId, int]:
    """Return those of some objects that are there and are ours, with the group that each is in.

    Both annotations and regions have a mark, and annotations are in one of our namespaces.
    """
    found: dict[ObjectId, int] = {}
    for kind in sorted({each.kind for each in objects}):
        ours = f" and a.ns in ({_quoted(OURS)})" if kind.endswith("Annotation") else ""
        query = (
            f"select a.id, a.details.group.id from {kind} a "  # noqa: S608 - kinds that were recorded as written
            f"where a.id in (:ids) and a.description like 'urn:uuid:%'{ours}"
        )
        for number, group in ask(connection, query, [each.id for each in objects if each.kind == kind]):
            found[ObjectId(kind, int(number))] = int(group)
    return found
