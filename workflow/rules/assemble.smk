rule assemble:
    input:
        unpack(boxes_of),
        image="results/{sample}/raw.ome.zarr",
        labels=MEASURED,
        table="results/{sample}/measurements.parquet",
    output:
        store=directory("results/{sample}/{sample}.ome.zarr"),
    log:
        "results/{sample}/logs/assemble.log",
    conda:
        "../envs/filiation.yaml"
    script:
        "../scripts/assemble.py"
