"""The metadata document: a ``WorkflowRun`` as flattened JSON-LD, profile by profile."""

from __future__ import annotations

import posixpath
from collections.abc import Container, Sequence
from datetime import datetime

from filiation.crate.agents import (
    agent_id,
    organisation_id,
    software_id,
    write_agent,
    write_machine,
    write_software,
)
from filiation.crate.deployed import ENVIRONMENTS, needed, write_environments, write_lock
from filiation.crate.image_metadata import CONTEXT as IMAGE_CONTEXT
from filiation.crate.image_metadata import IMAGE_TYPE, with_metadata, write_image_metadata
from filiation.crate.jobs import action_name, control_id, schema_status, write_action, write_config
from filiation.crate.jsonld import Node, isoformat, local, many, node, reference, references, single
from filiation.crate.plan import Plan, examples_of, final_things, step_id, tool_id, write_rule
from filiation.crate.plates import CONTEXT as PLATE_CONTEXT
from filiation.crate.plates import write_plates
from filiation.crate.profiles import (
    COMPUTATIONAL_WORKFLOW,
    CONDA_ENVIRONMENT,
    INLINE_CONTEXT,
    PROFILES,
    RO_CRATE,
    RO_CRATE_VERSION,
    SNAKEMAKE_LANGUAGE,
    WORKFLOW_RO_CRATE,
    WORKFLOW_RUN_CONTEXT,
)
from filiation.crate.remote import write_server
from filiation.crate.things import PART_OF, thing_id, write_thing
from filiation.model import Action, DataEntity, EntityKind, Presence, WorkflowRun

RUN, ENGINE_RUN = "#run", "#engine-run"
JOURNAL, README, STEPS, MANIFESTS = "journal.jsonl", "README.md", "steps/", "manifests/"
METADATA_RECORDS = "snakemake-metadata.jsonl"
"""What a run that was recorded afterwards rests on, in the place of a journal."""
_NO_LICENCE = "#no-licence-stated"
_SPDX = "https://spdx.org/licenses/"


def document(run: WorkflowRun, embedded: Container[str], sizes: dict[str, int], redacted: Container[str] = ()) -> Node:
    """Return the content of ``ro-crate-metadata.json``.

    Parameters
    ----------
    run
        The run.
    embedded
        Places in the crate of the things whose bytes travel with it.
    sizes
        Bytes of the crate's own files: README, journal and step records, by place.
    redacted
        Places of files whose copy lacks secrets.
    """
    entities = _with_workflow_files(run)
    identify = {entity.path: thing_id(entity.path, entity.is_tree, embedded) for entity in entities}
    plan = Plan(run, identify)
    environments = {rule.environment.conda for rule in run.rules if rule.environment.conda != run.workflow.main}
    things = [write_thing(entity, run.folder, embedded, _types(entity, run)) for entity in entities]
    for thing, entity in zip(things, entities, strict=True):
        thing |= {"exampleOfWork": found} if (found := examples_of(entity, plan)) else {}
        if entity.path == run.workflow.main:
            thing |= _main_workflow(run, plan)
            known = [*many(thing.get("identifier")), *([run.workflow.swhid] if run.workflow.swhid else [])]
            thing |= {"identifier": single(known)} if known else {}
        if thing["@id"] in redacted:
            # The digest is the original's; the copy that travels is another text.
            thing |= {"redacted": True}
        if entity.path in environments:
            thing |= {"conformsTo": reference(CONDA_ENVIRONMENT)}
    told = write_image_metadata(entity.metadata for entity in entities if entity.metadata is not None)
    things = [with_metadata(thing, told.pop(str(thing["@id"]), None)) for thing in things]
    own = _own_files(run, sizes)
    nodes = [
        *things,
        *(found for entity in entities for found in write_server(entity)),
        *told.values(),
        *write_plates(entities, embedded),
        *own,
        *_parameters(run, plan),
        *write_environments(run.actions),
        *_tools(run, plan),
        *_actions(run, plan),
        *_run_actions(run, plan),
        *write_agent(run.agent),
        *_context(run),
    ]
    # A Dataset inside the crate is listed; a raw image outside is described, not listed.
    listed = [
        str(item["@id"])
        for item, entity in zip(things, entities, strict=True)
        if entity.kind is not EntityKind.RAW_IMAGE
    ] + [str(item["@id"]) for item in own]
    return _assemble(run, nodes, listed)


