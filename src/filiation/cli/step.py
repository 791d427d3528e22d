"""``filiation step``: a command recorded from the job that runs it, for rules that are not ours."""

from __future__ import annotations

import click

from filiation.cli.options import example


@click.command(
    epilog=example("filiation step -- bwa mem genome.fa reads.fastq"),
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.option("--shell", metavar="TEXT", help="Run all that a shell was told to do; for the Snakefile's shell prefix.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="-- COMMAND...")
@click.pass_context
def step(ctx: click.Context, shell: str | None, command: tuple[str, ...]) -> None:
    """Run a command of a job, and record its real start and end.

    For a rule's `shell:`, as in shell: "filiation step -- sort {input} > {output}". The record holds host, cluster
    job, partition, resources, exit status and environment, as that of a script with filiation.step. Standard streams,
    signals and the exit status are the command's own; a record that cannot be written is told and costs nothing else.
    Outside a recorded run the command is run, and nothing is written.
    """
    from filiation.step.command import main

    ctx.exit(main(["--shell", shell] if shell is not None else ["--", *command]))
