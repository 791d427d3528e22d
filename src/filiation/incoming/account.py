"""What a PROV document states, gathered relation by relation, and what follows from it for lineage.

PROV says more than lineage needs, and some of it less exactly. What follows is taken from PROV-DM and PROV-CONSTRAINTS:

- an activity used, or generated, what it is said to have; what a derivation names besides its activity too (inference
  11 there); nothing is concluded from names;
- a derivation that names no activity went through one that is not known: it stands as an action of its own, unless an
  activity that is known used the one and generated the other;
- an activity that was informed by another used something, not known, that the other generated (inference 5);
- a collection is gathered from its members. What a collection was made by is not said to have made its members.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from typing import Final

from filiation.catalogue.vocabulary import PROV, RDF_TYPE
from filiation.errors import BadInputError
from filiation.incoming.history import Agent, Deed, History, Thing, Tool
from filiation.model import Digest, DigestKind

_LABELS: Final = (
    PROV + "label",
    "http://www.w3.org/2000/01/rdf-schema#label",
    "https://w3id.org/cwl/prov#basename",  # CWLProv's name of a file, which has no other
)
_HEX: Final = re.compile(r"(?:[Ss][Hh][Aa]-?256:)?([0-9a-fA-F]{64})")
_PERSONS: Final = {
    "http://www.w3.org/ns/prov#Person": "Person",
    "http://schema.org/Person": "Person",
    "http://xmlns.com/foaf/0.1/Person": "Person",
    "http://www.w3.org/ns/prov#Organization": "Organization",
    "http://www.w3.org/ns/prov#SoftwareAgent": "SoftwareApplication",
}
_COLLECTIONS: Final = frozenset(
    f"http://www.w3.org/ns/prov#{name}" for name in ("Collection", "EmptyCollection", "Dictionary")
)
_WHOLE: Final = "http://purl.org/wf4ever/wfprov#WorkflowRun"
_WORKFLOW: Final = "#the-workflow"


class Account:
    """What a PROV document states; told to it in any order."""

    def __init__(self) -> None:
        self.entities: set[str] = set()
        self.activities: set[str] = set()
        self.agents: set[str] = set()
        self.labels: dict[str, str] = {}
        self.types: dict[str, set[str]] = defaultdict(set)
        self.sha256: dict[str, str] = {}
        self.started: dict[str, str] = {}
        self.ended: dict[str, str] = {}
        self.used: set[tuple[str, str]] = set()
        """Activity, entity."""
        self.generated: set[tuple[str, str]] = set()
        """Activity, entity."""
        self.derived: set[tuple[str, str, str | None]] = set()
        """What came of it, what it came of, by which activity."""
        self.informed: set[tuple[str, str]] = set()
        """Who was informed, by whom."""
        self.members: set[tuple[str, str]] = set()
        """Collection, member."""
        self.associated: dict[str, set[str]] = defaultdict(set)
        self.plans: dict[str, set[str]] = defaultdict(set)
        self.bundles = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is told that lineage could be made of."""
        told = (self.entities, self.activities, self.used, self.generated, self.derived, self.informed, self.members)
        return not any(told)

    def note_attribute(self, iri: str, name: str, value: str) -> None:
        """Take what an attribute says of a thing or an activity, as far as it is of use."""
        if name in _LABELS:
            self.labels[iri] = min(value, self.labels.get(iri, value))
        elif name in (PROV + "type", RDF_TYPE):
            self.types[iri].add(value)
        else:
            self.note_digest(iri, re.split(r"[#/:]", name)[-1], value)

    def note_digest(self, entity: str, name: str, value: str) -> None:
        """Take a SHA-256, where an attribute of that name holds one."""
        named = name.lower()
        found = _HEX.fullmatch(value.strip())
        # A checksum without the name of its algorithm may be any.
        if found and (
            named in ("sha256", "sha-256") or (named in ("digest", "checksum") and value.lower().startswith("sha"))
        ):
            self.sha256[entity] = found[1].lower()

    def history(self, name: str, notation: str) -> History:
        """Return what was done with which things."""
        used, made = defaultdict(set), defaultdict(set)
        for activity, entity in self.used:
            used[activity].add(entity)
        for activity, entity in self.generated:
            made[activity].add(entity)
        for after, before, through in self.derived:
            if through is not None:
                used[through].add(before)
                made[through].add(after)
        known = self.activities | used.keys() | made.keys() | {one for pair in self.informed for one in pair}
        deeds = [self._deed(activity, used[activity], made[activity]) for activity in sorted(known)]
        alone = sorted(
            (after, before)
            for after, before, activity in self.derived
            if activity is None and not any(after in made[one] and before in used[one] for one in known)
        )
        deeds += [
            Deed(f"#derivation-{number}", "derivation", (before,), (after,))
            for number, (after, before) in enumerate(alone, start=1)
        ]
        deeds, passed = self._with_messages(deeds)
        gathered = defaultdict(set)
        for collection, member in self.members:
            gathered[collection].add(member)
        deeds += [
            Deed(f"#gathering-{number}", "gathering", tuple(sorted(gathered[collection])), (collection,))
            for number, collection in enumerate(sorted(gathered), start=1)
        ]
        plans = sorted({deed.tool for deed in deeds if deed.tool is not None})
        return History(
            name=name,
            notation=notation,
            things=(*self._things(deeds), *(Thing(one, "what one activity gave another") for one in passed)),
            deeds=tuple(deeds),
            tools=tuple(Tool(plan, self.labels.get(plan), is_workflow=plan == _WORKFLOW) for plan in plans),
            agents=tuple(self._agent(one) for one in sorted(self.agents)),
            workflow=_WORKFLOW if _WORKFLOW in plans else None,
            assumed=tuple(self._assumed(notation, len(alone), len(passed), len(gathered))),
        )

    def _deed(self, activity: str, used: set[str], made: set[str]) -> Deed:
        whole = _WHOLE in self.types[activity]
        return Deed(
            activity,
            self.labels.get(activity),
            tuple(sorted(used)),
            tuple(sorted(made)),
            self.started.get(activity),
            self.ended.get(activity),
            tool=_WORKFLOW if whole else min(self.plans[activity], default=None),
            agent=min(self.associated[activity], default=None),
        )

    def _with_messages(self, deeds: list[Deed]) -> tuple[list[Deed], list[str]]:
        """Let who was informed use something that the informant made, where nothing that is named went that way."""
        by_id = {deed.id: deed for deed in deeds}
        gave, got = defaultdict(list), defaultdict(list)
        passed: list[str] = []
        for informed, informant in sorted(self.informed):
            if informed != informant and not set(by_id[informed].used) & set(by_id[informant].made):
                message = f"#message-{len(passed) + 1}"
                passed.append(message)
                gave[informant].append(message)
                got[informed].append(message)
        return [_and(deed, got[deed.id], gave[deed.id]) for deed in deeds], passed

    def _things(self, deeds: list[Deed]) -> list[Thing]:
        named = {one for deed in deeds for one in (*deed.used, *deed.made) if not one.startswith("#message-")}
        return [
            Thing(
                one,
                self.labels.get(one),
                sha256=self.sha256.get(one) or _digest_in(one),
                is_collection=bool(self.types[one] & _COLLECTIONS),
            )
            for one in sorted(self.entities | named)
        ]

    def _agent(self, agent: str) -> Agent:
        kinds = sorted(_PERSONS[kind] for kind in self.types[agent] if kind in _PERSONS)
        return Agent(agent, self.labels.get(agent), kinds[0] if kinds else "Agent")

    def _assumed(self, notation: str, alone: int, passed: int, gathered: int) -> list[str]:
        told = [f"An account in {notation}: things and activities are known by the IRIs that it gives them."]
        if alone:
            told.append(f"Derivations that name no activity stand as actions of their own: {alone}.")
        if passed:
            told.append(f"Activities informed by others used something of theirs that has no name: {passed}.")
        if gathered:
            told.append(f"Collections descend from their members, whatever made the collection: {gathered}.")
        if self.bundles:
            told.append(f"Its bundles are read together: {self.bundles}.")
        several = sum(len(agents) > 1 for agents in self.associated.values())
        if several:
            told.append(f"Of several agents of one activity the first by name is told: {several}.")
        return told


def _and(deed: Deed, got: list[str], gave: list[str]) -> Deed:
    return replace(deed, used=(*deed.used, *got), made=(*deed.made, *gave)) if got or gave else deed


def _digest_in(iri: str) -> str | None:
    if not iri.startswith("ni:///sha-256;"):
        return None
    try:
        digest = Digest.from_text(iri)
    except BadInputError:
        return None
    return digest.hex if digest.kind is DigestKind.FILE else None
