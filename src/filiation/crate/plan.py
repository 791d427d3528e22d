"""The plan as JSON-LD and back: tools with their parameters, the steps that use them, the connections between them.

A rule is a tool (SoftwareApplication) and a step (HowToStep). Its slots and parameters are FormalParameters; values
point at them by ``exampleOfWork``. What joins one rule's output to another's input is read off the files that really
passed between them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from filiation.crate.jsonld import Node, ids, local, many, node, reference, references, required, single, text
from filiation.crate.profiles import FORMAL_PARAMETER
from filiation.crate.things import thing_path
from filiation.model import Action, DataEntity, Environment, Rule, RuleKind, Value, WorkflowRun, is_uri

Nodes = Mapping[str, Mapping[str, Any]]
SIDE_INPUT = "used["
"""How slots begin of what a step used besides its declared inputs: no part of the rule's interface."""


class Plan:
    """Every identifier of a run's plan, worked out once from its actions.

    Parameters
    ----------
    run
        The run.
    identify
        From the path of a thing to its @id.
    """

    def __init__(self, run: WorkflowRun, identify: Mapping[str, str]) -> None:
        self.run = run
        self.identify = identify
        self.formal: dict[str, Node] = {}
        """FormalParameters by @id."""
        self.tool_inputs: dict[str, list[str]] = {rule.name: [] for rule in run.rules}
        self.tool_outputs: dict[str, list[str]] = {rule.name: [] for rule in run.rules}
        self.workflow_inputs: list[str] = []
        self.workflow_outputs: list[str] = []
        self.examples: dict[str, list[str]] = {}
        """By path of a thing: the FormalParameters that it is an example of."""
        self.connections: dict[str, list[str]] = {"": []}
        """ParameterConnections by the rule that receives; those of the workflow's outputs under the empty name."""
        self.connection_nodes: dict[str, Node] = {}
        self._kinds = {entity.path: entity for entity in run.entities}
        self.sources: list[str] = []
        """Paths that jobs used and no finished job made."""
        self.results: list[str] = []
        """Paths that finished jobs made and no job used."""
        self._find_ends()
        self._describe_slots()
        self._describe_values()
        self._connect()

    def _find_ends(self) -> None:
        made = {slot.path for action in self.run.actions if _generates(action) for slot in action.outputs}
        used = {slot.path for action in self.run.actions for slot in action.inputs}
        inputs = [slot.path for action in self.run.actions for slot in action.inputs]
        outputs = [slot.path for action in self.run.actions if _generates(action) for slot in action.outputs]
        # A file inside a made directory or store was made too.
        self.sources = [path for path in dict.fromkeys(inputs) if not _within(path, made)]
        self.results = [path for path in dict.fromkeys(outputs) if path not in used]

    def _describe_slots(self) -> None:
        sources, results = set(self.sources), set(self.results)
        for action in self.run.actions:
            for slot in action.inputs:
                if slot.name.startswith(SIDE_INPUT):
                    continue
                inner = self._slot(action.rule, "input", slot.name, slot.path, self.tool_inputs)
                if slot.path in sources:
                    self._outer("input", action.rule, slot.name, slot.path, inner, self.workflow_inputs)
            for slot in action.outputs:
                inner = self._slot(action.rule, "output", slot.name, slot.path, self.tool_outputs)
                if slot.path in results and _generates(action):
                    self._outer("output", action.rule, slot.name, slot.path, inner, self.workflow_outputs)

    def _slot(self, rule: str, side: str, name: str, path: str, known: dict[str, list[str]]) -> str:
        identifier = slot_id(rule, side, name)
        if identifier not in self.formal:
            self.formal[identifier] = _formal(identifier, name, self._type_of(path), f"{side} of rule {rule}")
            known.setdefault(rule, []).append(identifier)
        self._example(path, identifier)
        return identifier

    def _outer(self, side: str, rule: str, name: str, path: str, inner: str, known: list[str]) -> None:
        """Describe an end of the whole workflow and connect it to the rule's own parameter."""
        identifier = local("workflow", side, rule, name)
        if identifier not in self.formal:
            self.formal[identifier] = _formal(
                identifier, f"{rule}.{name}", self._type_of(path), f"{side} of the workflow"
            )
            known.append(identifier)
            pair = (identifier, inner) if side == "input" else (inner, identifier)
            self._connection(*pair, receiver=rule if side == "input" else "")
        self._example(path, identifier)

    def _example(self, path: str, identifier: str) -> None:
        examples = self.examples.setdefault(path, [])
        if identifier not in examples:
            examples.append(identifier)

    def _type_of(self, path: str) -> str:
        entity = self._kinds.get(path)
        return "Dataset" if entity is not None and entity.is_tree else "File"

    def _describe_values(self) -> None:
        for action in self.run.actions:
            for parameter in action.parameters:
                identifier = parameter_id(action.rule, parameter.name)
                if identifier not in self.formal:
                    self.formal[identifier] = _formal(
                        identifier, parameter.name, parameter.value.type_name, f"parameter of rule {action.rule}"
                    )
                    self.tool_inputs.setdefault(action.rule, []).append(identifier)
        for parameter in self.run.config:
            identifier = config_id(parameter.name)
            self.formal[identifier] = _formal(
                identifier, parameter.name, parameter.value.type_name, "value of the workflow's configuration"
            )
            self.workflow_inputs.append(identifier)

    def _connect(self) -> None:
        makers: dict[str, str] = {}
        for action in self.run.actions:
            for slot in action.outputs:
                makers.setdefault(slot.path, slot_id(action.rule, "output", slot.name))
        for action in self.run.actions:
            for slot in action.inputs:
                if slot.path in makers and not slot.name.startswith(SIDE_INPUT):
                    self._connection(makers[slot.path], slot_id(action.rule, "input", slot.name), receiver=action.rule)
        requested: dict[tuple[str, str], set[Value | None]] = {}
        for action in self.run.actions:
            for parameter in action.parameters:
                requested.setdefault((action.rule, parameter.name), set()).add(parameter.requested)
        for (rule, name), values in requested.items():
            self._connect_to_config(rule, name, values)

    def _connect_to_config(self, rule: str, name: str, values: set[Value | None]) -> None:
        """Connect a parameter to the one configuration value of its name that every job of the rule got.

        Snakemake does not tell where a value came from. A connection is between parameters, so it holds for every job:
        where one job got another value, as by a sample's own setting, there is none.
        """
        same = [config for config in self.run.config if config.name.rpartition(".")[2] == name]
        if len(same) == 1 and values == {same[0].requested}:
            self._connection(config_id(same[0].name), parameter_id(rule, name), receiver=rule)

    def _connection(self, source: str, target: str, receiver: str) -> None:
        identifier = local("connection", source.removeprefix("#"), "to", target.removeprefix("#"))
        if identifier not in self.connection_nodes:
            self.connection_nodes[identifier] = node(
                identifier,
                "ParameterConnection",
                sourceParameter=reference(source),
                targetParameter=reference(target),
            )
            self.connections.setdefault(receiver, []).append(identifier)

    def version_of(self, path: str | None) -> str | None:
        """Return the version of a file of the workflow: the commit that holds it, else the digest of its bytes."""
        if self.run.workflow.version and not self.run.workflow.modified:
            return self.run.workflow.version
        entity = self._kinds.get(path or "")
        return str(entity.digest) if entity is not None and entity.digest is not None else None

    def positions(self) -> dict[str, int]:
        """Return each rule's place along the dependencies, from 1."""
        before: dict[str, set[str]] = {rule.name: set() for rule in self.run.rules}
        for maker, user in self.run.connections:
            if maker in before and user in before and maker != user:
                before[user].add(maker)
        levels: dict[str, int] = {}
        while len(levels) < len(before):
            ready = [name for name in before if name not in levels and before[name] <= levels.keys()]
            # Rules may depend on each other through different jobs; such a circle shares one place.
            for name in ready or [name for name in before if name not in levels]:
                levels[name] = 1 + max((levels.get(other, 0) for other in before[name]), default=0)
        return levels


