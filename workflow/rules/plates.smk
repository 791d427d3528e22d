# Plates: each field of view is a sample of its own, named plate/row/column/field; here they come together again.


ruleorder: assemble_plate > assemble
ruleorder: tables_of_plate > measure
ruleorder: picture_of_plate > overlay


wildcard_constraints:
    plate="|".join(PLATES),


rule tables_of_plate:
    input:
        tables=of_fields("results/{field}/measurements.parquet"),
    output:
        objects="results/{plate}/measurements.parquet",
        wells="results/{plate}/wells.parquet",
    log:
        "results/{plate}/logs/tables_of_plate.log",
    conda:
        "../envs/filiation.yaml"
    script:
        "../scripts/tables_of_plate.py"


rule picture_of_plate:
    input:
        images=of_fields("results/{field}/raw.ome.zarr", first=True),
        labels=of_fields(MEASURED.replace("{sample}", "{field}"), first=True),
    output:
        picture="results/{plate}/overlay.png",
    log:
        "results/{plate}/logs/picture_of_plate.log",
    conda:
        "../envs/filiation.yaml"
    params:
        channel=lambda wildcards: field_setting(wildcards.plate, "channel"),
        layout=lambda wildcards: layout(wildcards.plate),
    script:
        "../scripts/picture_of_plate.py"


rule assemble_plate:
    input:
        images=of_fields("results/{field}/raw.ome.zarr"),
        labels=of_fields(MEASURED.replace("{sample}", "{field}")),
        tables=of_fields("results/{field}/measurements.parquet"),
    output:
        store=directory("results/{plate}/{plate}.ome.zarr"),
    log:
        "results/{plate}/logs/assemble_plate.log",
    conda:
        "../envs/filiation.yaml"
    params:
        layout=lambda wildcards: layout(wildcards.plate),
    script:
        "../scripts/assemble_plate.py"
