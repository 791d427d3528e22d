# Config and sample sheet: read, checked against the schemas, and handed to the rules by name.

import csv
import hashlib
import json
import os
import zipfile
from pathlib import Path

import jsonschema
import yaml
from filiation.model import is_uri
from snakemake.exceptions import WorkflowError


def read_schema(path):
    """Return one of the workflow's schemas."""
    return yaml.safe_load(Path(path).read_text("utf-8"))


def check(data, schema, where):
    """Stop with one message that names each field at fault."""
    errors = sorted(jsonschema.Draft202012Validator(schema).iter_errors(data), key=lambda error: list(error.path))
    if errors:
        faults = dict.fromkeys(f"{where}: {describe(error)}" for error in errors)
        raise WorkflowError("\n".join([*faults, "config/README.md describes every field."]))


def describe(error):
    """Say which field is at fault, what was found and what is expected."""
    field = ".".join(str(part) for part in error.path)
    if error.validator == "required":
        missing = [name for name in error.validator_value if name not in error.instance]
        return f"missing: {', '.join(f'{field}.{name}' if field else name for name in missing)}."
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        unknown = ", ".join(f"'{name}'" for name in error.instance if name not in known)
        return f"{f'{field!r} has ' if field else ''}unknown field(s) {unknown}; known are {', '.join(known)}."
    hint = error.schema.get("description", "")
    return f"the field '{field}': {error.message}.{f' It is the {hint}' if hint else ''}"


def read_samples(path, schema):
    """Return the sample sheet: name of the sample -> its row, with numbers as numbers and empty cells left out."""
    reader = csv.DictReader(
        read_lines(path), delimiter="\t", quoting=csv.QUOTE_NONE, restkey="(beyond the last column)"
    )
    check_columns(path, reader.fieldnames or [], schema)
    samples = {}
    for cells in reader:
        line = reader.line_num
        row = with_numbers({name: cell for name, cell in cells.items() if cell}, schema)
        check(row, schema, f"{path}, line {line}")
        if row["sample"] in samples:
            raise WorkflowError(f"{path}, line {line}: the sample '{row['sample']}' is there twice; name each once.")
        samples[row["sample"]] = row
    if not samples:
        raise WorkflowError(f"{path} has no sample: give one a line, under the header.")
    return samples


def read_lines(path):
    """Return the lines of the sample sheet."""
    if not Path(path).is_file():
        raise WorkflowError(f"The sample sheet {path} is not there; the config's field 'samples' names it.")
    try:
        return Path(path).read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise WorkflowError(f"{path} is no text in UTF-8 ({error}); save it as a table with tabs, in UTF-8.")


def check_columns(path, columns, schema):
    """Stop if a column that must be there is missing."""
    for name in schema["required"]:
        if name not in columns:
            raise WorkflowError(
                f"{path}: the column '{name}' is missing. Found: {', '.join(columns) or 'none'} "
                f"(columns are separated by tabs). Known are {', '.join(schema['properties'])}."
            )


def with_numbers(fields, schema):
    """Return the fields with text turned into the number that is expected: cells, and `--config`, hold text."""
    return {name: number_or_text(text, schema["properties"].get(name, {})) for name, text in fields.items()}


