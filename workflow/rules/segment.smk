rule segment:
    input:
        unpack(weights),
        image="results/{sample}/raw.ome.zarr",
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
        each=setting("each", "volume"),
    script:
        "../scripts/segment.py"


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
    script:
        "../scripts/measure.py"


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
        "../scripts/overlay.py"
