rule track:
    input:
        labels="results/{sample}/nuclei.ome.zarr",
    output:
        tracks=directory("results/{sample}/tracks.ome.zarr"),
        table="results/{sample}/tracks.parquet",
        challenge="results/{sample}/res_track.txt",
    log:
        "results/{sample}/logs/track.log",
    conda:
        "../envs/filiation.yaml"
    params:
        minimum_overlap=config["tracking"]["minimum_overlap"],
        divisions=config["tracking"].get("divisions", True),
        balance=config["tracking"].get("balance", 0.3),
        longest_gap=config["tracking"].get("longest_gap", 0),
    script:
        "../scripts/track.py"
