"""The profiles that our crates claim, by permalink, with names and versions: Workflow Run RO-Crate 0.5 on RO-Crate 1.1.

Workflow Run RO-Crate 0.6 is based on RO-Crate 1.3 and not backward compatible (its changelog); 1.2 fits no version.
"""

from __future__ import annotations

from dataclasses import dataclass

RO_CRATE_VERSION = "1.1"
RO_CRATE = "https://w3id.org/ro/crate/1.1"
WORKFLOW_RUN_CONTEXT = "https://w3id.org/ro/terms/workflow-run/context"
COMPUTATIONAL_WORKFLOW = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
CONDA_ENVIRONMENT = "https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html"
FORMAL_PARAMETER = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"
SNAKEMAKE_LANGUAGE = "https://w3id.org/workflowhub/workflow-ro-crate#snakemake"


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile that a crate conforms to."""

    iri: str
    name: str
    version: str


PROFILES = (
    Profile("https://w3id.org/ro/wfrun/process/0.5", "Process Run Crate", "0.5"),
    Profile("https://w3id.org/ro/wfrun/workflow/0.5", "Workflow Run Crate", "0.5"),
    Profile("https://w3id.org/ro/wfrun/provenance/0.5", "Provenance Run Crate", "0.5"),
    Profile("https://w3id.org/workflowhub/workflow-ro-crate/1.0", "Workflow RO-Crate", "1.0"),
)
WORKFLOW_RO_CRATE = PROFILES[3].iri

TERMS = "https://w3id.org/ro/terms/filiation#"
"""Namespace of the terms that no profile has; ``docs/reference/crate.md`` defines each."""

OWN_TERMS = (
    "attempt",
    "axes",
    "benchmark",
    "checksum",
    "checksumAlgorithm",
    "command",
    "connections",
    "cpu",
    "cpus",
    "declaredConda",
    "declaredContainer",
    "declaredModules",
    "dependsOn",
    "deployed",
    "deployedEnvironment",
    "diffDigest",
    "engineConfiguration",
    "entityKind",
    "exitCode",
    "fileCount",
    "flags",
    "gpuDriver",
    "gpuVisible",
    "gpus",
    "host",
    "imageFile",
    "imageUrl",
    "inputSlots",
    "installedFrom",
    "jobNumber",
    "labelSource",
    "lastSeen",
    "licenseFiles",
    "line",
    "lock",
    "logSlots",
    "measuredBy",
    "modified",
    "notCaptured",
    "originalFileCount",
    "outcome",
    "outputSlots",
    "packages",
    "pinFile",
    "pixelDigest",
    "pixelType",
    "platform",
    "postDeploy",
    "prefix",
    "presence",
    "reason",
    "recordedBy",
    "redacted",
    "reproducedBy",
    "reproduces",
    "registryDigest",
    "requestedValue",
    "resources",
    "reused",
    "ruleKind",
    "runFolder",
    "runId",
    "runStatus",
    "scale",
    "schedulerJob",
    "shape",
    "softwareUsed",
    "sourceFiles",
    "status",
    "stepRecord",
    "submitted",
    "swhid",
    "threads",
    "timeSource",
    "treeDigest",
    "units",
    "usedValue",
    "user",
    "wildcards",
    "wrapper",
)

INLINE_CONTEXT = {
    # RO-Crate 1.1 lacks it and Provenance Run Crate 0.5 asks for it.
    "buildInstructions": "https://codemeta.github.io/terms/buildInstructions",
    **{term: TERMS + term for term in OWN_TERMS},
}
