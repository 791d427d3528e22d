"""Descriptors of other tools: which container or program, which parameters, and the command line that runs it.

Read are the descriptors of BIAFLOWS (``schema-version: cytomine-0.1``; Rubens et al., Patterns 1, 2020), which BIOMERO
runs too, and of Boutiques (Glatard et al., GigaScience 7, 2018), as far as they say how a program is called: the words
of ``command-line``, in which each input's ``value-key`` stands for its ``command-line-flag`` and value. ``@id`` and
``@ID`` in them stand for the input's name.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from filiation.errors import BadInputError, NotFoundError

Value: TypeAlias = str | int | float | bool

FOLDERS: Final = ("infolder", "outfolder", "gtfolder")
"""Inputs that are not parameters: where the images are, where label images go, and where a truth would be."""

_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "number": (int, float),
    "float": (int, float),
    "integer": (int,),
    "string": (str,),
    "boolean": (bool,),
    "flag": (bool,),
}
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_LOCAL = ("-nmc", "--local")  # no measures of quality, and no server: as BIAFLOWS' tools are run by themselves


@dataclass(frozen=True, slots=True)
class ToolInput:
    """A parameter of a tool.

    Parameters
    ----------
    name
        Its ``id``.
    kind
        ``number``, ``integer``, ``string``, ``boolean``, or ``flag``: one that is there or not.
    key
        The word of the command line that it takes the place of; empty if there is none.
    flag
        What goes before its value.
    default
        Its value where none is given; None if there is none.
    optional
        Whether it may be left out.
    by_server
        Whether a server would set it; there is none here, so it is left out.
    choices, lowest, highest
        What a value may be.
    title
        Its name or description for a person.
    """

    name: str
    kind: str
    key: str
    flag: str
    default: Value | None
    optional: bool
    by_server: bool
    choices: tuple[Value, ...]
    lowest: float | None
    highest: float | None
    title: str

    def fault(self, value: object) -> str:
        """Return what is wrong with a value; empty if nothing is."""
        if not isinstance(value, _KINDS[self.kind]) or (isinstance(value, bool) and bool not in _KINDS[self.kind]):
            return f"{self.name} is a {self.kind}; found {value!r}"
        if self.choices and value not in self.choices:
            return f"{self.name} is one of {', '.join(map(str, self.choices))}; found {value!r}"
        if isinstance(value, int | float) and not isinstance(value, bool):
            low, high = self.lowest, self.highest
            if (low is not None and value < low) or (high is not None and value > high):
                return f"{self.name} is {_range(low, high)}; found {value!r}"
        return ""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as its descriptor has it.

    Parameters
    ----------
    name, description
        For a person.
    container
        The image that it runs in, as Snakemake takes it (``docker://…``); empty if none is named.
    words
        Of its command line.
    inputs
        In the descriptor's order; folders are not among them.
    folder_keys
        For each of :data:`FOLDERS` that the descriptor names, its word in the command line and its flag.
    """

    name: str
    description: str
    container: str
    words: tuple[str, ...]
    inputs: tuple[ToolInput, ...]
    folder_keys: Mapping[str, tuple[str, str]]

    @property
    def parameters(self) -> tuple[ToolInput, ...]:
        """The inputs that a person may set."""
        return tuple(each for each in self.inputs if not each.by_server)

    def values(self, given: Mapping[str, object]) -> dict[str, Value]:
        """Return a value for each parameter: the given one, else the default.

        Raises
        ------
        BadInputError
            If a name is unknown, a value out of range, or one that must be there is missing.
        """
        known = {each.name: each for each in self.parameters}
        faults = [f"{name} is none of its parameters" for name in given if name not in known]
        values: dict[str, Value] = {}
        for name, each in known.items():
            value = given.get(name, each.default)
            fault = "" if value is None else each.fault(value)
            if value is None and not each.optional:
                fault = f"{name} has no default and must be given"
            if fault:
                faults.append(fault)
            elif isinstance(value, Value):
                whole = isinstance(value, float) and value.is_integer()
                values[name] = int(value) if whole else value
        if faults:
            raise BadInputError(
                f"The tool {self.name} cannot be run with these parameters: {'; '.join(faults)}. "
                f"It takes {', '.join(known) or 'none'}."
            )
        return values

    def command(self, values: Mapping[str, str], folders: Mapping[str, str], *, program: str = "") -> str:
        """Return the command line, for a shell.

        Parameters
        ----------
        values
            For each parameter what stands for its value: the value, quoted, or a placeholder.
        folders
            For each of :data:`FOLDERS`, its path, quoted.
        program
            Words in place of those before the first parameter, where the descriptor's own mean something only in its
            container's folder.
        """
        own = {each.key: self._said(each, values) for each in self.inputs if each.key}
        own |= {key: f"{flag} {folders[name]}".strip() for name, (key, flag) in self.folder_keys.items()}
        first = next((at for at, word in enumerate(self.words) if word in own), len(self.words))
        said = [program or shlex.join(self.words[:first])]
        said += [own.get(word, shlex.quote(word)) for word in self.words[first:]]
        said += [self._said(each, values) for each in self.inputs if each.key not in self.words and each.flag]
        if not self.folder_keys:
            said += [f"--{name} {folders[name]}" for name in FOLDERS]
            said += _LOCAL
        return " ".join(word for word in said if word)

    @staticmethod
    def _said(each: ToolInput, values: Mapping[str, str]) -> str:
        if each.by_server or each.name not in values:
            return ""
        if each.kind == "flag":
            return each.flag if values[each.name] == "True" else ""
        return f"{each.flag} {values[each.name]}".strip()


