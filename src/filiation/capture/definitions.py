"""What a run was the run of: its workflow and its rules, as the journal tells them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from filiation.capture.attempts import Attempt
from filiation.capture.deployment import Deployed
from filiation.capture.journal import Event
from filiation.capture.naming import inside
from filiation.capture.surroundings import Surroundings
from filiation.model import Digest, Environment, Rule, RuleKind, Workflow

Facts = Mapping[str, Any]


def repository_told(events: Sequence[Event]) -> Facts:
    """Return the facts of the repository; journals of earlier versions have them in their first line."""
    told = (event.data for event in events if event.kind == "repository")
    return next(told, events[0].data.get("repository", {}))


def workflow_of(
    start: Facts,
    repository: Facts,
    attempts: Sequence[Attempt],
    folder: str,
    around: Surroundings,
    deployed: Deployed,
) -> Workflow:
    """Return the workflow with everything it is made of; ``around`` is what it came with."""
    main = inside(str(start.get("snakefile_main") or "Snakefile"), folder)
    sources = {main}
    sources |= {inside(str(path), folder) for path in start.get("sources", ()) if "://" not in str(path)}
    for attempt in attempts:
        # A wrapper is named by its address; what it consists of, if it is here, by its files.
        named = ("wrapper_file", "conda") if attempt.facts.get("kind") == "wrapper" else ("script", "conda")
        for key in named:
            path = attempt.facts.get(key)
            if path and "://" not in str(path):
                sources.add(inside(str(path), folder))
        beside = deployed.beside.get(str(attempt.facts.get("conda")), {})
        sources |= {inside(path, folder) for path in beside.values()}
    basedir = str(start.get("basedir") or folder)
    name = os.path.basename(os.path.dirname(basedir) if os.path.basename(basedir) == "workflow" else basedir)
    return Workflow(
        main=main,
        sources=tuple(sorted(sources | set(around.licence.files))),
        name=name or None,
        version=repository.get("commit"),
        repository=repository.get("url"),
        modified=repository.get("modified"),
        diff=Digest.from_text(repository["diff"]) if "diff" in repository else None,
        swhid=repository.get("swhid") or around.swhid,
        licenses=around.licence.identifiers,
        license_files=around.licence.files,
    )


def rules_of(attempts: Sequence[Attempt], folder: str, methods: Iterable[str], deployed: Deployed) -> tuple[Rule, ...]:
    """Return the rules that had jobs, by name, each as its last job declared it."""
    rules: dict[str, Rule] = {}
    for attempt in attempts:
        facts = attempt.facts
        if is_target_only(facts):
            continue
        kind = RuleKind(facts.get("kind", "none"))
        script = facts.get("script")
        if script is not None and "://" not in script and kind is not RuleKind.WRAPPER:
            script = inside(script, folder)
        beside = {what: inside(path, folder) for what, path in deployed.beside.get(str(facts.get("conda")), {}).items()}
        rules[str(facts["rule"])] = Rule(
            name=str(facts["rule"]),
            kind=kind,
            source=inside(facts["rule_file"], folder) if facts.get("rule_file") else None,
            line=facts.get("rule_line"),
            script=script,
            environment=Environment(
                conda=inside(facts["conda"], folder) if facts.get("conda") else None,
                container=facts.get("container"),
                modules=tuple(facts.get("modules", ())),
                deployed=tuple(sorted(methods)),
                pin=beside.get("pin"),
                post_deploy=beside.get("post_deploy"),
                conda_named=facts.get("conda_named"),
            ),
        )
    return tuple(rules[name] for name in sorted(rules))


def connections_of(attempts: Sequence[Attempt]) -> tuple[tuple[str, str], ...]:
    """Return which rule's jobs needed which rule's: pairs of maker and user, sorted."""
    pairs = {
        (str(maker), str(attempt.facts["rule"]))
        for attempt in attempts
        if not is_target_only(attempt.facts)
        for _, maker in attempt.facts.get("depends_on", ())
    }
    return tuple(sorted(pairs))


def is_target_only(facts: Facts) -> bool:
    """Tell a rule such as ``all``, which runs nothing and makes nothing, from a job."""
    return facts.get("kind") == "none" and not facts.get("output")
