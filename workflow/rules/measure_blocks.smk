# Volumes that do not fit into memory are measured part by part; the picture is of their middle.


rule measure:
    input:
        image="results/{sample}/raw.ome.zarr",
        labels=MEASURED,
    output:
        table="results/{sample}/measurements.parquet",
    log:
        "results/{sample}/logs/measure.log",
    conda:
        "../envs/filiation.yaml"
    params:
        channel=setting("channel"),
        blocks=config["blocks"]["shape"],
    script:
        "../scripts/measure_blocks.py"


rule overlay:
    input:
        image="results/{sample}/raw.ome.zarr",
        labels=MEASURED,
    output:
        picture="results/{sample}/overlay.png",
    log:
        "results/{sample}/logs/overlay.log",
    conda:
        "../envs/filiation.yaml"
    params:
        channel=setting("channel"),
    script:
        "../scripts/overlay_blocks.py"
