"""The words of the domain: identifiers, entities, actions. Frozen, typed, no input or output.

>>> from filiation.model import Digest, DigestKind, entity_iri
>>> Digest(DigestKind.TREE, "0" * 64).iri[:24]
'urn:filiation:tree1:0000'
>>> entity_iri("7c9f2c34-7b5b-4c4b-9d3e-0a7f1f2b9c10", "results/nuclei.ome.zarr")
'arcp://uuid,7c9f2c34-7b5b-4c4b-9d3e-0a7f1f2b9c10/work/results/nuclei.ome.zarr'
"""

from typing import TYPE_CHECKING

from filiation.model.actions import (
    Action,
    CondaEnvironment,
    ContainerImage,
    Environment,
    Rule,
    RuleKind,
    Slot,
    Status,
    Usage,
    Workflow,
    WorkflowRun,
)
from filiation.model.entities import (
    Agent,
    DataEntity,
    EntityKind,
    ImageFacts,
    Machine,
    Parameter,
    Presence,
    Software,
    Value,
)
from filiation.model.identifiers import (
    Digest,
    DigestKind,
    crate_path,
    decode_path,
    encode_path,
    entity_iri,
    is_uri,
    local_path,
    object_iri,
    path_in_run,
    run_iri,
    written_uri,
)
from filiation.model.plain import Member, from_plain, members, to_plain
from filiation.model.remote import MOST_FILES, OmeroId, OriginalFile, ServerFacts

if TYPE_CHECKING:
    from filiation.model.image_metadata import (
        FACTS_ATTRIBUTE,
        Channel,
        Comment,
        Container,
        Detector,
        Dichroic,
        Filter,
        Group,
        ImageMetadata,
        Instrument,
        KeyValues,
        LightSource,
        Objective,
        Owner,
        Pair,
        Quantity,
        Tag,
        kind_of_object,
    )

__all__ = [
    "FACTS_ATTRIBUTE",
    "MOST_FILES",
    "Action",
    "Agent",
    "Channel",
    "Comment",
    "CondaEnvironment",
    "Container",
    "ContainerImage",
    "DataEntity",
    "Detector",
    "Dichroic",
    "Digest",
    "DigestKind",
    "EntityKind",
    "Environment",
    "Filter",
    "Group",
    "ImageFacts",
    "ImageMetadata",
    "Instrument",
    "KeyValues",
    "LightSource",
    "Machine",
    "Member",
    "Objective",
    "OmeroId",
    "OriginalFile",
    "Owner",
    "Pair",
    "Parameter",
    "Presence",
    "Quantity",
    "Rule",
    "RuleKind",
    "ServerFacts",
    "Slot",
    "Software",
    "Status",
    "Tag",
    "Usage",
    "Value",
    "Workflow",
    "WorkflowRun",
    "crate_path",
    "decode_path",
    "encode_path",
    "entity_iri",
    "from_plain",
    "is_uri",
    "kind_of_object",
    "local_path",
    "members",
    "object_iri",
    "path_in_run",
    "run_iri",
    "to_plain",
    "written_uri",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from filiation.model import image_metadata  # sixteen classes that most questions do without

    return getattr(image_metadata, name)
