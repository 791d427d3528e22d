# What else is made of each sample's objects, where the config's field `outputs` asks for it.


rule anndata:
    input:
        table="results/{sample}/measurements.parquet",
    output:
        data="results/{sample}/measurements.h5ad",
    log:
        "results/{sample}/logs/anndata.log",
    conda:
        "../envs/filiation.yaml"
    script:
        "../scripts/anndata_table.py"


rule anndata_in_zarr:
    input:
        table="results/{sample}/measurements.parquet",
    output:
        data=directory("results/{sample}/anndata"),
    log:
        "results/{sample}/logs/anndata_in_zarr.log",
    conda:
        "../envs/filiation.yaml"
    script:
        "../scripts/anndata_table.py"


rule regions:
    input:
        labels=MEASURED,
    output:
        polygons="results/{sample}/regions.parquet",
        boxes="results/{sample}/boxes.parquet",
    log:
        "results/{sample}/logs/regions.log",
    conda:
        "../envs/filiation.yaml"
    script:
        "../scripts/regions.py"


rule meshes:
    input:
        labels="results/{sample}/nuclei.ome.zarr",
    output:
        meshes=directory("results/{sample}/meshes"),
        table="results/{sample}/meshes.parquet",
    log:
        "results/{sample}/logs/meshes.log",
    conda:
        "../envs/filiation.yaml"
    params:
        deviation=lambda wildcards: OUTPUTS["meshes"]["deviation"],
        formats=lambda wildcards: OUTPUTS["meshes"]["formats"],
    script:
        "../scripts/meshes.py"