def _generates(action: Action) -> bool:
    return action.status.generates


def _within(path: str, made: set[str]) -> bool:
    if path in made:
        return True
    parent, _, _ = path.rpartition("/")
    return bool(parent) and not is_uri(path) and _within(parent, made)


def slot_id(rule: str, side: str, name: str) -> str:
    """Return the @id of a rule's input or output."""
    return local(side, rule, name)


def parameter_id(rule: str, name: str) -> str:
    """Return the @id of a rule's parameter."""
    return local("param", rule, name)


def config_id(name: str) -> str:
    """Return the @id of a configuration value's parameter."""
    return local("config", name)


def tool_id(rule: str) -> str:
    """Return the @id of a rule as a tool."""
    return local("tool", rule)


def step_id(rule: str) -> str:
    """Return the @id of a rule as a step of the workflow."""
    return local("step", rule)


def _formal(identifier: str, name: str, kind: str, description: str) -> Node:
    return node(
        identifier,
        "FormalParameter",
        name=name,
        description=description,
        additionalType=kind,
        conformsTo=reference(FORMAL_PARAMETER),
    )


def write_rule(rule: Rule, plan: Plan, software: Iterable[str], position: int) -> list[Node]:
    """Return a rule as tool and as step.

    Parameters
    ----------
    rule
        The rule.
    plan
        Identifiers of the plan.
    software
        @ids of the libraries that its jobs imported.
    position
        Its place along the dependencies.
    """
    environment = rule.environment
    wrapped = plan.identify.get(rule.script or "") or (rule.script if rule.script and is_uri(rule.script) else None)
    conda, pin, script = (
        plan.identify.get(path or "") for path in (environment.conda, environment.pin, environment.post_deploy)
    )
    tool = node(
        tool_id(rule.name),
        "SoftwareApplication",
        name=rule.name,
        description=_what(rule),
        softwareVersion=plan.version_of(rule.script) or plan.version_of(rule.source) or "unknown",
        url=_where(rule, plan),
        input=references(plan.tool_inputs.get(rule.name, ())),
        output=references(plan.tool_outputs.get(rule.name, ())),
        mainEntity=reference(wrapped) if wrapped else None,
        softwareRequirements=references(software),
        wrapper=rule.script if rule.script and not wrapped else None,
        ruleKind=rule.kind.value,
        line=rule.line,
        declaredConda=environment.conda_named,
        declaredContainer=environment.container,
        declaredModules=single(list(environment.modules)),
        deployed=single(list(environment.deployed)),
    )
    step = node(
        step_id(rule.name),
        "HowToStep",
        name=rule.name,
        position=position,
        workExample=reference(tool_id(rule.name)),
        buildInstructions=references(found for found in (conda, pin, script) if found),
        pinFile=reference(pin) if pin else None,
        postDeploy=reference(script) if script else None,
        connection=references(plan.connections.get(rule.name, ())),
    )
    return [tool, step]