def _types(entity: DataEntity, run: WorkflowRun) -> list[str]:
    """Return the types of a thing besides File or Dataset."""
    if entity.path == run.workflow.main:
        return ["SoftwareSourceCode", "ComputationalWorkflow", "HowTo"]
    return ["ImageObject"] if entity.kind is EntityKind.RAW_IMAGE else []


def _with_workflow_files(run: WorkflowRun) -> list[DataEntity]:
    """Return every thing; files that the run names but nobody looked at are there as not captured."""
    known = {entity.path: entity for entity in run.entities}
    slots = [slot for action in run.actions for slot in (*action.inputs, *action.outputs, *action.logs)]
    named = [
        run.workflow.main,
        *run.workflow.sources,
        *run.workflow.license_files,
        *run.config_files,
        *(slot.path for slot in slots),
    ]
    for path in named:
        known.setdefault(path, DataEntity(path, EntityKind.FILE, Presence.MISSING))
    return list(known.values())


def _main_workflow(run: WorkflowRun, plan: Plan) -> Node:
    workflow = run.workflow
    properties = node(
        plan.identify[workflow.main],
        [],
        name=workflow.name or posixpath.basename(workflow.main),
        version=workflow.version or plan.version_of(workflow.main) or "unknown",
        codeRepository=workflow.repository,
        url=workflow.repository or reference(plan.identify[workflow.main]),
        programmingLanguage=reference(SNAKEMAKE_LANGUAGE),
        conformsTo=reference(COMPUTATIONAL_WORKFLOW),
        hasPart=references(tool_id(rule.name) for rule in run.rules),
        # The profile allows only tools as parts; the files that a workflow is made of get a word of their own.
        sourceFiles=references(plan.identify[path] for path in workflow.sources if path != workflow.main),
        step=references(step_id(rule.name) for rule in run.rules),
        input=references(plan.workflow_inputs),
        output=references(plan.workflow_outputs),
        connection=references(plan.connections.get("", ())),
        modified=workflow.modified,
        diffDigest=str(workflow.diff) if workflow.diff else None,
        swhid=workflow.swhid,
        license=references(_licence_ids(run, plan)),
        licenseFiles=references(final_things(workflow.license_files, plan)),
    )
    return {name: value for name, value in properties.items() if name not in ("@id", "@type")}


def _parameters(run: WorkflowRun, plan: Plan) -> list[Node]:
    values = [write_config(parameter) for parameter in run.config]
    return [*plan.formal.values(), *plan.connection_nodes.values(), *values]


def _tools(run: WorkflowRun, plan: Plan) -> list[Node]:
    positions = plan.positions()
    by_rule: dict[str, list[Action]] = {rule.name: [] for rule in run.rules}
    for action in run.actions:
        by_rule[action.rule].append(action)
    software = {name: sorted({software_id(item) for item in needed(actions)}) for name, actions in by_rule.items()}
    libraries = {software_id(item): write_software(item) for item in needed(run.actions)}
    nodes = [found for rule in run.rules for found in write_rule(rule, plan, software[rule.name], positions[rule.name])]
    engine = write_software(run.engine)
    return [*nodes, *libraries.values(), engine]


def _actions(run: WorkflowRun, plan: Plan) -> list[Node]:
    rules = {rule.name: rule for rule in run.rules}
    return [
        found for action in run.actions for found in write_action(action, rules[action.rule], plan, agent_id(run.agent))
    ]


