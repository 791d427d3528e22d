"""The words of the domain: identifiers, entities, actions. Frozen, typed, no input or output.

>>> from filiation.model import Digest, DigestKind, entity_iri
>>> Digest(DigestKind.TREE, "0" * 64).iri[:24]
'urn:filiation:tree1:0000'
>>> entity_iri("7c9f2c34-7b5b-4c4b-9d3e-0a7f1f2b9c10", "results/nuclei.ome.zarr")
'arcp://uuid,7c9f2c34-7b5b-4c4b-9d3e-0a7f1f2b9c10/work/results/nuclei.ome.zarr'
"""

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
from filiation.model.remote import MOST_FILES, OmeroId, OriginalFile, ServerFacts

__all__ = [
    "MOST_FILES",
    "Action",
    "Agent",
    "CondaEnvironment",
    "ContainerImage",
    "DataEntity",
    "Digest",
    "DigestKind",
    "EntityKind",
    "Environment",
    "ImageFacts",
    "Machine",
    "OmeroId",
    "OriginalFile",
    "Parameter",
    "Presence",
    "Rule",
    "RuleKind",
    "ServerFacts",
    "Slot",
    "Software",
    "Status",
    "Usage",
    "Value",
    "Workflow",
    "WorkflowRun",
    "crate_path",
    "decode_path",
    "encode_path",
    "entity_iri",
    "is_uri",
    "local_path",
    "object_iri",
    "path_in_run",
    "run_iri",
    "written_uri",
]