def number_or_text(cell, schema):
    """Return a value as the number, or yes or no, that its field is to hold; as it is where it holds none."""
    truth = {"true": True, "false": False}
    known = {"number": float, "integer": int, "boolean": lambda text: truth[text.lower()]}
    for name in [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", ()):
        try:
            if name in known and isinstance(cell, str):
                return known[name](cell)
        except (ValueError, KeyError):
            pass
    return cell


def source_file(wildcards):
    """Return the file or store that a sample's image comes from: the ZIP file it lies in, if any; nothing for a URI."""
    source = SAMPLES[wildcards.sample]["source"]
    if is_uri(source):
        return {}
    around = [] if Path(source).exists() else [each for each in Path(source).parents if each.is_file()]
    return {"source_file": str(around[0]) if around else source}


def source_of(wildcards):
    """Return where a sample's image comes from, a path or URI."""
    return SAMPLES[wildcards.sample]["source"]


def objects():
    """Return what is to be made of the samples' objects besides their measurements."""
    data = "anndata" if OUTPUTS.get("anndata") == "zarr" else "measurements.h5ad"
    made = {"anndata": data, "regions": "regions.parquet", "meshes": "meshes.parquet"}
    wanted = [(sample, name) for sample in SAMPLES for name in made if OUTPUTS.get(name)]
    return [f"results/{sample}/{made[name]}" for sample, name in wanted if SAMPLES[sample].get(name, True)]


def boxes_of(wildcards):
    """Return the boxes that go into a sample's store for a viewer; nothing if the config does not ask for them."""
    return {"boxes": f"results/{wildcards.sample}/boxes.parquet"} if OUTPUTS.get("regions") else {}


def form_of_stores():
    """Return in which form stores are written, where the config says; what is made from an image takes its form."""
    asked = {name: value for name, value in config.get("ome_zarr", {}).items() if name != "labels"}
    return {"ome_zarr": asked} if asked else {}


def pyramid_of_labels():
    """Return how label images' lower resolutions are made, where the config says."""
    return {"pyramid": config["ome_zarr"]["labels"]} if "labels" in config.get("ome_zarr", {}) else {}


def registered():
    """Return what tells that results are on the OMERO server; nothing if the config does not ask for it."""
    return ["results/registered.json"] if config.get("register") and ON_OMERO else []


def setting(name, otherwise=None):
    """Return a function of the wildcards: the sample's own value of a setting, else the config's, else another."""
    return lambda wildcards: SAMPLES[wildcards.sample].get(name, config["segmentation"].get(name, otherwise))


def method_settings():
    """Return for each setting that a method in use takes a function of the wildcards; None where one takes it not."""
    methods = sorted({row.get("method", config["segmentation"]["method"]) for row in SAMPLES.values()})
    named = dict.fromkeys(name for each in methods for name in settings_of(each))
    return {name: taken(name) for name in named if name not in ("weights", "tool")}


def settings_of(method):
    """Return the names of the settings that a method takes."""
    return METHODS[method]["needs"] + METHODS[method].get("may", [])


def taken(name):
    """Return a function of the wildcards: the setting's value if the sample's method takes it."""
    return lambda wildcards: setting(name)(wildcards) if name in settings_of(setting("method")(wildcards)) else None


def weights(wildcards):
    """Return the file or folder of the weights that a sample's method takes; nothing if it takes none."""
    path = taken("weights")(wildcards)
    return {"weights": path} if path else {}


def check_methods():
    """Stop if a sample's method takes a setting that neither its row nor the config has, or weights that are not there."""
    for name, row in SAMPLES.items():
        settings, where = {**config["segmentation"], **row}, f"{config['samples']}, sample '{name}'"
        method = METHODS[settings["method"]]
        check(settings, {"type": "object", "required": method["needs"]}, where)
        if "weights" in method["needs"] and not Path(settings["weights"]).exists():
            raise WorkflowError(
                f"{where}: nothing is at {settings['weights']}, where the network's weights are to be. They are never "
                "fetched by a name: put the file or folder there.\nconfig/README.md describes every field."
            )


def with_fields(samples):
    """Return the samples with the fields of each plate in its place: a field is a sample named `plate/A/1/0`."""
    found = {}
    for name, row in samples.items():
        wells = row.pop("wells", "") or config.get("wells", ())
        wells = [well.strip() for well in wells.split(",")] if isinstance(wells, str) else wells
        plate = plate_at(row["source"], wells)
        if plate is None:
            found[name] = row
        else:
            PLATES[name] = plate
            found |= {f"{name}/{path}": {**row, "source": source} for path, source in plate["fields"].items()}
    return found


def plate_at(source, wells):
    """Return layout and fields of a plate; None if the source is none.

    Whether it is one is read as text, since importing takes longer; an object store is asked only where wells are named.
    What a plate holds is asked once, when Snakemake starts: its jobs read what was found.
    """
    if not (
        source.startswith("synthetic:plate")
        or (source.startswith("omero:") and "/plate/" in source.lower())
        or (wells and source.startswith("s3:"))
        or says_plate(source)
    ):
        return None
    asked = json.dumps([source, wells])
    kept = Path(".snakemake", "filiation-plates", f"{hashlib.sha256(asked.encode()).hexdigest()}.json")
    if not workflow.is_main_process and kept.is_file():
        return json.loads(kept.read_text("utf-8"))
    from filiation.errors import FiliationError
    from filiation.images import layout_of, plate_source

    try:
        found = plate_source(source, [well for well in wells if well != "*"])
    except FiliationError as error:
        raise WorkflowError(f"{config['samples']}: {error}")
    plate = None if found is None else {"layout": layout_of(found.plate), "fields": found.fields}
    kept.parent.mkdir(parents=True, exist_ok=True)
    beside = kept.with_name(f".{kept.name}.{os.getpid()}")
    beside.write_text(json.dumps(plate), "utf-8")
    beside.replace(kept)
    return plate


def says_plate(source):
    """Whether a folder, or a ZIP file, has metadata in which a plate is told of."""
    names = ("zarr.json", ".zattrs")
    if Path(source).is_file() and zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            here = [name for name in names if name in archive.namelist()]
            return any(b'"plate"' in archive.open(name).read(2**24) for name in here)
    return any(file.is_file() and '"plate"' in file.read_text() for file in (Path(source) / name for name in names))


def of_fields(pattern, first=False):
    """Return a function of the wildcards: what is made of a plate's fields, or of the first of each well."""

    def files(wildcards):
        fields = PLATES[wildcards.plate]["fields"]
        wells = {path.rpartition("/")[0]: path for path in reversed(fields)}
        return [
            pattern.format(field=f"{wildcards.plate}/{path}")
            for path in fields
            if not first or wells[path.rpartition("/")[0]] == path
        ]

    return files


def layout(plate):
    """Return the layout of a plate as plain values."""
    return PLATES[plate]["layout"]


def field_setting(plate, name):
    """Return the value of a setting for the fields of a plate."""
    first = next(iter(PLATES[plate]["fields"]))
    return SAMPLES[f"{plate}/{first}"].get(name, config["segmentation"].get(name))


METHODS = read_schema(workflow.source_path("../schemas/methods.yaml"))

config_schema = read_schema(workflow.source_path("../schemas/config.schema.yaml"))
config.update(with_numbers(config, config_schema))
if isinstance(config.get("ome_zarr"), dict):
    config["ome_zarr"] = with_numbers(config["ome_zarr"], config_schema["properties"]["ome_zarr"])
if isinstance(config.get("segmentation"), dict):
    settings_schema = config_schema["properties"]["segmentation"]
    settings_schema["required"] += METHODS.get(str(config["segmentation"].get("method")), {}).get("needs", [])
    config["segmentation"] = with_numbers(config["segmentation"], settings_schema)
if isinstance(config.get("tracking"), dict):
    config["tracking"] = with_numbers(config["tracking"], config_schema["properties"]["tracking"])
check(config, config_schema, "config")
if "tracking" in config and "jobs" in config.get("blocks", {}):
    raise WorkflowError(
        "config: 'tracking' and the field 'jobs' of 'blocks' do not go together: jobs share a single volume. Leave 'jobs' "
        "out; the processes of one job then work on the time points, one after another."
    )

# The label image that is measured and shown: of a series that is tracked, the one whose labels are tracks.
MEASURED = f"results/{{sample}}/{'tracks' if 'tracking' in config else 'nuclei'}.ome.zarr"

PLATES = {}
SAMPLES = with_fields(
    read_samples(config["samples"], read_schema(workflow.source_path("../schemas/samples.schema.yaml")))
)
WHOLE = [*(name for name in SAMPLES if "/" not in name), *PLATES]  # what is drawn and assembled as one
check_methods()
OUTPUTS = config.get("outputs", {})
ON_OMERO = [name for name, row in SAMPLES.items() if row["source"].startswith("omero://")]


wildcard_constraints:
    sample="[A-Za-z0-9][A-Za-z0-9_-]*(?:/[A-Za-z0-9]+/[A-Za-z0-9]+/[A-Za-z0-9]+)?",
