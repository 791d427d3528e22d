"""Stores in an object store (S3): read where they lie, and digested as a local copy would be.

Only this module speaks to ``obstore``. Keys and secrets come from :mod:`filiation.images.object_access` and go nowhere
else.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zarr.storage import ObjectStore

from filiation.digest import LEFT_OUT, TreeDigest, tree_of
from filiation.errors import AccessError, BadInputError, FiliationError, MissingExtraError, NotFoundError, ServerError
from filiation.images.multiscale import Multiscale, group_in, multiscale_of
from filiation.images.object_access import ObjectAccess
from filiation.model import is_uri

if TYPE_CHECKING:
    import zarr
    from obstore.store import S3Config, S3Store

_AT_ONCE = 16
"""Requests on their way at once: an object store answers each one late and many together fast."""
_READ_TOGETHER = 4 * _AT_ONCE
_PIECE = 1 << 20
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]")
_STATUS = re.compile(r"status code: (\d{3})")


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """Where a store lies in an object store: all objects whose key begins with ``key/``."""

    bucket: str
    key: str

    @classmethod
    def from_uri(cls, uri: str) -> ObjectPlace:
        """Read ``s3://<bucket>/<key>``.

        Raises
        ------
        BadInputError
            If it has another form. What might be a password in it is not repeated.
        """
        bucket, _, key = uri.partition("://")[2].partition("/")
        if "@" in bucket:
            raise BadInputError(
                "A URI of an object store holds no user or key; it would be recorded. Write s3://<bucket>/<key>, and "
                "give the keys as AWS's own tools take them."
            )
        key = key.strip("/")
        parts = key.split("/")
        if not _BUCKET.fullmatch(bucket) or not key or any(part in ("", ".", "..") for part in parts) or "?" in key:
            raise BadInputError(
                f"{uri!r} names no store; expected s3://<bucket>/<key>, as in s3://lab/raw/51.ome.zarr."
            )
        return cls(bucket, key)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]

    def beside(self, name: str) -> ObjectPlace | None:
        """Return the place that a relative path leads to from the store; None if it leads out of the bucket."""
        key = posixpath.normpath(posixpath.join(self.key, name))
        return None if key.split("/")[0] in ("", ".", "..") else ObjectPlace(self.bucket, key)


def place_of_store(path_or_uri: str) -> Path | ObjectPlace:
    """Return where a store lies, that somebody names: a path, or ``s3://<bucket>/<key>``.

    Raises
    ------
    BadInputError
        If it is a URI of another kind, or :meth:`ObjectPlace.from_uri` says that it names no store.
    """
    if not is_uri(path_or_uri):
        return Path(path_or_uri)
    if not path_or_uri.startswith("s3://"):
        raise BadInputError(f"{path_or_uri!r} names no store; expected a path, or s3://<bucket>/<key>.")
    return ObjectPlace.from_uri(path_or_uri)


def open_object_multiscale(place: ObjectPlace) -> Multiscale:
    """Read the metadata of an OME-Zarr image or label image in an object store.

    Raises
    ------
    NotFoundError
        If there is nothing at the place.
    BadInputError
        If it is no OME-Zarr image.
    AccessError, ServerError, MissingExtraError
        If the object store refuses, cannot be reached, or the extra ``s3`` is not installed.
    """
    with told(place):
        return multiscale_of(open_object_group(place), str(place))


def open_object_group(place: ObjectPlace) -> zarr.Group:
    """Open the group at the root of a store in an object store, for reading; raises as above."""
    client = _client(place)
    with told(place):
        if next(iter(_list(client)), None) is None:
            raise NotFoundError(f"There is nothing at {place}: no object has a key that begins with {place.key}/.")
        return group_in(ObjectStore(client, read_only=True), str(place))


def digest_objects(place: ObjectPlace) -> TreeDigest:
    """Return the tree digest of a store in an object store: that of a local copy, since it is over names and bytes.

    An ETag is none of it: it depends on how an object was uploaded. It only tells that an object changed meanwhile.

    Raises
    ------
    NotFoundError
        If there is nothing at the place.
    AccessError, ServerError, MissingExtraError
        As :func:`open_object_multiscale`; a ServerError also if an object is replaced while all are read.
    """
    client = _client(place)
    with told(place):
        listed = list(_list(client))
        if not listed:
            raise NotFoundError(f"There is nothing at {place}: no object has a key that begins with {place.key}/.")
        with ThreadPoolExecutor(_AT_ONCE, "filiation-objects") as pool:
            hashes = list(pool.map(lambda each: _hash(client, each, place), listed))
    return tree_of(hashes, sum(each["size"] for each in listed))


def object_names(place: ObjectPlace) -> list[str]:
    """Return the keys of all objects of a store, without the store's own; none if there is nothing.

    Raises
    ------
    AccessError, ServerError, MissingExtraError
        As :func:`open_object_multiscale`.
    """
    client = _client(place)
    with told(place):
        return [str(each["path"]) for each in _list(client)]


def read_objects(place: ObjectPlace, names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Read objects of a store, many at once; name and content of each that is there, in their order.

    Raises
    ------
    AccessError, ServerError, MissingExtraError
        As :func:`open_object_multiscale`.
    """
    client = _client(place)
    with told(place), ThreadPoolExecutor(_AT_ONCE, "filiation-objects") as pool:
        for begin in range(0, len(names), _READ_TOGETHER):
            some = names[begin : begin + _READ_TOGETHER]
            for name, content in zip(some, pool.map(lambda each: _content(client, each), some), strict=True):
                if content is not None:
                    yield name, content


