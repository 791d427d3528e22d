"""Mending what can be mended in a store's metadata without touching a pixel and without guessing.

A metadata file is written anew beside itself and moved into its place, so it is whole at any moment, and a file that
is hard-linked into another store changes here alone. What was in it is handed to the caller before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from filiation.images.conformance.findings import Finding
from filiation.images.conformance.groups import read_group
from filiation.images.metadata_file import replace_metadata

_Content: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class MetadataChange:
    """One metadata file of a store, before and after.

    Parameters
    ----------
    path
        The file, relative to the store.
    before, after
        Its content.
    mended
        What of the findings is mended by it.
    """

    path: str
    before: bytes
    after: bytes
    mended: tuple[Finding, ...]


def plan_mending(store: Path, findings: Iterable[Finding]) -> tuple[MetadataChange, ...]:
    """Work out which metadata files change, and how, for all findings that can be mended; nothing is written.

    Rows for one label that contradict each other stay, as nothing says which is right; so does what needs a number
    that only a person knows.
    """
    contents: dict[Path, _Content] = {}
    mended: dict[Path, list[Finding]] = {}
    for finding in findings:
        mend = _MENDERS.get(finding.fault)
        file = None if mend is None else _file(store, finding)
        if mend is None or file is None:
            continue
        if file not in contents:
            contents[file] = json.loads(file.read_text("utf-8"))
        before = deepcopy(contents[file])
        try:
            mend(contents[file], finding)
        except (AttributeError, IndexError, KeyError, TypeError):
            contents[file] = before  # what is of another kind than it has to be is left to a person
        if contents[file] != before:
            mended.setdefault(file, []).append(finding)
    changed = {file: contents[file] for file in mended}
    for file, content in _consolidated(store, changed):
        changed[file] = content
    return tuple(
        MetadataChange(
            file.relative_to(store).as_posix(), file.read_bytes(), _written(content), tuple(mended.get(file, ()))
        )
        for file, content in sorted(changed.items())
    )


def write_changes(store: Path, changes: Iterable[MetadataChange]) -> None:
    """Put metadata files into a store, each whole or not at all.

    Raises
    ------
    OSError
        If one cannot be written; it is then as it was.
    """
    for change in changes:
        replace_metadata(store / change.path, change.after)


def _file(store: Path, finding: Finding) -> Path | None:
    """Return the metadata file that a finding is mended in; None if it is not there."""
    if finding.fault == "dimension-names":
        return store / finding.where / "zarr.json"
    where = store / finding.where
    if finding.fault == "not-listed":
        where = where.parents[len(Path(finding.values[0]).parts) - 1]  # type: ignore[arg-type]
    group = read_group(where)
    return group.metadata if group is not None and group.metadata.is_file() else None


def _block(content: _Content) -> _Content:
    """Return the OME metadata in a metadata file, of Zarr 3 or 2."""
    if "zarr_format" in content and "node_type" in content:
        block: _Content = content.setdefault("attributes", {}).setdefault("ome", {})
        return block
    return content


def _write_version(content: _Content, finding: Finding) -> None:
    version, *place = finding.values
    block = _block(content)
    if place:
        block[str(place[0])]["version"] = version
    elif block is not content:
        block["version"] = version
    elif "multiscales" in block:
        block["multiscales"][0]["version"] = version
    else:
        key = "plate" if "plate" in block else "well"
        block[key]["version"] = version


def _list_label(content: _Content, finding: Finding) -> None:
    names = _block(content).setdefault("labels", [])
    names.extend(name for name in finding.values if name not in names)


def _name_dimensions(content: _Content, finding: Finding) -> None:
    content["dimension_names"] = list(finding.values)


def _keep_one_row(content: _Content, finding: Finding) -> None:
    """Keep one row of those for a label: joined where they agree, the last for colours, as 0.4 has readers do."""
    key = finding.fault.removesuffix("-twice")
    label = _block(content)["image-label"]
    kept: list[_Content] = []
    for row in label[key]:
        value = row.get("label-value")
        other = next((each for each in kept if each.get("label-value") == value), None)
        if other is None or value not in finding.values:
            kept.append(dict(row))
        elif key == "colors" or all(other.get(name, told) == told for name, told in row.items()):
            other.update(row)
        else:
            kept.append(dict(row))
    label[key] = kept


def _drop_rows(content: _Content, finding: Finding) -> None:
    key = finding.fault.removesuffix("-ghost")
    label = _block(content)["image-label"]
    label[key] = [row for row in label[key] if row.get("label-value") not in finding.values]


def _consolidated(store: Path, changed: dict[Path, _Content]) -> Iterator[tuple[Path, _Content]]:
    """Yield the files that repeat the metadata of groups below them (consolidated metadata), brought up to date."""
    for folder in sorted({parent for file in changed for parent in file.parents if parent.is_relative_to(store)}):
        for name in ("zarr.json", ".zmetadata"):
            place = folder / name
            if not place.is_file():
                continue
            content = deepcopy(changed.get(place)) or json.loads(place.read_text("utf-8"))
            holder = content.get("consolidated_metadata") if name == "zarr.json" else content
            repeated = holder.get("metadata") if isinstance(holder, dict) else None
            if not isinstance(repeated, dict):
                continue
            before = deepcopy(repeated)
            for file, told in changed.items():
                if file != place and file.is_relative_to(folder):
                    inner = file.relative_to(folder)
                    key = inner.parent.as_posix() if name == "zarr.json" else inner.as_posix()
                    if key in repeated:
                        repeated[key] = {**told, **_inner(repeated[key])} if name == "zarr.json" else told
            if repeated != before:
                yield place, content


def _inner(repeated: _Content) -> _Content:
    return {key: value for key, value in repeated.items() if key == "consolidated_metadata"}


def _written(content: _Content) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode("utf-8")


_MENDERS: Final[dict[str, Callable[[_Content, Finding], None]]] = {
    "version-missing": _write_version,
    "version-differs": _write_version,
    "dimension-names": _name_dimensions,
    "not-listed": _list_label,
    "properties-twice": _keep_one_row,
    "colors-twice": _keep_one_row,
    "properties-ghost": _drop_rows,
    "colors-ghost": _drop_rows,
}
