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
        **form_of_stores(),
        source=source_of,
    script:
        "../scripts/fetch.py"