def put_objects(place: ObjectPlace, items: Iterable[tuple[str, Path | bytes]]) -> None:
    """Put objects into a store, by their names in it, many at once.

    Raises
    ------
    AccessError, ServerError, MissingExtraError
        As :func:`open_object_multiscale`.
    """
    import obstore

    client = _client(place)
    with told(place), ThreadPoolExecutor(_AT_ONCE, "filiation-put") as pool:
        list(pool.map(lambda item: obstore.put(client, *item), items))


def remove_objects(place: ObjectPlace, names: Iterable[str]) -> None:
    """Remove objects of a store; raises as above."""
    import obstore

    client = _client(place)
    with told(place):
        if some := list(names):
            obstore.delete(client, some)


def written_store(place: ObjectPlace) -> ObjectStore[S3Store]:
    """Return a store in an object store as Zarr writes to it; raises MissingExtraError."""
    return ObjectStore(_client(place))


def _list(client: S3Store) -> Iterator[Any]:
    """Yield what is there, but for what a tree digest leaves out and what some tools put in the place of folders."""
    import obstore

    for batch in obstore.list(client):
        for each in batch:
            if not each["path"].endswith("/") and each["path"].rpartition("/")[2] != LEFT_OUT.decode():
                yield each


def _content(client: S3Store, name: str) -> bytes | None:
    import obstore
    from obstore import exceptions

    try:
        return bytes(obstore.get(client, name).bytes())
    except (exceptions.NotFoundError, FileNotFoundError):
        return None


def _hash(client: S3Store, listed: Any, place: ObjectPlace) -> tuple[bytes, str]:
    import obstore

    answer = obstore.get(client, listed["path"])
    if answer.meta["e_tag"] != listed["e_tag"]:
        raise ServerError(
            f"{place}/{listed['path']} was replaced while the store was read. Read it when nobody writes to it."
        )
    digest = hashlib.sha256()
    for piece in answer.stream(min_chunk_size=_PIECE):
        digest.update(piece)
    return listed["path"].encode("utf-8"), digest.hexdigest()


def _client(place: ObjectPlace) -> S3Store:
    try:
        from obstore.store import S3Store
    except ImportError as error:
        raise MissingExtraError(
            f"{place} is in an object store, which takes the library obstore. Install it with: "
            "pip install 'filiation[s3]'"
        ) from error
    access = ObjectAccess.from_environment()
    config: S3Config = {"region": access.region, "skip_signature": not access.key_id and not access.by_role}
    if access.endpoint:
        config["endpoint"] = access.endpoint
    if access.key_id:
        config |= {"access_key_id": access.key_id, "secret_access_key": access.secret}
    if access.token:
        config["session_token"] = access.token
    return S3Store(
        place.bucket,
        prefix=place.key,
        config=config,
        client_options={"allow_http": access.endpoint.startswith("http://")},
        retry_config={"max_retries": 4},
    )


@contextmanager
def told(place: ObjectPlace) -> Iterator[None]:
    """Turn what the client raises into one of our errors; its own text may quote requests, and is left out."""
    from obstore import exceptions

    try:
        yield
    except FiliationError:
        raise
    except exceptions.BaseError as error:
        # Listing what is refused or not there raises no error of its own kind; the status is in its text.
        found = _STATUS.search(str(error))
        status = int(found[1]) if found else 0
        if isinstance(error, exceptions.NotFoundError) or status == 404:
            raise NotFoundError(f"There is nothing at {place}, or no such bucket.") from error
        refusals = exceptions.PermissionDeniedError | exceptions.UnauthenticatedError
        if isinstance(error, refusals) or status in (401, 403):
            raise AccessError(
                f"The object store refuses {place}. Check the keys (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                "the profile AWS_PROFILE) and what they may do."
            ) from error
        raise ServerError(
            f"{place} cannot be read or written: the object store cannot be reached, or broke off "
            f"({type(error).__name__}). Check AWS_ENDPOINT_URL and AWS_REGION, and try again."
        ) from error