def _range(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return f"at most {high}" if low is None else f"at least {low}"
    return f"{low} to {high}"


def read_descriptor(path: Path) -> Tool:
    """Read a descriptor.

    Raises
    ------
    NotFoundError
        If there is no such file.
    BadInputError
        If it is no descriptor of a tool that can be run; the message names all that is wrong.
    """
    try:
        read = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no descriptor at {path}.") from error
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path} cannot be read as a tool's descriptor in JSON: {error}") from error
    if not isinstance(read, dict):
        raise BadInputError(f"{path} holds no JSON object, as a tool's descriptor is; found {type(read).__name__}.")
    faults: list[str] = []
    words = _words(read, faults)
    inputs, folders = _inputs(read, faults)
    container = _container(read, faults)
    keys = [each.key for each in inputs if each.key] + [key for key, _ in folders.values()]
    faults += [
        f"the command line has {word}, which is the value-key of no input"
        for word in words
        if re.fullmatch(r"\[\w+\]", word) and word not in keys
    ]
    if faults:
        raise BadInputError(f"{path} is no descriptor of a tool that can be run: {'; '.join(faults)}.")
    name = str(read.get("name") or path.parent.name)
    return Tool(name, str(read.get("description", "")), container, words, inputs, folders)


def _words(read: Mapping[str, Any], faults: list[str]) -> tuple[str, ...]:
    line = read.get("command-line")
    if not isinstance(line, str) or not line.strip():
        faults.append("it has no command-line")
        return ()
    try:
        return tuple(shlex.split(line))
    except ValueError as error:
        faults.append(f"its command-line is no line for a shell ({error})")
        return ()


def _container(read: Mapping[str, Any], faults: list[str]) -> str:
    given = read.get("container-image")
    if given is None:
        return ""
    image = given.get("image") if isinstance(given, dict) else None
    if not isinstance(image, str) or not image or re.search(r"\s", image):
        faults.append("its container-image has no image")
        return ""
    return image if "://" in image or image.endswith((".sif", ".simg")) else f"docker://{image}"


def _inputs(read: Mapping[str, Any], faults: list[str]) -> tuple[tuple[ToolInput, ...], Mapping[str, tuple[str, str]]]:
    listed = read.get("inputs")
    if not isinstance(listed, list):
        faults.append("it has no list of inputs")
        return (), {}
    inputs: list[ToolInput] = []
    folders: dict[str, tuple[str, str]] = {}
    for number, given in enumerate(listed):
        name = given.get("id") if isinstance(given, dict) else None
        if not isinstance(name, str) or not _IDENTIFIER.fullmatch(name):
            faults.append(f"inputs[{number}] has no id of letters, digits and _")
        elif name in folders or any(each.name == name for each in inputs):
            faults.append(f"the input {name} is there twice")
        elif name.lower() in FOLDERS:
            folders[name.lower()] = (_resolved(given, "value-key", name), _resolved(given, "command-line-flag", name))
        else:
            each = _input(given, name, faults)
            inputs += [each] if each else []
    return tuple(inputs), folders


def _input(given: Mapping[str, Any], name: str, faults: list[str]) -> ToolInput | None:
    kind = str(given.get("type", "")).lower()
    if given.get("integer") is True and kind == "number":
        kind = "integer"
    by_server = given.get("set-by-server") is True
    if kind not in _KINDS:
        faults.append(f"the input {name} has the type {given.get('type')!r}; known are {', '.join(_KINDS)}")
        return None
    default = given.get("default-value", given.get("default"))
    choices = given.get("value-choices") or []
    if not isinstance(choices, list):
        faults.append(f"the input {name} has value-choices {choices!r}; expected a list")
        return None
    made = ToolInput(
        name=name,
        kind=kind,
        key=_resolved(given, "value-key", name),
        flag=_resolved(given, "command-line-flag", name),
        default=default,
        optional=given.get("optional") is True or kind == "flag",
        by_server=by_server,
        choices=tuple(choices),
        lowest=_number(given.get("minimum")),
        highest=_number(given.get("maximum")),
        title=str(given.get("description") or given.get("name") or ""),
    )
    fault = "" if default is None else made.fault(default)
    if fault:
        faults.append(f"the default of the input {fault}")
    return made


def _resolved(given: Mapping[str, Any], field: str, name: str) -> str:
    return str(given.get(field) or "").replace("@id", name).replace("@ID", name.upper())


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
