import json
from pathlib import Path

from filiation.publish import register_within_a_run
from filiation.step import run


def register_results(labels: list[Path], tables: list[Path], receipt: Path) -> None:
    """Write label images' provenance and the tables to the OMERO images that they descend from."""
    reports = register_within_a_run([*labels, *tables])
    receipt.write_text(json.dumps([report.to_json() for report in reports], indent=1) + "\n", "utf-8")


run(register_results, snakemake)
