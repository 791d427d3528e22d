"""Stand-ins for bwa, samtools and bcftools, for machines without them: the same calls, on data as small as a test's.

Reads are mapped by their first 20 bases and never across a gap, "BAM" is SAM, and a variant is a base that most reads
of a place do not have. That is enough to have real files made from real files; it is no bioinformatics.
"""

# ruff: noqa: T201
from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

Lines = list[str]


def genome(path: str) -> str:
    return "".join(line for line in Path(path).read_text().split("\n") if not line.startswith(">"))


def bwa_index(arguments: Lines) -> None:
    for ending in ("amb", "ann", "bwt", "pac", "sa"):
        Path(f"{arguments[-1]}.{ending}").write_text(f"{ending} of {len(genome(arguments[-1]))} bases\n")


def bwa_mem(arguments: Lines) -> None:
    reference, reads = genome(arguments[-2]), Path(arguments[-1]).read_text().split("\n")
    if not Path(f"{arguments[-2]}.bwt").exists():
        raise SystemExit("no index")
    print(arguments[arguments.index("-R") + 1].replace("\\t", "\t"))
    for name, bases in zip(reads[0::4], reads[1::4], strict=False):
        place = reference.find(bases[:20])
        if place >= 0:
            print(f"{name[1:]}\t0\tchr\t{place + 1}\t60\t{len(bases)}M\t*\t0\t0\t{bases}\t*")
    print("mapped", file=sys.stderr)


def samtools_view(arguments: Lines) -> None:
    sys.stdout.write(sys.stdin.read())


def samtools_sort(arguments: Lines) -> None:
    lines = Path(arguments[-1]).read_text().splitlines()
    for line in sorted(lines, key=lambda line: 0 if line.startswith("@") else int(line.split("\t")[3])):
        print(line)


def samtools_index(arguments: Lines) -> None:
    places = [line.split("\t")[3] for line in Path(arguments[0]).read_text().splitlines() if line[0] != "@"]
    Path(f"{arguments[0]}.bai").write_text("\n".join(places))


def bcftools_mpileup(arguments: Lines) -> None:
    reference = genome(arguments[1])
    seen: dict[int, Counter[str]] = {}
    for bam in arguments[2:]:
        for line in Path(bam).read_text().splitlines():
            if line[0] != "@":
                fields = line.split("\t")
                for offset, base in enumerate(fields[9]):
                    seen.setdefault(int(fields[3]) + offset, Counter())[base] += 1
    for place, bases in sorted(seen.items()):
        print(place, reference[place - 1], *(f"{base}{count}" for base, count in bases.most_common()))


def bcftools_call(arguments: Lines) -> None:
    print("##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    for line in sys.stdin:
        place, reference, most, *_ = line.split()
        if most[0] != reference:
            print(f"chr\t{place}\t.\t{reference}\t{most[0]}\t{10.0 * int(most[1:])}\tPASS\t.")


if __name__ == "__main__":
    globals()[f"{Path(sys.argv[0]).name}_{sys.argv[1]}"](sys.argv[2:])
