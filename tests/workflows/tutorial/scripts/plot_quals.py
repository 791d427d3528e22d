"""Draw the qualities of the variants in a VCF file as bars, in SVG."""

# ruff: noqa: PTH123, T201
import sys

with open(sys.argv[1], encoding="utf-8") as stream:
    qualities = [float(line.split("\t")[5]) for line in stream if not line.startswith("#")]
bars = "".join(
    f'<rect x="{10 * index}" y="{250 - quality}" width="8" height="{quality}"/>'
    for index, quality in enumerate(qualities)
)
print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{10 * len(qualities)}" height="250">{bars}</svg>')
