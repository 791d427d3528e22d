# Any other tool: one channel is written as TIFF, the tool runs as its descriptor says, in its container where Snakemake
# is told to deploy one, and the labels that it writes are those of the image.

import shlex
from dataclasses import replace

from filiation.segmentation.descriptor import read_descriptor


ruleorder: labels_of_tool > segment


def literal(text):
    """Return a text whose braces stay as they are in a shell command."""
    return text.replace("{", "{{").replace("}", "}}")


def command_of_tool(tool, program):
    """Return the shell command, in which each parameter is the rule's of that name."""
    kinds = {each.name: each.kind for each in tool.parameters}
    said = {
        name: str(value) if kinds[name] == "flag" else f"{{params.{name}:q}}" for name, value in TOOL_VALUES.items()
    }
    folders = {f"{name}folder": f"results/{{wildcards.sample}}/tool/{name}" for name in ("in", "out", "gt")}
    tool = replace(tool, words=tuple(literal(word) for word in tool.words))
    return f"mkdir -p {folders['gtfolder']} && {tool.command(said, folders, program=literal(program))} > {{log}} 2>&1"


def files_of_tool(tool, program):
    """Return the files that the command names: the tool itself, where it is a program of this folder."""
    words = shlex.split(program) if program else tool.words
    return [word for word in words if Path(word).is_file()]


ASKED = config["segmentation"]["tool"]
if "blocks" in config:
    raise WorkflowError("config: 'blocks' and the method 'tool' do not go together: a tool is given whole images.")
try:
    TOOL = read_descriptor(Path(ASKED["descriptor"]))
    TOOL_VALUES = TOOL.values(ASKED.get("parameters", {}))
except ValueError as error:
    raise WorkflowError(f"config: the field 'segmentation.tool': {error}\nconfig/README.md describes every field.")
except LookupError as error:
    raise WorkflowError(
        f"config: the field 'segmentation.tool.descriptor': {error}\nconfig/README.md describes every field."
    )


rule image_for_tool:
    input:
        image="results/{sample}/raw.ome.zarr",
    output:
        tiff="results/{sample}/tool/in/image.tif",
    log:
        "results/{sample}/logs/image_for_tool.log",
    conda:
        "../envs/filiation.yaml"
    params:
        channel=setting("channel"),
    script:
        "../scripts/image_for_tool.py"


rule run_tool:
    input:
        tiff="results/{sample}/tool/in/image.tif",
        descriptor=ASKED["descriptor"],
        program=files_of_tool(TOOL, ASKED.get("program", "")),
    output:
        tiff="results/{sample}/tool/out/image.tif",
    log:
        "results/{sample}/logs/run_tool.log",
    container:
        ASKED.get("container") or TOOL.container or None
    params:
        **TOOL_VALUES,
    shell:
        command_of_tool(TOOL, ASKED.get("program", ""))


rule labels_of_tool:
    input:
        image="results/{sample}/raw.ome.zarr",
        tiff="results/{sample}/tool/out/image.tif",
    output:
        labels=directory("results/{sample}/nuclei.ome.zarr"),
    log:
        "results/{sample}/logs/labels_of_tool.log",
    conda:
        "../envs/filiation.yaml"
    params:
        **pyramid_of_labels(),
    script:
        "../scripts/labels_of_tool.py"
