"""What of a catalogue is private: a policy, read from a file in YAML or TOML (``docs/how-to/merge-catalogues.md``)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from filiation.digest import digest_file
from filiation.errors import BadInputError, NotFoundError
from filiation.model import Digest

KEEP: Final = "keep"
DROP: Final = "drop"
_LISTS: Final = ("runs", "rules", "parameters", "people", "paths", "commands", "annotations", "texts")
_OF_IMAGES: Final = ("server", "group", "container", "image")
_SHORTEST_RUN: Final = 8
_SHORTEST_TEXT: Final = 3


@dataclass(frozen=True, slots=True)
class ImagePattern:
    """Images of a server; each part is a shell pattern, and all that are given have to match.

    Where a crate tells nothing of an image's group, or of where it is filed, it may be any: it counts as matching.

    Parameters
    ----------
    server
        Host name.
    group
        Name of the group that owns the image on the server.
    container
        Name or IRI of a project, dataset, screen or plate that the image is filed in, however deep.
    image
        IRI of the image, such as ``https://omero.example.org/Image/51`` or ``synthetic:*``.
    """

    server: str = "*"
    group: str = "*"
    container: str = "*"
    image: str = "*"


@dataclass(frozen=True, slots=True)
class Policy:
    """What is private, each as shell patterns (``*``, ``?``, ``[ab]``; ``*`` stands for ``/`` too).

    Parameters
    ----------
    runs
        Starts of runs' ids, of eight characters or more: nothing of them but their shape is told.
    rules, parameters, people, paths, commands, annotations
        Names of rules and of parameters; names, ORCIDs, account names or mail addresses; paths as a run or a machine
        named them; command lines; names of annotations.
    texts
        No patterns: words that must not stand anywhere.
    images
        Images outside runs.
    digests
        ``keep`` or ``drop`` the digests of private things.
    digest
        Of the file that said all this.
    """

    runs: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    images: tuple[ImagePattern, ...] = ()
    digests: str = DROP
    digest: Digest | None = None


def matches(text: str, patterns: tuple[str, ...]) -> bool:
    """Whether a text is as one of the patterns says, capitals and all."""
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def read_policy(path: Path) -> Policy:
    """Read a policy.

    Raises
    ------
    NotFoundError
        If there is no such file.
    BadInputError
        If it is neither YAML nor TOML, or says something that is not known: what a typing error would leave public is
        refused.
    """
    told = _load(path)
    withhold = told.pop("withhold", None)
    digests = told.pop("digests", DROP)
    if told:
        raise BadInputError(f"{path}: {_named(told)} not known; expected withhold and digests.")
    if not isinstance(withhold, dict) or not withhold:
        raise BadInputError(f"{path}: withhold has to be a table that says what is private; found {withhold!r}.")
    if digests not in (KEEP, DROP):
        raise BadInputError(f"{path}: digests is {digests!r}; expected {KEEP} or {DROP}.")
    known = {*_LISTS, "images"}
    if unknown := {key: None for key in withhold if key not in known}:
        raise BadInputError(f"{path}: withhold has {_named(unknown)} not known; expected {', '.join(sorted(known))}.")
    lists = {key: _texts(withhold[key], f"{path}: {key}") for key in _LISTS if key in withhold}
    _check_lengths(lists, path)
    images = _images(withhold.get("images", []), path)
    return Policy(**lists, images=images, digests=digests, digest=digest_file(path))


def _load(path: Path) -> dict[str, object]:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no policy at {path}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"The policy {path} cannot be read: {error}.") from error
    if path.suffix == ".toml":
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise BadInputError(f"The policy {path} is not TOML: {error}.") from error
    if path.suffix not in (".yaml", ".yml"):
        raise BadInputError(f"The policy {path} has to be a file .yaml, .yml or .toml.")
    import yaml

    try:
        told = yaml.load(text, Loader=_strict_loader())  # noqa: S506 - a SafeLoader that refuses what is said twice
    except (yaml.YAMLError, RecursionError) as error:
        raise BadInputError(f"The policy {path} is not YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(told, dict) or not all(isinstance(key, str) for key in told):
        raise BadInputError(f"The policy {path} has to be a table with withhold; found {str(told)[:80]}.")
    return told


def _strict_loader() -> type:
    """Return a loader to which a name that stands twice in a table is an error: the second would hide the first."""
    import yaml

    class Strict(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
            names = [getattr(key, "value", None) for key, _ in node.value]
            for name in names:
                if names.count(name) > 1:
                    raise yaml.constructor.ConstructorError(None, None, f"{name!r} stands there twice", node.start_mark)
            return super().construct_mapping(node, deep)

    return Strict


def _texts(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise BadInputError(
            f"{where} has to be a list of texts, in quotes where they look like numbers; got {value!r}."
        )
    return tuple(value)


def _check_lengths(lists: dict[str, tuple[str, ...]], path: Path) -> None:
    for run in lists.get("runs", ()):
        if len(run) < _SHORTEST_RUN:
            raise BadInputError(f"{path}: runs has {run!r}; expected {_SHORTEST_RUN} characters of a run's id or more.")
    for text in lists.get("texts", ()):
        if len(text) < _SHORTEST_TEXT:
            raise BadInputError(f"{path}: texts has {text!r}; a text so short stands in everything.")


def _images(value: object, path: Path) -> tuple[ImagePattern, ...]:
    if not isinstance(value, list):
        raise BadInputError(
            f"{path}: images has to be a list of tables such as {{server: …, group: …}}; got {value!r}."
        )
    expected = [field.name for field in fields(ImagePattern)]
    found = []
    for item in value:
        if not isinstance(item, dict) or not item or not all(isinstance(text, str) for text in item.values()):
            raise BadInputError(f"{path}: images has {item!r}; expected a table of texts with {', '.join(expected)}.")
        if unknown := {key: None for key in item if key not in _OF_IMAGES}:
            raise BadInputError(f"{path}: images has {_named(unknown)} not known; expected {', '.join(expected)}.")
        found.append(ImagePattern(**item))
    return tuple(found)


def _named(unknown: dict[str, object] | dict[str, None]) -> str:
    names = ", ".join(map(repr, unknown))
    return f"{names}, which is" if len(unknown) == 1 else f"{names}, which are"