def _run_actions(run: WorkflowRun, plan: Plan) -> list[Node]:
    """Return the run itself, the engine's work, and what it did for each step."""
    status, agent = schema_status(run.status), reference(agent_id(run.agent))
    times = {"startTime": isoformat(run.started), "endTime": isoformat(run.ended)}
    whole = node(
        RUN,
        "CreateAction",
        name=f"Run of {run.workflow.name or run.workflow.main}",
        description=run.command,
        instrument=reference(plan.identify[run.workflow.main]),
        agent=agent,
        object=references([
            *final_things(plan.sources, plan),
            *final_things(run.config_files, plan),
            *(str(write_config(parameter)["@id"]) for parameter in run.config)
        ]),
        result=references(final_things(plan.results, plan)),
        actionStatus=status,
        error=run.error if run.error else None,
        **times,
        status=run.status.value,
        command=run.command,
        connections=single([f"{maker}\n{user}" for maker, user in run.connections]),
        notCaptured=single(list(run.not_captured)),
        redacted=single(list(run.redacted)),
        **write_machine(run.machine),
    )  # fmt: skip
    controls = [
        node(
            control_id(rule.name),
            "ControlAction",
            name=f"Orchestration of {rule.name}",
            instrument=reference(step_id(rule.name)),
            object=references(action.local_id for action in run.actions if action.rule == rule.name),
        )
        for rule in run.rules
    ]
    engine = node(
        ENGINE_RUN,
        "OrganizeAction",
        name=f"{run.engine.name} {run.engine.version or ''}".strip(),
        description=run.command,
        instrument=reference(software_id(run.engine)),
        agent=agent,
        object=references(str(control["@id"]) for control in controls),
        # The profile's text wants these in `object` too, its checks allow only ControlActions there.
        engineConfiguration=references(final_things(run.config_files, plan)),
        result=reference(RUN),
        actionStatus=status,
        **times,
    )  # fmt: skip
    return [whole, *controls, engine]


def _own_files(run: WorkflowRun, sizes: dict[str, int]) -> list[Node]:
    """Return the crate's own files: README, journal, step records, manifests."""
    about = {action.step_record: action for action in run.actions if action.step_record}
    nodes: list[Node] = []
    for place, size in sorted(sizes.items()):
        if place == MANIFESTS:
            nodes.append(node(place, "Dataset", name="Manifests of directories and stores",
                              description="For each tree the SHA-256 of every file in it, as sha256sum -z prints it; "
                                          "the manifest's own SHA-256 is the tree's digest"))  # fmt: skip
            continue
        if place.startswith(ENVIRONMENTS):
            nodes.append(write_lock(place, size, run.actions))
            continue
        subject, media, words = "./", "text/markdown", "What this crate holds, for a person"
        if place == JOURNAL:
            subject, media, words = RUN, "application/jsonl", "Journal of the run: every event as it was recorded"
        elif place == METADATA_RECORDS:
            subject, media = RUN, "application/jsonl"
            words = "Snakemake's metadata of each output, which is all that this record rests on"
        elif place in about:
            subject, media = about[place].local_id, "application/json"
            words = f"Step record of {action_name(about[place])}, written by the job itself"
        nodes.append(node(place, "File", name=posixpath.basename(place), description=words, encodingFormat=media,
                          contentSize=str(size), about=reference(subject)))  # fmt: skip
    return nodes


def _context(run: WorkflowRun) -> list[Node]:
    """Return the entities that stand for profiles, the language and the licence."""
    nodes = [node(profile.iri, "CreativeWork", name=profile.name, version=profile.version) for profile in PROFILES]
    language = node(
        SNAKEMAKE_LANGUAGE,
        "ComputerLanguage",
        name="Snakemake",
        identifier=reference("https://doi.org/10.1093/bioinformatics/bts480"),
        url=reference("https://snakemake.github.io"),
    )
    licences = [
        node(_SPDX + name, "CreativeWork", name=name, description="Licence that the workflow's own files state")
        for name in run.workflow.licenses
    ]
    # The crate's own licence comes last: of two of one name it is the one that has to be found.
    return [*nodes, language, *licences, _licence(run)]


