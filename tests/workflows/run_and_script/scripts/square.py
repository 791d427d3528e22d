from pathlib import Path

number = int(Path(snakemake.input.number).read_text())  # noqa: F821
Path(snakemake.output.square).write_text(str(number**snakemake.params.exponent))  # noqa: F821
