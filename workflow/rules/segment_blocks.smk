# Volumes that do not fit into memory: segmented block by block, by the processes of one job.


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
    threads: 2
    params:
        **method_settings(),
        **pyramid_of_labels(),
        method=setting("method"),
        channel=setting("channel"),
        blocks=config["blocks"]["shape"],
        largest=config["blocks"]["largest"],
        processes=lambda wildcards, threads: threads,
    script:
        "../scripts/segment_blocks.py"
