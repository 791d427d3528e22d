"""Random runs that could have happened, for the round trip through a crate."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from filiation.model import (
    Action,
    Agent,
    CondaEnvironment,
    ContainerImage,
    DataEntity,
    Digest,
    DigestKind,
    EntityKind,
    Environment,
    ImageFacts,
    Machine,
    OriginalFile,
    Parameter,
    Presence,
    Rule,
    RuleKind,
    ServerFacts,
    Slot,
    Software,
    Status,
    Usage,
    Value,
    Workflow,
    WorkflowRun,
)
from tests.model.described import IRI, image_metadata

names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
words = st.text(min_size=1, max_size=12)
# The crate's profile recommends milliseconds; that is what a run holds.
times = st.integers(0, 10**12).map(lambda ms: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms))
hexes = st.binary(min_size=32, max_size=32).map(bytes.hex)
pixel_digests = st.builds(Digest, st.sampled_from([DigestKind.PIXELS, DigestKind.PIXELS_1]), hexes)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
values = json_values.map(Value.of)
path_parts = st.text(st.characters(blacklist_characters="/\0", blacklist_categories=("Cs",)), min_size=1, max_size=9)
paths = (
    st.builds(
        lambda absolute, parts: ("/" if absolute else "") + "/".join(parts),
        st.booleans(),
        st.lists(path_parts.filter(lambda part: part not in (".", "..")), min_size=1, max_size=5),
    )
    .map(lambda path: path if ":" not in path.partition("/")[0] else "x/" + path.replace(":", "_"))
    .filter(lambda path: path.strip("/") != "")
)


@st.composite
def images(draw: st.DrawFn) -> ImageFacts:
    axes = draw(st.sampled_from([("y", "x"), ("z", "y", "x"), ("c", "y", "x")]))
    count = len(axes)
    sizes = st.floats(0.001, 1000)
    return ImageFacts(
        axes=axes,
        shape=tuple(draw(st.lists(st.integers(1, 4096), min_size=count, max_size=count))),
        dtype=draw(st.sampled_from(["uint8", "uint16", "float32"])),
        scale=tuple(draw(st.lists(sizes, min_size=count, max_size=count))),
        units=draw(st.sampled_from([(), ("",) * count, ("micrometer",) * count])),
        source=draw(st.none() | st.just("../raw.ome.zarr")),
    )


@st.composite
def entities(draw: st.DrawFn, path: str) -> DataEntity:
    kind = draw(st.sampled_from([kind for kind in EntityKind if kind is not EntityKind.RAW_IMAGE]))
    tree = kind not in (EntityKind.FILE,)
    digest = Digest(DigestKind.TREE if tree else DigestKind.FILE, draw(hexes))
    is_image = kind in (EntityKind.IMAGE, EntityKind.LABEL_IMAGE)
    return DataEntity(
        is_field=kind is EntityKind.IMAGE and path.strip("/").count("/") > 2 and draw(st.booleans()),
        path=path,
        kind=kind,
        presence=draw(st.sampled_from(list(Presence))),
        digest=draw(st.none() | st.just(digest)),
        pixels=draw(st.none() | pixel_digests) if is_image else None,
        size=draw(st.none() | st.integers(0, 2**50)),
        files=draw(st.none() | st.integers(0, 10**6)) if tree else None,
        flags=tuple(sorted(draw(st.sets(st.sampled_from(["directory", "temp", "protected"]))))),
        media_type=draw(st.none() | st.just("text/plain")),
        modified=draw(st.none() | times),
        image=draw(st.none() | images()) if is_image else None,
        reused=draw(st.booleans()),
    )


original_files = st.builds(
    lambda number, name, size, checksum: OriginalFile(
        f"https://omero.example.org/OriginalFile/{number}", name, size, *(checksum or (None, None))
    ),
    st.integers(1, 99),
    words,
    st.none() | st.integers(0, 2**40),
    st.none() | st.tuples(st.just("0a" * 20), st.sampled_from(["SHA1-160", "MD5-128", "CRC-32"])),
)
servers = st.builds(
    ServerFacts,
    st.uuids().map(str),
    st.lists(original_files, max_size=3, unique_by=lambda file: file.iri).map(tuple),
    st.integers(0, 10**6),
)
raw_images = st.builds(
    lambda path, digest, size, url, pixels, image, modified, server, metadata: DataEntity(
        path,
        EntityKind.RAW_IMAGE,
        Presence.REMOTE,
        digest=digest and Digest(DigestKind.FILE, digest),
        size=size,
        url=url,
        pixels=pixels,
        image=image and replace(image, source=None),
        modified=modified,
        server=server,
        metadata=metadata if path == IRI else None,
    ),
    st.sampled_from(["skimage:immunohistochemistry", IRI]),
    st.none() | hexes,
    st.none() | st.integers(0, 2**40),
    st.none() | st.just("https://example.org/micrograph"),
    st.none() | pixel_digests,
    st.none() | images(),
    st.none() | times,
    st.none() | servers,
    st.none() | image_metadata(),
)


@st.composite
def software(draw: st.DrawFn) -> Software:
    name, version = draw(names), draw(st.none() | st.from_regex(r"[0-9]{1,2}\.[0-9]{1,2}", fullmatch=True))
    known = Software(name, version, f"pkg:pypi/{name}@{version}" if version else None)
    return draw(
        st.sampled_from([
            Software(name, version),
            known,
            Software(name, version, f"pkg:conda/{name}@{version}", f"https://example.org/{name}-{version}.conda"),
            Software(name, version, None, f"ni:///sha-256;{'A' * 43}"),
            Software(name, version, None, f"git+https://git.example.org/{name}@{'0' * 40}"),
            Software(name, version, None, f"swh:1:rev:{'0' * 40}", draw(st.booleans())),
        ])
    )  # fmt: skip


def environment(number: int) -> CondaEnvironment:
    """One of a run's conda environments: what is deployed at one place is one thing."""
    packages = tuple(Software(f"package{each}", "1.0", None, f"https://example.org/{each}") for each in range(number))
    return CondaEnvironment(f"/envs/{number}", Digest(DigestKind.FILE, f"{number}" * 64), packages)


