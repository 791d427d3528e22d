"""Binding: a rule's inputs, parameters and outputs to a function's parameters, by name.

Positional parameters are inputs (or outputs, annotated ``Path``), keyword-only ones are the rule's ``params``. A name
on one side alone is an error that shows both lists, but for a function with ``**rest``, which takes any params.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from filiation.errors import BadInputError


class NamedFiles(Protocol):
    """What Snakemake hands a script as ``input``, ``output`` and ``params``: a list, some of it under names."""

    def _allitems(self) -> Any:
        """Yield name (or None) and value."""


class ScriptJob(Protocol):
    """The ``snakemake`` object of a script: what :func:`filiation.step.run` reads of it."""

    input: NamedFiles
    output: NamedFiles
    params: NamedFiles
    log: NamedFiles
    wildcards: Any
    threads: int
    rule: str


@dataclass(frozen=True, slots=True)
class Argument:
    """One parameter of the function and what it receives.

    Parameters
    ----------
    name
        Of the parameter.
    annotation
        The type it asks for; None if it asks for none.
    paths
        Files of the slot.
    several
        Whether the slot is a list of files.
    """

    name: str
    annotation: Any
    paths: tuple[Path, ...]
    several: bool


@dataclass(frozen=True, slots=True)
class Binding:
    """How one call will be made.

    Parameters
    ----------
    inputs, written
        Arguments that are opened, and output paths that the function writes to by itself.
    result
        The slot that what the function returns is written to; None if the function writes all outputs.
    requested, used
        Parameters as the rule has them, and as the function is called with them: defaults are filled in.
    wildcards
        Wildcards that the function asks for; they are no parameters, as they tell jobs of one kind apart.
    """

    inputs: tuple[Argument, ...]
    written: tuple[Argument, ...]
    result: Argument | None
    requested: Mapping[str, object]
    used: Mapping[str, object]
    wildcards: Mapping[str, str]


def bind(function: Callable[..., object], job: ScriptJob) -> Binding:
    """Match a rule's names with a function's.

    Raises
    ------
    BadInputError
        If a name is missing or extra on either side.
    """
    signature = inspect.signature(function)
    hints = _type_hints(function)
    inputs, outputs, params = _slots(job.input, "input"), _slots(job.output, "output"), _values(job.params)
    files, keywords = _kinds(signature)
    positional = [name for name in files if name not in outputs]
    if all("[" in name for name in inputs) and len(inputs) == len(positional):
        # Nameless inputs go by their order, as in a function call.
        inputs = dict(zip(positional, inputs.values(), strict=True))
    optional = {name for name in files if signature.parameters[name].default is not inspect.Parameter.empty}
    _same_names(function, "input", set(inputs), set(positional), optional)
    offered = {**params, **({"threads": job.threads} if "threads" in keywords and "threads" not in params else {})}
    given = dict(job.wildcards.items()) if job.wildcards else {}
    wildcards = {name: str(given[name]) for name in keywords if name in given and name not in offered}
    keywords = [name for name in keywords if name not in wildcards]
    defaults = {
        name: signature.parameters[name].default
        for name in keywords
        if signature.parameters[name].default is not inspect.Parameter.empty
    }
    rest = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in signature.parameters.values())
    # None says that this job has no such param, where other jobs of the rule have.
    more = [name for name, value in offered.items() if rest and name not in keywords and value is not None]
    named = {name for name in offered if name in keywords} if rest else set(offered)
    _same_names(function, "params", named, set(keywords), set(defaults))
    written = tuple(Argument(name, Path, *outputs[name]) for name in files if name in outputs)
    left = [name for name in outputs if name not in files]
    if len(left) > 1:
        raise BadInputError(
            f"{function.__name__} returns one value, and the rule {job.rule!r} has {len(left)} outputs for it "
            f"({', '.join(left)}). Give the function a parameter named like each further output, annotated Path."
        )
    return Binding(
        inputs=tuple(Argument(name, hints.get(name), *inputs[name]) for name in positional if name in inputs),
        written=written,
        result=Argument(left[0], hints.get("return"), *outputs[left[0]]) if left else None,
        requested=params,
        used={name: offered.get(name, defaults.get(name)) for name in (*keywords, *more)},
        wildcards=wildcards,
    )


def _kinds(signature: inspect.Signature) -> tuple[list[str], list[str]]:
    files, keywords = [], []
    for name, parameter in signature.parameters.items():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            keywords.append(name)
        elif parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD:
            files.append(name)
    return files, keywords


def _type_hints(function: Callable[..., object]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except NameError:  # a type imported for checking only: its name still tells
        return dict(function.__annotations__)


def _slots(files: NamedFiles, what: str) -> dict[str, tuple[tuple[Path, ...], bool]]:
    slots: dict[str, tuple[tuple[Path, ...], bool]] = {}
    for index, (name, value) in enumerate(files._allitems()):
        several = not isinstance(value, str)
        paths = tuple(Path(str(path)) for path in value) if several else (Path(value),)
        slots[name or f"{what}[{index}]"] = (paths, several)
    return slots


def _values(params: NamedFiles) -> dict[str, object]:
    return {name or f"params[{index}]": value for index, (name, value) in enumerate(params._allitems())}


def _same_names(
    function: Callable[..., object], what: str, rule: set[str], wanted: set[str], optional: set[str]
) -> None:
    missing, extra = wanted - rule - optional, rule - wanted
    if not missing and not extra:
        return
    side = "keyword-only parameters" if what == "params" else "positional parameters"
    parts = [f"missing in the rule: {', '.join(sorted(missing))}"] if missing else []
    parts += [f"unknown to the function: {', '.join(sorted(extra))}"] if extra else []
    raise BadInputError(
        f"The rule's {what} and the {side} of {function.__name__} differ ({'; '.join(parts)}). "
        f"The rule has: {', '.join(sorted(rule)) or 'none'}. The function has: {', '.join(sorted(wanted)) or 'none'}."
    )
