"""Running one step: bind, open, call, write, record."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Mapping

from filiation.errors import FiliationError
from filiation.step.binding import Binding, ScriptJob, bind
from filiation.step.record import StepNotes, knowing_secrets_of, learn_what_was_used
from filiation.step.telling import add_to_log


def run(function: Callable[..., object], snakemake: ScriptJob) -> None:
    """Run one function as the step of a rule, and record it.

    Parameters
    ----------
    function
        Positional parameters are the rule's inputs by name, opened as annotated (``Image``, ``LabelImage``,
        ``pyarrow.Table``, ``Path``; the pixels where nothing is asked for); keyword-only ones are its ``params``, or
        wildcards of their names, as text, and ``**settings`` are all other ``params``. What it returns is written to
        the rule's output; a parameter named like an output gets its path instead.
    snakemake
        The object that Snakemake gives to a script.

    Raises
    ------
    SystemExit
        With the error's exit code, after one message on stderr, where the input or configuration is at fault.
    Exception
        Whatever the function raises, after the record says *failed*.
    """
    redactor = knowing_secrets_of(snakemake)
    try:
        with StepNotes(snakemake, f"{function.__module__}.{function.__qualname__}", redactor) as notes:
            binding = bind(function, snakemake)
            notes.bound(binding)
            _call(function, binding)
    except FiliationError as error:
        learn_what_was_used(redactor)
        message = redactor.text(f"{snakemake.rule}: {error}")
        add_to_log(snakemake, message)
        sys.stderr.write(message + "\n")
        raise SystemExit(error.exit_code) from error
    except Exception:
        learn_what_was_used(redactor)
        add_to_log(snakemake, redactor.text(traceback.format_exc()))
        raise
    add_to_log(snakemake, _summary(function, redactor.members(binding.used)))


def _call(function: Callable[..., object], binding: Binding) -> None:
    # The images are heavy to import and a step whose names do not match should fail at once.
    from filiation.images import Image
    from filiation.step.files import open_argument, write_result

    opened = {argument.name: open_argument(argument) for argument in binding.inputs}
    own = {argument.name: argument.paths[0] for argument in binding.written}
    result = function(**opened, **own, **binding.used, **binding.wildcards)
    if binding.result is not None:
        images = {
            argument.paths[0]: value
            for argument in binding.inputs
            if isinstance(value := opened[argument.name], Image) and not argument.several
        }
        write_result(binding.result, result, images)


def _summary(function: Callable[..., object], used: Mapping[str, object]) -> str:
    values = ", ".join(f"{name}={value!r}" for name, value in used.items())
    return f"{function.__name__}({values}) finished."