IMAGES = (
    ContainerImage("docker://registry.example.org:5000/lab/tool:1.2"),
    ContainerImage(
        "docker://lab/tool@sha256:" + "0" * 64, ".snakemake/singularity/0.simg", Digest(DigestKind.FILE, "1" * 64)
    ),
    ContainerImage("images/tool.sif", "images/tool.sif"),
)
machines = st.builds(
    Machine,
    words,
    st.none() | words,
    st.none() | st.integers(1, 512),
    st.none() | words,
    st.lists(st.sampled_from(["NVIDIA A100 x 4", "NVIDIA H200"]), max_size=3).map(sorted).map(tuple),
    st.none() | words,
    st.none() | words,
)
usages = st.builds(
    Usage,
    st.sampled_from(["wall time", "cpu time"]),
    st.floats(0, 1e9),
    st.sampled_from(["SEC", "MegaBYTE", ""]),
    st.sampled_from(["benchmark", "step"]),
)


@st.composite
def parameters(draw: st.DrawFn) -> tuple[Parameter, ...]:
    found = []
    for name in draw(st.lists(names, max_size=3, unique=True)):
        requested = draw(st.none() | values)
        used = draw(values if requested is None else st.none() | values)
        found.append(Parameter(name, requested, used))
    return tuple(found)


@st.composite
def actions(draw: st.DrawFn, job: int, rules: list[Rule], known: list[str]) -> Action:
    def slots(prefix: str) -> tuple[Slot, ...]:
        picked = draw(st.lists(st.sampled_from(known), max_size=3, unique=True))
        return tuple(Slot(f"{prefix}[{index}]", path) for index, path in enumerate(picked))

    return Action(
        job=job,
        attempt=draw(st.integers(1, 3)),
        rule=draw(st.sampled_from(rules)).name,
        status=draw(st.sampled_from(list(Status))),
        wildcards=tuple(sorted(draw(st.dictionaries(names, words, max_size=2)).items())),
        parameters=draw(parameters()),
        inputs=slots("input"),
        outputs=slots("output"),
        logs=slots("log"),
        benchmark=draw(st.none() | words),
        command=draw(st.none() | words),
        threads=draw(st.none() | st.integers(1, 64)),
        resources=tuple(sorted(draw(st.dictionaries(names, values, max_size=2)).items())),
        reason=draw(st.none() | words),
        depends_on=tuple(sorted(draw(st.sets(st.integers(0, 50), max_size=3)))),
        submitted=draw(st.none() | times),
        started=draw(st.none() | times),
        ended=draw(st.none() | times),
        time_source=draw(st.sampled_from(["step", "snakemake"])),
        error=draw(st.none() | words),
        machine=draw(st.none() | machines),
        scheduler_job=draw(st.none() | words),
        software=tuple(sorted(draw(st.sets(software(), max_size=3)), key=str)),
        usage=tuple(draw(st.lists(usages, max_size=2))),
        step_record=draw(st.none() | names.map(lambda name: f"steps/{name}-{job}.json")),
        conda=draw(st.none() | st.integers(0, 2).map(environment)),
        container=draw(st.none() | st.sampled_from(IMAGES)),
    )


