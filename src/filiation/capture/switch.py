"""Recording switched on for a workflow's repository, and off again: ``filiation init``.

Which profile Snakemake reads by itself is Snakemake's decision; this follows its own order (``snakemake.cli``): the
first of ``default``, ``profiles/default`` and ``profiles/default`` beside the Snakefile, in the folder where it is
called. What was there before is kept in the catalogue's folder, so that undoing restores it byte for byte.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from filiation.capture.place import find_catalogue
from filiation.capture.profile_line import LOGGER, NEW_PROFILE, Edit, add_logger, has_logger
from filiation.errors import BadInputError, NotFoundError

SNAKEFILES: Final = ("Snakefile", "snakefile", "workflow/Snakefile", "workflow/snakefile")
_PROFILE_FILE: Final = re.compile(r"(profile|config)(?:\.v(?P<major>\d+)\+)?\.yaml")
_NEW_NAME: Final = "profile.yaml"


@dataclass(frozen=True, slots=True)
class Switched:
    """What switching did, or would do.

    Parameters
    ----------
    folder
        The repository.
    profile
        The profile file.
    state
        ``created``, ``edited``, ``already on``, ``removed`` or ``restored``.
    added
        Text that was added to the profile (or taken out again).
    others
        Other profile files of the repository that do not name the logger: a run with one of them as workflow profile
        is not recorded.
    """

    folder: Path
    profile: Path
    state: str
    added: str = ""
    others: tuple[Path, ...] = ()


def switch_on(folder: Path, *, profile: Path | None = None, dry: bool = False) -> Switched:
    """Add the logger to the profile that Snakemake reads by itself in ``folder``, or to a profile that is named.

    Raises
    ------
    NotFoundError
        If there is no Snakefile in the folder, or no profile of that name.
    BadInputError
        If the profile cannot be read, edited or written.
    """
    folder = folder.absolute()
    snakefile = _snakefile(folder)
    place = _named_profile(profile) if profile is not None else _default_profile(folder, snakefile)
    others = tuple(path for path in _all_profiles(folder) if path != place and not _is_on(path))
    if not place.exists():
        if not dry:
            made = _make_folders(place.parent, folder)
            _write(place, NEW_PROFILE.encode())
            _remember(folder, place, None, NEW_PROFILE.encode(), Edit(0, "", NEW_PROFILE), made)
        return Switched(folder, place, "created", NEW_PROFILE, others)
    before = _read(place)
    text = before.decode("utf-8")
    if has_logger(text, str(place)):
        return Switched(folder, place, "already on", "", others)
    edit = add_logger(text, str(place))
    after = edit.apply(text).encode("utf-8")
    if not dry:
        _write(place, after)
        _remember(folder, place, before, after, edit, ())
    return Switched(folder, place, "edited", edit.new, others)


def switch_off(folder: Path, *, dry: bool = False) -> tuple[Switched, ...]:
    """Take back what :func:`switch_on` did in ``folder``; the records that runs have left stay.

    Raises
    ------
    NotFoundError
        If nothing was switched on here.
    BadInputError
        If a profile was changed since in a way that does not allow to take out just what was added.
    """
    folder = folder.absolute()
    notes = _notes(folder)
    if not notes.exists():
        raise NotFoundError(
            f"`filiation init` has left no note for {folder}, so there is nothing to undo. If a profile names "
            f"{LOGGER!r} under 'logger', take it out by hand."
        )
    remembered: list[dict[str, Any]] = json.loads(notes.read_text("utf-8"))
    done = [(_take_back(folder, note, dry=True), note) for note in reversed(remembered)]
    if not dry:
        for _, note in done:
            _take_back(folder, note, dry=False)
        notes.unlink()
        _leave_no_empty_catalogue(notes.parents[1])
    return tuple(switched for switched, _ in done)


def _snakefile(folder: Path) -> Path:
    for name in SNAKEFILES:
        if (folder / name).is_file():
            return folder / name
    raise NotFoundError(
        f"There is no Snakefile in {folder}; expected one of {', '.join(SNAKEFILES)}. Name the workflow's folder: "
        "filiation init FOLDER"
    )


def _default_profile(folder: Path, snakefile: Path) -> Path:
    """Return the profile file that Snakemake will read, which need not exist yet."""
    default = Path("profiles") / "default"
    for candidate in (folder / "default", folder / default, snakefile.parent / default):
        if candidate.exists():
            # A profile without a name that Snakemake knows ends every run with an error; a file there mends that.
            return _profile_in(candidate) or candidate / _NEW_NAME
    home = snakefile.parent if not (folder / "profiles").is_dir() else folder
    return home / default / _NEW_NAME


def _named_profile(profile: Path) -> Path:
    found = _profile_in(profile.absolute())
    if found is None:
        raise NotFoundError(
            f"There is no profile at {profile}; expected a YAML file, or a folder with profile.yaml or config.yaml."
        )
    return found


def _profile_in(place: Path) -> Path | None:
    """Return the file that Snakemake takes of a profile folder: of several the one for the newest Snakemake."""
    if place.is_file():
        return place
    names = sorted(path.name for path in place.iterdir()) if place.is_dir() else []
    versions = [(int(match["major"] or 0), name) for name in names if (match := _PROFILE_FILE.fullmatch(name))]
    suitable = [(major, name) for major, name in versions if major <= _snakemake_major()]
    return place / max(suitable)[1] if suitable else None


def _snakemake_major() -> int:
    from importlib.metadata import version

    return int(version("snakemake").partition(".")[0])


def _all_profiles(folder: Path) -> tuple[Path, ...]:
    places = (folder / "profiles", folder / "workflow" / "profiles")
    found = (_profile_in(place) for home in places if home.is_dir() for place in sorted(home.iterdir()))
    return tuple(path for path in found if path is not None and path.suffix == ".yaml")


def _is_on(profile: Path) -> bool:
    try:
        return has_logger(_read(profile).decode("utf-8"), str(profile))
    except BadInputError:
        return True  # no profile that could be mended


def _make_folders(place: Path, folder: Path) -> tuple[Path, ...]:
    missing = [path for path in (place, *place.parents) if not path.exists() and path.is_relative_to(folder)]
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"The folder {place} cannot be made: {error.strerror or error}.") from error
    return tuple(missing)


def _read(place: Path) -> bytes:
    try:
        content = place.read_bytes()
        content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"The profile {place} cannot be read: {error}.") from error
    return content


def _write(place: Path, content: bytes) -> None:
    """Write a file at once: a reader sees the old one or the new one."""
    # Through a link to the file that it leads to, so that a shared profile stays one file.
    real = Path(os.path.realpath(place))
    making = real.with_name(f".{real.name}-{os.getpid()}")
    try:
        making.write_bytes(content)
        if real.exists():
            making.chmod(real.stat().st_mode & 0o7777)
        making.replace(real)
    except OSError as error:
        making.unlink(missing_ok=True)
        raise BadInputError(f"The profile {place} cannot be written: {error.strerror or error}.") from error


# --- what was there before ---------------------------------------------------------------------------------------


def _notes(folder: Path) -> Path:
    name = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:16]
    return find_catalogue(folder) / "init" / f"{name}.json"


def _remember(
    folder: Path, place: Path, before: bytes | None, after: bytes, edit: Edit, made: tuple[Path, ...]
) -> None:
    notes = _notes(folder)
    notes.parent.mkdir(parents=True, exist_ok=True)
    ignore = notes.parents[1] / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    kept: list[dict[str, Any]] = json.loads(notes.read_text("utf-8")) if notes.exists() else []
    note = {
        "folder": str(folder),
        "profile": os.path.relpath(place, folder),
        "before": None if before is None else base64.b64encode(before).decode("ascii"),
        "after": hashlib.sha256(after).hexdigest(),
        "edit": {"old": edit.old, "new": edit.new},
        "folders": [os.path.relpath(path, folder) for path in made],
    }
    kept = [other for other in kept if other["profile"] != note["profile"]]
    notes.write_text(json.dumps([*kept, note], indent=2) + "\n", encoding="utf-8")


def _take_back(folder: Path, note: dict[str, Any], *, dry: bool) -> Switched:
    place = folder / note["profile"]
    before = None if note["before"] is None else base64.b64decode(note["before"])
    added = str(note["edit"]["new"])
    state = "removed" if before is None else "restored"
    if not place.exists():
        return Switched(folder, place, "removed", added)
    now = _read(place)
    if hashlib.sha256(now).hexdigest() != note["after"]:
        # The person went on working on the file: take out just what was added.
        text = now.decode("utf-8")
        if not has_logger(text, str(place)):
            return Switched(folder, place, "restored", "")
        if text.count(added) != 1:
            raise BadInputError(
                f"{place} was changed since `filiation init`. Take {LOGGER!r} out of 'logger' in it by hand; what was "
                f"added is:\n{added}"
            )
        before, state = text.replace(added, str(note["edit"]["old"])).encode("utf-8"), "restored"
    if dry:
        return Switched(folder, place, state, added)
    if before is None or (note["before"] is None and not before.strip()):
        place.unlink()
        for path in note["folders"]:
            if (folder / path).is_dir() and not any((folder / path).iterdir()):
                (folder / path).rmdir()
    else:
        _write(place, before)
    return Switched(folder, place, state, added)


def _leave_no_empty_catalogue(catalogue: Path) -> None:
    """Remove a catalogue's folder that holds nothing but what switching on put there."""
    if (catalogue / "init").is_dir() and not any((catalogue / "init").iterdir()):
        (catalogue / "init").rmdir()
    if [path.name for path in catalogue.iterdir()] == [".gitignore"]:
        (catalogue / ".gitignore").unlink()
        catalogue.rmdir()
