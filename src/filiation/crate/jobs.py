"""Actions as JSON-LD and back: one CreateAction for each attempt of each job.

Only a finished action has results. What a failed one declared is kept as text, so that nothing says it was generated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from filiation.crate.agents import read_machine, read_software, software_id, write_machine
from filiation.crate.deployed import environment_id, read_container, write_container
from filiation.crate.jsonld import (
    Node,
    ids,
    isoformat,
    local,
    moment,
    node,
    reference,
    references,
    required,
    single,
    text,
)
from filiation.crate.plan import Plan, config_id, parameter_id, tool_id
from filiation.model import Action, CondaEnvironment, Parameter, Rule, Slot, Status, Usage, Value

COMPLETED = "http://schema.org/CompletedActionStatus"
FAILED = "http://schema.org/FailedActionStatus"
# Left out, it would mean success (Process Run Crate), which nobody saw.
NOT_KNOWN = "http://schema.org/PotentialActionStatus"

MEASURES = {
    "benchmark": "https://snakemake.readthedocs.io/en/stable/snakefiles/rules.html#benchmark-rules",
    "step": "https://docs.python.org/3/library/resource.html#resource.getrusage",
}
"""Where each kind of figure is defined, by who measured it."""
_QUDT = "http://qudt.org/vocab/unit/"

Nodes = Mapping[str, Mapping[str, Any]]


def schema_status(status: Status) -> str:
    """Return schema.org's status; what did not finish counts as failed there, and ``status`` says how it ended."""
    if status is Status.UNKNOWN:
        return NOT_KNOWN
    return COMPLETED if status in (Status.FINISHED, Status.TOUCHED) else FAILED


def write_action(action: Action, rule: Rule, plan: Plan, agent: str) -> list[Node]:
    """Return an action with its parameter values and resource figures as JSON-LD.

    Parameters
    ----------
    action
        The action.
    rule
        Its rule.
    plan
        Identifiers of the plan.
    agent
        @id of the person.
    """
    values = [write_value(parameter, parameter_id(action.rule, parameter.name)) for parameter in action.parameters]
    figures = [write_usage(action, usage, index) for index, usage in enumerate(action.usage)]
    image = write_container(action.container) if action.container else None
    generated = action.outputs if action.status.generates else ()
    inputs = [plan.identify[slot.path] for slot in action.inputs]
    described = node(
        action.local_id,
        "ActivateAction" if action.status is Status.TOUCHED else "CreateAction",
        name=action_name(action),
        description=action.command or f"{action_name(action)}: {rule.script or rule.kind.value}",
        instrument=reference(tool_id(action.rule)),
        agent=reference(agent),
        object=references([*inputs, *(str(value["@id"]) for value in values)]),
        result=references(plan.identify[slot.path] for slot in generated),
        startTime=isoformat(action.started),
        endTime=isoformat(action.ended),
        actionStatus=schema_status(action.status),
        error=action.error,
        exitCode=action.exit_code,
        containerImage=reference(str(image["@id"])) if image else None,
        resourceUsage=references(str(figure["@id"]) for figure in figures),
        subjectOf=reference(action.step_record) if action.step_record else None,
        status=action.status.value,
        jobNumber=action.job,
        attempt=action.attempt,
        wildcards=json.dumps(dict(action.wildcards), ensure_ascii=False) if action.wildcards else None,
        inputSlots=_slots_text(action.inputs),
        outputSlots=_slots_text(action.outputs),
        logSlots=_slots_text(action.logs),
        threads=action.threads,
        resources=json.dumps({name: value.json for name, value in action.resources}) if action.resources else None,
        reason=action.reason,
        dependsOn=single([str(job) for job in action.depends_on]),
        submitted=isoformat(action.submitted),
        timeSource=action.time_source,
        schedulerJob=action.scheduler_job,
        deployedEnvironment=reference(environment_id(action.conda)) if action.conda else None,
        softwareUsed=references(software_id(software) for software in action.software),
        stepRecord=action.step_record,
        benchmark=action.benchmark,
        command=action.command,
        **write_machine(action.machine),
    )
    return [described, *values, *figures, *([image] if image else [])]


def action_name(action: Action) -> str:
    """Return an action's name for a person: ``segment (sample=tissue)``, with the attempt from the second on."""
    wildcards = f" ({', '.join(f'{name}={value}' for name, value in action.wildcards)})" if action.wildcards else ""
    return f"{action.rule}{wildcards}" + (f", attempt {action.attempt}" if action.attempt > 1 else "")


def write_value(parameter: Parameter, formal: str) -> Node:
    """Return a parameter's value as a PropertyValue; equal values of one parameter are one entity."""
    texts = [value.json if value else None for value in (parameter.requested, parameter.used)]
    mark = hashlib.sha256(json.dumps([formal, *texts]).encode()).hexdigest()[:16]
    plain = parameter.value.value
    return node(
        local("value", formal.removeprefix("#"), mark),
        "PropertyValue",
        name=parameter.name,
        value=plain if isinstance(plain, bool | int | float | str) else parameter.value.json,
        exampleOfWork=reference(formal),
        requestedValue=texts[0],
        usedValue=texts[1],
    )


