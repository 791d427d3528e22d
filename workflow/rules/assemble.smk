rule overlay:
    input:
        image="results/{sample}/raw.ome.zarr",
        labels="results/{sample}/nuclei.ome.zarr",
    output:
        picture="results/{sample}/overlay.png",
    log:
        "results/{sample}/logs/overlay.log",
    conda:
        "../envs/filiation.yaml"
    params:
        channel=setting("channel"),
    script:
        "../scripts/overlay.py"


rule assemble:
    input:
        image="results/{sample}/raw.ome.zarr",
        labels="results/{sample}/nuclei.ome.zarr",
        table="results/{sample}/measurements.parquet",
    output:
        store=directory("results/{sample}/{sample}.ome.zarr"),
    log:
        "results/{sample}/logs/assemble.log",
    conda:
        "../envs/filiation.yaml"
    script:
        "../scripts/assemble.py"