def _told_alike(images: list[DataEntity]) -> list[DataEntity]:
    """Let images that were imported from one file of a server tell the same of that file."""
    told: dict[str, OriginalFile] = {}
    for image in images:
        for file in image.server.files if image.server is not None else ():
            told.setdefault(file.iri, file)
    return [
        replace(
            image, server=image.server and replace(image.server, files=tuple(told[f.iri] for f in image.server.files))
        )
        for image in images
    ]


@st.composite
def runs(draw: st.DrawFn) -> WorkflowRun:
    known = draw(st.lists(paths, min_size=1, max_size=5, unique=True))
    main = "Snakefile"
    files = [path for path in known if path != main]
    named = st.none() | st.sampled_from([main, *files])
    # Files beside an environment file are no other rule's environment files.
    others = files[:2] if len(files) > 2 else []
    environments = st.none() | st.sampled_from([main, *files[len(others) :]])
    beside = tuple(draw(st.sampled_from([(None, None), tuple(others)]))) if others else (None, None)
    rules = [
        Rule(
            name,
            draw(st.sampled_from(list(RuleKind))),
            draw(named),
            draw(st.none() | st.integers(1, 999)),
            draw(named),
            Environment(
                draw(environments),
                draw(st.none() | st.just("docker://registry.example.org/lab/tool:1.2")),
                tuple(draw(st.lists(names, max_size=2))),
                tuple(draw(st.sampled_from([(), ("conda",), ("apptainer", "conda")]))),
                *beside,
                draw(st.none() | words),
            ),
        )
        for name in sorted(draw(st.lists(names, min_size=1, max_size=3, unique=True)))
    ]
    rule_names = st.sampled_from([rule.name for rule in rules])
    return WorkflowRun(
        id=str(draw(st.uuids())),
        status=draw(st.sampled_from(list(Status))),
        workflow=Workflow(
            main,
            tuple(sorted({main, *draw(st.lists(st.sampled_from([main, *files]), max_size=2))})),
            draw(st.none() | words.filter(lambda name: name != main)),
            draw(st.none() | hexes),
            draw(st.none() | st.just("https://git.example.org/lab/workflow")),
            draw(st.none() | st.booleans()),
            draw(st.none() | hexes.map(lambda digits: Digest(DigestKind.FILE, digits))),
            draw(st.none() | st.just("swh:1:dir:4b825dc642cb6eb9a060e54bf8d69288fbee4904")),
            tuple(draw(st.lists(st.sampled_from(["CC0-1.0", "MIT"]), max_size=2, unique=True).map(sorted))),
            tuple(draw(st.lists(st.sampled_from(files), max_size=1))) if files else (),
        ),
        engine=Software("snakemake", "9.27.1", "pkg:pypi/snakemake@9.27.1"),
        agent=Agent(
            draw(names),
            draw(st.none() | words),
            draw(st.none() | st.just("https://orcid.org/0000-0002-1825-0097")),
            draw(st.none() | st.just("Example Institute")),
            draw(st.none() | st.just("https://ror.org/00example")),
        ),
        machine=draw(machines),
        command=draw(words),
        folder="/somewhere/else",
        started=draw(times),
        ended=draw(st.none() | times),
        config=draw(parameters()),
        config_files=tuple(draw(st.lists(st.sampled_from([main, *files]), max_size=2, unique=True))),
        rules=tuple(rules),
        connections=tuple(sorted(draw(st.sets(st.tuples(rule_names, rule_names), max_size=3)))),
        actions=tuple(draw(actions(job, rules, [main, *files])) for job in range(draw(st.integers(0, 3)))),
        entities=(
            DataEntity(main, EntityKind.FILE, Presence.PRESENT),
            *(draw(entities(path)) for path in files),
            *_told_alike(draw(st.lists(raw_images, max_size=2, unique_by=lambda image: image.path))),
        ),
        not_captured=tuple(draw(st.lists(words, max_size=2))),
        redacted=tuple(draw(st.lists(words, max_size=2))),
        error=draw(st.none() | words),
        license=draw(st.none() | st.just("https://spdx.org/licenses/CC0-1.0")),
        recorded_by=draw(st.sampled_from(["journal", "snakemake-metadata"])),
    )
