rule register:
    input:
        labels=expand("results/{sample}/nuclei.ome.zarr", sample=ON_OMERO),
        tables=expand("results/{sample}/measurements.parquet", sample=ON_OMERO),
    output:
        receipt="results/registered.json",
    log:
        "results/logs/register.log",
    conda:
        "../envs/filiation.yaml"
    script:
        "../scripts/register.py"
