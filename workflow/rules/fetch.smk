rule fetch:
    input:
        unpack(source_file),
    output:
        image=directory("results/{sample}/raw.ome.zarr"),
    log:
        "results/{sample}/logs/fetch.log",
    conda:
        "../envs/filiation.yaml"
    params:
        source=source_of,
    script:
        "../scripts/fetch.py"
