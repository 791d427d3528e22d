"""Names of a rule and names of a function."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from filiation.capture.redaction import Redactor
from filiation.errors import BadInputError, NotFoundError
from filiation.step import used
from filiation.step.binding import bind
from filiation.step.record import StepNotes


class Files:
    """Named files as Snakemake hands them to a script."""

    def __init__(self, *items: tuple[str | None, Any]) -> None:
        self.items = items

    def _allitems(self) -> Any:
        return iter(self.items)


@dataclass
class Job:
    input: Files = field(default_factory=Files)
    output: Files = field(default_factory=Files)
    params: Files = field(default_factory=Files)
    log: Files = field(default_factory=Files)
    wildcards: Any = None
    threads: int = 4
    rule: str = "segment"


def segment(image: Any, *, sigma: float, minimum: int = 10) -> Any: ...


def test_inputs_and_parameters_are_matched_by_name() -> None:
    job = Job(Files(("image", "raw.zarr")), Files(("labels", "nuclei.zarr")), Files(("sigma", 2.0)))
    binding = bind(segment, job)
    assert [argument.paths for argument in binding.inputs] == [(Path("raw.zarr"),)]
    assert binding.used == {"sigma": 2.0, "minimum": 10}
    assert binding.requested == {"sigma": 2.0}
    assert binding.result is not None
    assert binding.result.name == "labels"


def test_a_nameless_input_goes_by_its_order() -> None:
    job = Job(Files((None, "raw.zarr")), Files((None, "nuclei.zarr")), Files(("sigma", 2.0)))
    assert bind(segment, job).inputs[0].name == "image"


def test_a_function_with_a_rest_takes_any_params_that_the_job_has() -> None:
    def step(image: Any, *, method: str, **settings: float) -> None: ...

    params = Files(("method", "otsu"), ("sigma", 2.0), ("radius", None))
    binding = bind(step, Job(Files(("image", "raw.zarr")), Files(), params))
    assert binding.used == {"method": "otsu", "sigma": 2.0}
    assert binding.requested == {"method": "otsu", "sigma": 2.0, "radius": None}
    with pytest.raises(BadInputError, match="missing in the rule: method"):
        bind(step, Job(Files(("image", "raw.zarr")), Files(), Files(("sigma", 2.0))))


def test_threads_are_those_of_the_job() -> None:
    def step(*, threads: int) -> None: ...

    assert bind(step, Job()).used == {"threads": 4}


def test_a_name_that_is_no_parameter_may_be_a_wildcard() -> None:
    def step(*, sigma: float, block: str) -> None: ...

    binding = bind(step, Job(params=Files(("sigma", 2.0)), wildcards={"block": "3-of-8", "sample": "a"}))
    assert (binding.used, binding.wildcards) == ({"sigma": 2.0}, {"block": "3-of-8"})


def test_parameters_that_a_function_does_not_name_come_together_if_it_takes_any() -> None:
    def step(*, sigma: float, **settings: float) -> None: ...

    job = Job(params=Files(("window", 4.0), ("sigma", 2.0), ("spacing", 1.0)))
    assert bind(step, job).used == {"sigma": 2.0, "window": 4.0, "spacing": 1.0}


def test_a_missing_input_shows_both_lists() -> None:
    job = Job(Files(("picture", "raw.zarr")), Files(("labels", "x")), Files(("sigma", 2.0)))
    with pytest.raises(BadInputError) as caught:
        bind(segment, job)
    assert str(caught.value) == (
        "The rule's input and the positional parameters of segment differ (missing in the rule: image; unknown to the "
        "function: picture). The rule has: picture. The function has: image."
    )


def test_a_function_that_returns_one_value_for_two_outputs_is_told_what_to_do() -> None:
    job = Job(Files(("image", "raw.zarr")), Files(("a", "1"), ("b", "2")), Files(("sigma", 2.0)))
    with pytest.raises(BadInputError, match="Give the function a parameter named like each further output"):
        bind(segment, job)


def test_weights_that_are_not_there_are_one_clear_message_recorded_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    used("nowhere.pt")  # outside a step, a function can be tested by itself
    with StepNotes(Job(wildcards={}), "predict", Redactor()) as notes:
        with pytest.raises(NotFoundError) as caught:
            used("nowhere.pt")
        (tmp_path / "weights.pt").write_text("weights")
        used(tmp_path / "weights.pt")
    assert str(caught.value) == "The step says that it used nowhere.pt, and nothing is there."
    assert notes.side_inputs == [], "no catalogue, so nobody would read the digest"
    assert [path.name for path in tmp_path.iterdir()] == ["weights.pt"]
