# Volumes that do not fit into memory, shared by jobs, so that a cluster works on one: each job has some of the blocks,
# and leaves what it finds in a file or folder of its own, which goes when nothing needs it any more.


# Before blocks are segmented, what must be known of the whole volume is found: its range, then its threshold.
PASSES = 2


scattergather:
    blocks=config["blocks"]["jobs"],


localrules:
    plan_blocks,
    settle_survey,


wildcard_constraints:
    survey="[1-9]",


def found_before(wildcards):
    """Return what the survey before this one found; nothing for the first."""
    before = int(wildcards.survey) - 1
    return {"before": f"results/{wildcards.sample}/blocks/found-{before}.json"} if before else {}


rule plan_blocks:
    input:
        unpack(weights),
        image="results/{sample}/raw.ome.zarr",
    output:
        plan=temp("results/{sample}/blocks/plan.json"),
    log:
        "results/{sample}/logs/plan_blocks.log",
    conda:
        "../envs/filiation.yaml"
    params:
        **method_settings(),
        method=setting("method"),
        channel=setting("channel"),
        blocks=config["blocks"]["shape"],
        largest=config["blocks"]["largest"],
    script:
        "../scripts/segment_jobs.py"


rule survey_blocks:
    input:
        unpack(found_before),
        image="results/{sample}/raw.ome.zarr",
        plan="results/{sample}/blocks/plan.json",
    output:
        seen=temp("results/{sample}/blocks/seen-{survey}-{scatteritem}.npy"),
    log:
        "results/{sample}/logs/survey_blocks-{survey}-{scatteritem}.log",
    conda:
        "../envs/filiation.yaml"
    script:
        "../scripts/segment_jobs.py"


rule settle_survey:
    input:
        unpack(found_before),
        plan="results/{sample}/blocks/plan.json",
        seen=gather.blocks("results/{{sample}}/blocks/seen-{{survey}}-{scatteritem}.npy"),
    output:
        found=temp("results/{sample}/blocks/found-{survey}.json"),
    log:
        "results/{sample}/logs/settle_survey-{survey}.log",
    conda:
        "../envs/filiation.yaml"
    script:
        "../scripts/segment_jobs.py"


rule segment_blocks:
    input:
        unpack(weights),
        image="results/{sample}/raw.ome.zarr",
        plan="results/{sample}/blocks/plan.json",
        found=f"results/{{sample}}/blocks/found-{PASSES}.json",
    output:
        parts=temp(directory("results/{sample}/blocks/segmented-{scatteritem}")),
    log:
        "results/{sample}/logs/segment_blocks-{scatteritem}.log",
    conda:
        "../envs/filiation.yaml"
    script:
        "../scripts/segment_jobs.py"


rule join_blocks:
    input:
        plan="results/{sample}/blocks/plan.json",
        parts=gather.blocks("results/{{sample}}/blocks/segmented-{scatteritem}"),
    output:
        joined=temp("results/{sample}/blocks/joined.npz"),
    log:
        "results/{sample}/logs/join_blocks.log",
    conda:
        "../envs/filiation.yaml"
    threads: 2
    script:
        "../scripts/segment_jobs.py"


rule number_blocks:
    input:
        image="results/{sample}/raw.ome.zarr",
        plan="results/{sample}/blocks/plan.json",
        parts="results/{sample}/blocks/segmented-{scatteritem}",
        joined="results/{sample}/blocks/joined.npz",
    output:
        numbered=temp(directory("results/{sample}/blocks/numbered-{scatteritem}")),
    log:
        "results/{sample}/logs/number_blocks-{scatteritem}.log",
    conda:
        "../envs/filiation.yaml"
    script:
        "../scripts/segment_jobs.py"


rule segment:
    input:
        unpack(weights),
        image="results/{sample}/raw.ome.zarr",
        plan="results/{sample}/blocks/plan.json",
        found=f"results/{{sample}}/blocks/found-{PASSES}.json",
        joined="results/{sample}/blocks/joined.npz",
        numbered=gather.blocks("results/{{sample}}/blocks/numbered-{scatteritem}"),
    output:
        labels=directory("results/{sample}/nuclei.ome.zarr"),
    log:
        "results/{sample}/logs/segment.log",
    benchmark:
        "results/{sample}/benchmarks/segment.tsv"
    conda:
        "../envs/filiation.yaml"
    params:
        **method_settings(),
        **pyramid_of_labels(),
        method=setting("method"),
        channel=setting("channel"),
        blocks=config["blocks"]["shape"],
        largest=config["blocks"]["largest"],
    script:
        "../scripts/segment_jobs.py"