def _licence_ids(run: WorkflowRun, plan: Plan) -> list[str]:
    """Return the licences of the workflow; where no text was recognised, the texts."""
    known = [_SPDX + name for name in run.workflow.licenses]
    return known or final_things(run.workflow.license_files, plan)


def _licence(run: WorkflowRun) -> Node:
    if run.license:
        identifier = run.license if run.license.startswith("http") else local("licence", run.license)
        return node(identifier, "CreativeWork", name=run.license,
                    description="Licence that the author states for this crate")  # fmt: skip
    return node(_NO_LICENCE, "CreativeWork", name="No licence stated",
                description="The author of this run has not stated a licence; ask them before reusing it")  # fmt: skip


def _assemble(run: WorkflowRun, nodes: Sequence[Node], listed: Sequence[str]) -> Node:
    """Hand the entities to ro-crate-py, which writes the descriptor, the context and the root."""
    from rocrate.model import Entity
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version=RO_CRATE_VERSION)
    described = any(IMAGE_TYPE in many(entity["@type"]) for entity in nodes)
    in_plates = any(PART_OF in entity for entity in nodes)
    own_terms = {**INLINE_CONTEXT, **(IMAGE_CONTEXT if described else {}), **(PLATE_CONTEXT if in_plates else {})}
    crate.metadata.extra_contexts += [WORKFLOW_RUN_CONTEXT, own_terms]
    crate.metadata["conformsTo"] = [{"@id": RO_CRATE}, {"@id": WORKFLOW_RO_CRATE}]
    for identifier, entity in {str(entity["@id"]): entity for entity in nodes}.items():
        # The plain class: the contextual one would change identifiers, and ``add_jsonld`` looks at every entity each
        # time, which costs the square of their number.
        crate.add(Entity(crate, identifier, {name: value for name, value in entity.items() if name != "@id"}))
    generated: Node = crate.metadata.generate()
    actions = [f"{RUN}", ENGINE_RUN, *(control_id(rule.name) for rule in run.rules),
               *(action.local_id for action in run.actions)]  # fmt: skip
    publisher = organisation_id(run.agent)
    main = next(str(entity["@id"]) for entity in nodes if "programmingLanguage" in entity)
    root = node(
        "./",
        "Dataset",
        name=f"{run.workflow.name or 'Workflow'} run of {_day(run.started)}",
        description=_summary(run),
        datePublished=isoformat(run.ended or run.started),
        license=reference(str(_licence(run)["@id"])),
        author=reference(agent_id(run.agent)),
        publisher=reference(publisher) if publisher else None,
        mainEntity=reference(main),
        conformsTo=[reference(profile.iri) for profile in PROFILES],
        hasPart=references(listed),
        mentions=references(actions),
        identifier=run.iri,
        runId=run.id,
        runFolder=run.folder,
        runStatus=run.status.value,
        recordedBy=run.recorded_by if run.recorded_by != "journal" else None,
        host=run.machine.host,
    )
    graph = [root if entity["@id"] == "./" else entity for entity in generated["@graph"]]
    return {"@context": generated["@context"], "@graph": graph}


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")


def _summary(run: WorkflowRun) -> str:
    failed = sum(1 for action in run.actions if action.status.value == "failed")
    return (
        f"Provenance of one run of a Snakemake workflow by {run.agent.name or run.agent.user} on {run.machine.host}: "
        f"{len(run.actions)} actions ({failed} failed), {len(run.entities)} files, stores and images. "
        + (
            f"The run is {run.status.value}."
            if run.recorded_by == "journal"
            else "Recorded afterwards from Snakemake's metadata, of low confidence: how the jobs ended is not known."
        )
    )
