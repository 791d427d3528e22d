"""Builds small crates in code, in the form that filiation writes, beside real small files."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from filiation.crate.jsonld import local
from filiation.digest import digest_file, digest_tree
from filiation.model import DigestKind, EntityKind, crate_path, entity_iri, is_uri, run_iri

F = "https://w3id.org/ro/terms/filiation#"
OWN_TERMS = """
runId runStatus runFolder host treeDigest pixelDigest fileCount entityKind presence flags axes shape pixelType scale
units labelSource reused lastSeen status jobNumber attempt wildcards threads reason submitted schedulerJob
requestedValue usedValue originalFileCount checksum checksumAlgorithm
"""
CONTEXT = [
    "https://w3id.org/ro/crate/1.1/context",
    "https://w3id.org/ro/terms/workflow-run/context",
    {term: F + term for term in re.findall(r"\w+", OWN_TERMS)},
]


def run_id(number: int) -> str:
    return f"{number:08x}-0000-4000-8000-{number:012x}"


def write(path: Path, content: str | dict[str, str]) -> Path:
    """Write a file, or a tree given as path and content."""
    if isinstance(content, dict):
        for name, text in content.items():
            write(path / name, text)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


@dataclass
class CrateBuilder:
    """One run: write files into ``folder``, tell of jobs, then ``write`` the crate."""

    folder: Path
    number: int = 1
    minute: int = 0
    id: str = ""
    status: str = "finished"
    graph: dict[str, dict[str, object]] = field(default_factory=dict)
    jobs: list[str] = field(default_factory=list)
    manifests: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.id = self.id or run_id(self.number)
        self.minute = self.minute or 10 * self.number
        self.begin = self.minute

    @property
    def iri(self) -> str:
        return run_iri(self.id)

    def iri_of(self, path: str) -> str:
        return entity_iri(self.id, path)

    def action_iri(self, job: int, attempt: int = 1) -> str:
        return f"{self.iri}#job-{job}-attempt-{attempt}"

    def _time(self, minute: int, second: int = 0) -> str:
        return f"2026-03-01T{minute // 60:02d}:{minute % 60:02d}:{second:02d}+00:00"

    def thing(self, path: str, kind: str | None = None, **more: object) -> str:
        """Describe what is on disk at ``path`` now."""
        if is_uri(path):
            described = {"@id": path, "@type": "CreativeWork", "name": path, "entityKind": "raw image"} | more
            self.graph.setdefault(path, {"presence": "remote"} | described)
            return path
        place = self.folder / path
        tree = place.is_dir()
        identifier = "#" + crate_path(path) + ("/" if tree else "")
        entity: dict[str, object] = {
            "@id": identifier,
            "@type": "Dataset" if tree else "File",
            "name": Path(path).name,
            "presence": "present",
            "entityKind": kind or ("directory" if tree else "file"),
            "lastSeen": str(place),
        }
        if tree:
            found = digest_tree(place)
            entity |= {"treeDigest": found.digest.hex, "fileCount": found.files, "contentSize": str(found.size)}
            self.manifests[found.digest.hex] = found.manifest
        elif place.is_file():
            entity |= {"sha256": digest_file(place).hex, "contentSize": str(place.stat().st_size)}
        self.graph[identifier] = entity | more
        return identifier

    def job(
        self,
        rule: str,
        inputs: tuple[str, ...] = (),
        outputs: dict[str, object] | None = None,
        *,
        parameters: dict[str, object] | None = None,
        status: str = "finished",
        attempt: int = 1,
        number: int | None = None,
        kinds: dict[str, str] | None = None,
        error: str | None = None,
        **more: object,
    ) -> str:
        """Tell of a job that read ``inputs`` and wrote ``outputs`` (path and content; None leaves the file alone)."""
        for path, content in (outputs or {}).items():
            if content is not None:
                write(self.folder / path, content)  # type: ignore[arg-type]
        kinds = kinds or {}
        number = number or len(self.jobs) + 1
        objects = [self.thing(path, kinds.get(path)) for path in inputs]
        for name, value in (parameters or {}).items():
            given = value if isinstance(value, dict) else {"value": value}
            identifier = local("param", "job", str(number), str(attempt), name)
            slot = local("param", rule, name)
            self.graph[identifier] = {
                "@id": identifier,
                "@type": "PropertyValue",
                "name": name,
                "exampleOfWork": {"@id": slot},
            } | given
            self.graph[slot] = {"@id": slot, "@type": "FormalParameter", "name": name}
            objects.append(identifier)
        results = [self.thing(path, kinds.get(path)) for path in (outputs or {})]
        tool = local("tool", rule)
        package = "#package-scikit-image"
        self.graph[package] = {
            "@id": package, "@type": "SoftwareApplication", "name": "scikit-image", "version": "0.26.0",
        }  # fmt: skip
        self.graph[tool] = {
            "@id": tool, "@type": "SoftwareApplication", "name": rule, "softwareRequirements": {"@id": package},
        }  # fmt: skip
        identifier = f"#job-{number}-attempt-{attempt}"
        self.graph[identifier] = {
            "@id": identifier,
            "@type": "CreateAction",
            "name": rule,
            "description": f"python {rule}.py",
            "startTime": self._time(self.minute, 10),
            "endTime": self._time(self.minute, 40),
            "instrument": {"@id": tool},
            "object": [{"@id": found} for found in objects],
            "agent": {"@id": "https://orcid.org/0000-0002-1825-0097"},
            "actionStatus": f"http://schema.org/{'Completed' if status == 'finished' else 'Failed'}ActionStatus",
            "status": status,
            "jobNumber": number,
            "attempt": attempt,
            "host": "node7",
        } | more
        if status == "finished":
            self.graph[identifier]["result"] = [{"@id": found} for found in results]
        if error is not None:
            self.graph[identifier]["error"] = error
        self.minute += 1
        self.jobs.append(identifier)
        return identifier

    def document(self) -> dict[str, object]:
        steps = [{"@id": job} for job in dict.fromkeys(self.jobs)]
        made = {ref["@id"] for job in self.jobs for ref in self.graph[job].get("result", [])}  # type: ignore[attr-defined]
        root = {
            "@id": "./",
            "@type": "Dataset",
            "name": f"Run {self.number}",
            "runId": self.id,
            "runStatus": self.status,
            "runFolder": str(self.folder),
            "host": "front1",
            "mainEntity": {"@id": "work/Snakefile"},
            "mentions": [*steps, {"@id": "#run"}],
        }
        workflow = {
            "@id": "work/Snakefile",
            "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow"],
            "name": "Snakefile",
            "hasPart": [{"@id": tool} for tool in sorted(key for key in self.graph if key.startswith("#tool-"))],
        }
        run = {
            "@id": "#run",
            "@type": "CreateAction",
            "name": "the whole run",
            "instrument": {"@id": "work/Snakefile"},
            "agent": {"@id": "https://orcid.org/0000-0002-1825-0097"},
            "startTime": self._time(self.begin),
            "endTime": self._time(self.minute),
            "object": [ref for job in self.jobs for ref in self.graph[job]["object"]],  # type: ignore[attr-defined]
            "result": [{"@id": thing} for thing in sorted(made)],
        }
        person = {
            "@id": "https://orcid.org/0000-0002-1825-0097", "@type": "Person", "name": "Josiah Carberry",
        }  # fmt: skip
        descriptor = {
            "@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"},
        }  # fmt: skip
        return {"@context": CONTEXT, "@graph": [descriptor, root, workflow, run, person, *self.graph.values()]}

    def write(self, crates: Path) -> Path:
        """Write the crate below ``crates``."""
        crate = crates / self.id
        (crate / "manifests").mkdir(parents=True, exist_ok=True)
        (crate / "work").mkdir(exist_ok=True)
        (crate / "work" / "Snakefile").write_text("# a workflow\n")
        for digest, manifest in self.manifests.items():
            (crate / "manifests" / f"{digest}.sha256").write_bytes(manifest)
        (crate / "ro-crate-metadata.json").write_text(json.dumps(self.document(), indent=1))
        return crate


def sha256(text: str) -> str:
    return f"{DigestKind.FILE.value}:{hashlib.sha256(text.encode()).hexdigest()}"


def nuclei_run(folder: Path, number: int = 1, sigma: float = 1.0) -> CrateBuilder:
    """Build the run that most tests are about: fetch, segment, measure, overlay."""
    run = CrateBuilder(folder, number)
    run.job("fetch", ("skimage:immunohistochemistry",), {
        "results/ihc/image.ome.zarr": {"zarr.json": "{}", "0/c/0/0": "pixels"},
    }, kinds={"results/ihc/image.ome.zarr": EntityKind.IMAGE.value})  # fmt: skip
    run.job("segment", ("results/ihc/image.ome.zarr",), {
        "results/ihc/nuclei.ome.zarr": {"zarr.json": "{}", "0/c/0/0": f"labels {sigma}", "0/c/0/1": "more"},
    }, parameters={
        "method": {"value": "otsu", "requestedValue": '"otsu"', "usedValue": '"otsu"'},
        "sigma": {"value": sigma, "requestedValue": "2", "usedValue": json.dumps(sigma)},
    }, kinds={
        "results/ihc/image.ome.zarr": EntityKind.IMAGE.value,
        "results/ihc/nuclei.ome.zarr": EntityKind.LABEL_IMAGE.value,
    })  # fmt: skip
    kinds = {
        "results/ihc/image.ome.zarr": EntityKind.IMAGE.value,
        "results/ihc/nuclei.ome.zarr": EntityKind.LABEL_IMAGE.value,
    }
    both = ("results/ihc/image.ome.zarr", "results/ihc/nuclei.ome.zarr")
    run.job("measure", both, {"results/ihc/nuclei.parquet": f"table {sigma}"}, kinds=kinds)
    run.job("overlay", both, {"results/ihc/overlay.png": f"picture {sigma}"}, kinds=kinds)
    return run