def _what(rule: Rule) -> str:
    ways = {
        RuleKind.SHELL: "runs a shell command",
        RuleKind.SCRIPT: f"runs the script {rule.script}",
        RuleKind.RUN: "runs Python code of the Snakefile",
        RuleKind.NOTEBOOK: f"runs the notebook {rule.script}",
        RuleKind.WRAPPER: f"runs the wrapper {rule.script}",
        RuleKind.NONE: "runs nothing of its own",
        RuleKind.UNKNOWN: "runs a script, a notebook, a wrapper or Python code; which is not known",
    }
    return f"Rule {rule.name}: {ways[rule.kind]}"


def _where(rule: Rule, plan: Plan) -> Node | None:
    """Return the address of the file that defines the rule, inside the crate."""
    return reference(plan.identify[rule.source]) if rule.source and rule.source in plan.identify else None


def read_rule(tool: Mapping[str, Any], step: Mapping[str, Any]) -> Rule:
    """Return the rule that :func:`write_rule` wrote."""
    main, part = ids(tool.get("mainEntity")), ids(tool.get("url"))
    pin, script = (_path_of(step, name) for name in ("pinFile", "postDeploy"))
    build = [thing_path(found) for found in ids(step.get("buildInstructions"))]
    return Rule(
        name=str(required(tool, "name")),
        kind=RuleKind(required(tool, "ruleKind")),
        source=thing_path(part[0]) if part else None,
        line=tool.get("line"),
        script=thing_path(main[0]) if main else text(tool, "wrapper"),
        environment=Environment(
            conda=next((path for path in build if path not in (pin, script)), None),
            container=text(tool, "declaredContainer"),
            modules=tuple(str(name) for name in many(tool.get("declaredModules"))),
            deployed=tuple(str(name) for name in many(tool.get("deployed"))),
            pin=pin,
            post_deploy=script,
            conda_named=text(tool, "declaredConda"),
        ),
    )


def _path_of(entity: Mapping[str, Any], name: str) -> str | None:
    return next((thing_path(found) for found in ids(entity.get(name))), None)


def examples_of(entity: DataEntity, plan: Plan) -> object:
    """Return the references from a thing to the FormalParameters that it is an example of."""
    return references(plan.examples.get(entity.path, ()))


def final_things(paths: Sequence[str], plan: Plan) -> list[str]:
    """Return the @ids of things by their paths."""
    return [plan.identify[path] for path in paths if path in plan.identify]