def read_value(entity: Mapping[str, Any]) -> Parameter:
    """Return the parameter that :func:`write_value` wrote."""
    requested, used = text(entity, "requestedValue"), text(entity, "usedValue")
    return Parameter(
        name=str(required(entity, "name")),
        requested=None if requested is None else Value(requested),
        used=None if used is None else Value(used),
    )


def write_config(parameter: Parameter) -> Node:
    """Return a value of the workflow's configuration."""
    return write_value(parameter, config_id(parameter.name))


def write_usage(action: Action, usage: Usage, index: int) -> Node:
    """Return a resource figure with its unit and the definition of its measure."""
    return node(
        local("usage", str(action.job), str(action.attempt), str(index)),
        "PropertyValue",
        name=usage.name,
        propertyID=MEASURES.get(usage.source, usage.source),
        value=usage.value,
        unitCode=_QUDT + usage.unit if usage.unit else None,
        measuredBy=usage.source,
    )


def read_usage(entity: Mapping[str, Any]) -> Usage:
    """Return the figure that :func:`write_usage` wrote."""
    return Usage(
        name=str(required(entity, "name")),
        value=float(required(entity, "value")),
        unit=str(entity.get("unitCode", "")).removeprefix(_QUDT),
        source=measured_by(text(entity, "measuredBy"), str(required(entity, "propertyID"))),
    )


def measured_by(source: str | None, measure: str) -> str:
    """Return who measured a figure, in crates that do not say it: by where its measure is defined."""
    known = {address: name for name, address in MEASURES.items()}
    return source or known.get(measure, measure)


def read_action(entity: Mapping[str, Any], nodes: Nodes, environments: Mapping[str, CondaEnvironment]) -> Action:
    """Return the action that :func:`write_action` wrote.

    Parameters
    ----------
    entity
        The action.
    nodes
        Every entity of the crate, by @id.
    environments
        The conda environments of the crate, by @id; actions share them.

    Raises
    ------
    InvalidCrateError
        If a property that is always there is missing.
    """
    values = [nodes[identifier] for identifier in ids(entity.get("object")) if identifier.startswith("#value-")]
    wildcards = json.loads(entity["wildcards"]) if "wildcards" in entity else {}
    resources = json.loads(entity["resources"]) if "resources" in entity else {}
    return Action(
        job=int(required(entity, "jobNumber")),
        attempt=int(required(entity, "attempt")),
        rule=str(required(nodes[str(required(entity, "instrument")["@id"])], "name")),
        status=Status(required(entity, "status")),
        wildcards=tuple((name, str(value)) for name, value in wildcards.items()),
        parameters=tuple(read_value(value) for value in values),
        inputs=_slots_from(entity, "inputSlots"),
        outputs=_slots_from(entity, "outputSlots"),
        logs=_slots_from(entity, "logSlots"),
        benchmark=text(entity, "benchmark"),
        command=text(entity, "command"),
        threads=entity.get("threads"),
        resources=tuple((name, Value(value)) for name, value in resources.items()),
        reason=text(entity, "reason"),
        depends_on=tuple(int(job) for job in _texts(entity.get("dependsOn"))),
        submitted=moment(entity, "submitted"),
        started=moment(entity, "startTime"),
        ended=moment(entity, "endTime"),
        time_source=str(required(entity, "timeSource")),
        error=text(entity, "error"),
        exit_code=entity.get("exitCode"),
        machine=read_machine(entity),
        scheduler_job=text(entity, "schedulerJob"),
        software=tuple(read_software(nodes[identifier]) for identifier in ids(entity.get("softwareUsed"))),
        usage=tuple(read_usage(nodes[identifier]) for identifier in ids(entity.get("resourceUsage"))),
        step_record=text(entity, "stepRecord"),
        conda=next((environments[found] for found in ids(entity.get("deployedEnvironment"))), None),
        container=next((read_container(nodes[found]) for found in ids(entity.get("containerImage"))), None),
    )


def _texts(value: object) -> list[str]:
    return [] if value is None else [str(item) for item in (value if isinstance(value, list) else [value])]


def _slots_text(slots: tuple[Slot, ...]) -> str | None:
    return json.dumps([[slot.name, slot.path] for slot in slots]) if slots else None


def _slots_from(entity: Mapping[str, Any], name: str) -> tuple[Slot, ...]:
    return tuple(Slot(str(slot), str(path)) for slot, path in json.loads(entity.get(name, "[]")))


def control_id(rule: str) -> str:
    """Return the @id of the ControlAction of a rule."""
    return local("control", rule)
