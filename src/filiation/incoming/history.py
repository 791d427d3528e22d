"""What an account of provenance tells, in whatever notation: who did what with which things. Frozen."""

from __future__ import annotations

from dataclasses import dataclass, field

from filiation.model import Value


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that was used or made.

    Parameters
    ----------
    id
        IRI, or a name that begins with ``#`` of what only this account knows.
    name
        For a person.
    path
        Where it was, if that is not its IRI.
    sha256
        Of its bytes, in hexadecimal.
    checksum
        Another checksum: the algorithm and the value. It identifies nothing, and is kept to be read.
    size
        Bytes.
    modified
        As the account writes it.
    is_collection
        Whether it is made up of others.
    """

    id: str
    name: str | None = None
    path: str | None = None
    sha256: str | None = None
    checksum: tuple[str, str] | None = None
    size: int | None = None
    modified: str | None = None
    is_collection: bool = False


@dataclass(frozen=True, slots=True)
class Tool:
    """What was executed: a program, a script, a plan."""

    id: str
    name: str | None = None
    version: str | None = None
    is_workflow: bool = False


@dataclass(frozen=True, slots=True)
class Agent:
    """Who answers for something; a person only where the account says so."""

    id: str
    name: str | None = None
    kind: str = "Agent"


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that was done.

    Parameters
    ----------
    id
        IRI, or a name that begins with ``#``.
    name
        For a person.
    used, made
        Ids of things.
    started, ended
        ISO 8601, as the account writes it.
    tool, agent
        Ids.
    command
        What was executed.
    container
        The image that it ran in.
    parameters
        Values that are no things.
    """

    id: str
    name: str | None = None
    used: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    started: str | None = None
    ended: str | None = None
    tool: str | None = None
    agent: str | None = None
    command: str | None = None
    container: str | None = None
    parameters: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """An account of provenance as a whole.

    Parameters
    ----------
    name
        For a person.
    notation
        What it was written in.
    things, deeds, tools, agents
        What it tells of; ids that have no description are known by their id alone.
    workflow
        Id of the tool that stands for the whole, if there is one.
    assumed
        A sentence for each thing that was taken for granted.
    """

    name: str
    notation: str
    things: tuple[Thing, ...] = ()
    deeds: tuple[Deed, ...] = ()
    tools: tuple[Tool, ...] = ()
    agents: tuple[Agent, ...] = ()
    workflow: str | None = None
    assumed: tuple[str, ...] = field(default=())
