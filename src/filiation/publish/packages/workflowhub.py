"""A crate as WorkflowHub takes it: a Workflow RO-Crate in a ZIP archive (https://w3id.org/workflowhub/workflow-ro-crate).

WorkflowHub asks for a main workflow in a language, a licence, and names without spaces.
"""

from __future__ import annotations

from pathlib import Path

from filiation.errors import BadInputError
from filiation.model import decode_path
from filiation.publish.description import Description, describe_crate
from filiation.publish.packages.archives import write_zip
from filiation.publish.packages.holdings import holdings_of
from filiation.publish.packages.package import Package, PackageSettings, appearing


def write_workflow_crate(crate: Path, target: Path, settings: PackageSettings) -> Package:
    """Write a crate for WorkflowHub, if it is one that WorkflowHub takes.

    Raises
    ------
    BadInputError
        If it has no main workflow, that is not in it, nobody states a licence, or names have spaces; all at once.
    """
    described = describe_crate(crate, settings.today)
    if faults := workflow_faults(crate, described):
        raise BadInputError(f"WorkflowHub does not take {crate}: {'; '.join(faults)}.")
    found = holdings_of(crate, lambda path: "holds a space, which WorkflowHub does not take" if " " in path else None)
    with appearing(target) as making:
        write_zip(making, found, progress=settings.progress)
    remarks = tuple(f"{one.field}: {one.why}" for one in described.missing)
    return Package(target, "workflowhub", len(found.files), found.size, (*found.remarks(), *remarks))


def workflow_faults(crate: Path, described: Description) -> tuple[str, ...]:
    """Return what WorkflowHub asks for and a crate has not, as ends of a sentence."""
    workflow = described.workflow
    faults = []
    if workflow is None:
        faults.append("it names no main workflow (mainEntity, a ComputationalWorkflow)")
    elif workflow.path.startswith(("http:", "https:")):
        faults.append(f"its main workflow is not in it but at {workflow.path}: export it without --workflow-at")
    elif not (crate / decode_path(workflow.path)).is_file():
        faults.append(f"its main workflow {workflow.path!r} is not in it")
    elif workflow.language is None:
        faults.append("its main workflow says no programmingLanguage")
    if described.licence is None and (workflow is None or workflow.licence is None):
        faults.append("no licence is stated; state one, as with: filiation export --license CC-BY-4.0")
    return tuple(faults)
