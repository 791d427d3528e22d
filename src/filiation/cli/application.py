"""The ``filiation`` command: its table of commands, and what a failure looks like."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import click

from filiation import __version__
from filiation.errors import FiliationError

if TYPE_CHECKING:
    from collections.abc import Sequence

UNEXPECTED = 70
"""Exit code for a fault of filiation itself (``EX_SOFTWARE`` of sysexits.h)."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as a shell gives it."""
_OF_THE_SYSTEM = frozenset(
    {errno.EACCES, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE, errno.ENOSPC, errno.ENOTDIR, errno.EPERM,
     errno.EROFS, errno.ESTALE}
)  # fmt: skip


class Entry(NamedTuple):
    """Where a command is, and its first sentence: listing the commands must not import them."""

    place: str
    help: str


SECTIONS: dict[str, dict[str, Entry]] = {
    "Look": {
        "status": Entry("filiation.cli.status:status", "Tell how far a run is: jobs done, running, failed."),
        "runs": Entry("filiation.cli.runs:runs", "List the runs in the catalogue, the newest first."),
        "show": Entry("filiation.cli.runs:show", "Show one run: its jobs, their parameters, what they used and made."),
        "trace": Entry("filiation.cli.lineage:trace", "Show what THING descends from, down to its sources."),
        "impact": Entry("filiation.cli.lineage:impact", "Show everything that descends from THING."),
        "path": Entry("filiation.cli.path:path", "Show how OTHER came of THING, each step with its evidence."),
        "find": Entry(
            "filiation.cli.find:find", "Find jobs (action) or files, stores and images (entity) of all runs."
        ),
        "diff": Entry("filiation.cli.diff:diff", "Tell what differs between two runs, or the lineages of two things."),
        "serve": Entry("filiation.cli.serve:serve", "Show the catalogue as pages in a browser, read-only."),
        "ask": Entry("filiation.cli.questions:ask", "Answer a question by its name, over one run or all."),
        "sparql": Entry("filiation.cli.questions:sparql", "Answer a SPARQL query, read-only."),
    },
    "Verify": {
        "check": Entry("filiation.cli.check:check", "Compare bytes with their record, and name what differs."),
        "conform": Entry(
            "filiation.cli.conform:conform", "Tell what is wrong with OME-Zarr stores, also what other validators miss."
        ),
        "verify": Entry("filiation.cli.seal:verify", "Tell who sealed CRATE, and whether anything changed since."),
        "agree": Entry(
            "filiation.cli.agree:agree", "Tell whether a store, its crate and the graph tell the same of it."
        ),
        "audit": Entry("filiation.cli.audit:audit", "Find what an auditor must know: leftovers, gaps, changes."),
        "log": Entry("filiation.cli.log:log", "Tell what was done to the catalogue; sign that, or verify it."),
        "doctor": Entry("filiation.cli.doctor:doctor", "Tell whether store and index agree with the crates."),
        "gaps": Entry("filiation.cli.whole:gaps", "Tell what the records of all runs leave open or contradict."),
        "orphans": Entry(
            "filiation.cli.whole:orphans", "Tell what nobody made though it is no source, and what leads nowhere."
        ),
        "stale": Entry("filiation.cli.whole:stale", "Tell what would be made otherwise today."),
        "duplicates": Entry(
            "filiation.cli.whole:duplicates", "Tell which bytes were made more than once, at what cost."
        ),
        "rerun": Entry("filiation.cli.rerun:rerun", "Run a recorded run again, and tell whether it gives the same."),
        "validate": Entry("filiation.cli.crates:validate", "Check a crate against the profiles of run crates."),
    },
    "Keep": {
        "dataset": Entry(
            "filiation.cli.dataset:dataset",
            "Build training sets that do not leak, check others, and follow them into models.",
        ),
        "seal": Entry("filiation.cli.seal:seal", "State what CRATE holds, and sign it with an SSH key."),
        "evidence": Entry(
            "filiation.cli.evidence:evidence",
            "Bundle all that the lineage of THING rests on, with a page.",
        ),
        "export": Entry("filiation.cli.export:export", "Write THING and all that it rests on as one crate for others."),
        "report": Entry("filiation.cli.report:report", "Write an audit report on THING."),
        "deposit": Entry(
            "filiation.cli.deposit:deposit", "Deposit CRATE in a repository: a draft, until --publish is said."
        ),
        "deposits": Entry(
            "filiation.cli.deposit:deposits", "List the deposits that were begun here, and how far each is."
        ),
        "import": Entry("filiation.cli.importing:import_", "Verify a published CRATE, and take its runs in."),
        "package": Entry("filiation.cli.package:package", "Write CRATE in a form that others take."),
        "annotate": Entry("filiation.cli.annotate:annotate", "Note KEY=VALUE of THING, or list what was noted."),
        "correct": Entry(
            "filiation.cli.correct:correct", "Record that NEW is OLD, proof-read by a person, and what they changed."
        ),
        "forget": Entry("filiation.cli.forget:forget", "Take RUN out of the answers from now on."),
        "pack": Entry("filiation.cli.pack:pack", "Make the crate of a run from its journal, or one with its data."),
        "backfill": Entry(
            "filiation.cli.backfill:backfill", "Record what was made before runs were recorded, with low confidence."
        ),
        "ingest": Entry("filiation.cli.crates:ingest", "Take crates into the catalogue, of any workflow engine."),
        "send": Entry("filiation.cli.crates:send", "Send crates to a laboratory's shared catalogue."),
        "merge": Entry("filiation.cli.merge:merge", "Take the runs and annotations of other catalogues into this one."),
        "rebuild": Entry("filiation.cli.crates:rebuild", "Make the catalogue's store and index again from its crates."),
    },
    "Begin": {
        "init": Entry("filiation.cli.init:init", "Record every run of a workflow: add one line to its profile."),
        "tool": Entry("filiation.cli.tool:tool", "Show a tool's descriptor, and the command that runs it."),
        "step": Entry("filiation.cli.step:step", "Run a command of a job, and record its real start and end."),
        "omero": Entry("filiation.cli.omero:omero", "List images in OMERO as samples; write results back; audit."),
        "demo": Entry("filiation.cli.demo:demo", "Segment a real micrograph and show what its labels descend from."),
    },
}
COMMANDS: dict[str, Entry] = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


class LazyGroup(click.Group):
    """A group that imports a command only when it is called, and turns errors into one message."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None if there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, function = COMMANDS[cmd_name].place.partition(":")
        command = getattr(import_module(module), function)
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name].place} is not a command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name those that are spelled alike."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            alike = get_close_matches(args[0], COMMANDS, n=3)
            if not alike:
                raise
            raise click.UsageError(f"{error.message} Did you mean {' or '.join(alike)}?", ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table, section by section, without importing anything."""
        for title, entries in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, entry.help) for name, entry in entries.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command, print what went wrong as one message, and exit."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        _print_what_the_terminal_can()
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.ClickException as error:
            error.show()
            sys.exit(error.exit_code)
        except click.Abort:
            sys.exit(INTERRUPTED)
        except FiliationError as error:
            _explain(error)
            sys.exit(error.exit_code)
        except OSError as error:
            if error.errno not in _OF_THE_SYSTEM:
                _own_fault(error)
            _explain_system(error)
            sys.exit(FiliationError.exit_code)
        except Exception as error:  # the last resort: whatever it is, a person gets a sentence and not a traceback
            _own_fault(error)
        sys.exit(code if isinstance(code, int) else 0)


def _print_what_the_terminal_can() -> None:
    """Let a terminal that cannot show a character get its escape rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _explain(error: FiliationError) -> None:
    from filiation.cli.output import complain

    if os.environ.get("FILIATION_DEBUG"):
        traceback.print_exception(error)
    complain(str(error))


def _explain_system(error: OSError) -> None:
    """Tell of a disk that is full, broken or not to be written to; it is nobody's fault and has a remedy."""
    from filiation.cli.output import complain

    if os.environ.get("FILIATION_DEBUG"):
        traceback.print_exception(error)
    place = f" ({error.filename})" if error.filename else ""
    complain(
        f"{error.strerror}{place}. Nothing that was recorded before is lost. When there is room, or the place can be "
        "written to, call the command again."
    )


def _own_fault(error: Exception) -> NoReturn:
    if os.environ.get("FILIATION_DEBUG"):
        traceback.print_exception(error)
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    # Nothing of our own is imported here: it may be what is broken.
    click.echo(
        f"filiation: Something went wrong inside filiation: {what.encode('unicode_escape').decode('ascii')}\n"
        "This is a fault of filiation. To see where it happened, set FILIATION_DEBUG=1 and run the command again.",
        err=True,
    )
    sys.exit(UNEXPECTED)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExample:\n  $ filiation trace results/ihc/nuclei.ome.zarr\n\n"
    "Exit codes: 0 done; 2 bad input; 3 not found; 4 invalid crate; 5 changed bytes; the others are in "
    "docs/reference/exit-codes.md. Set FILIATION_DEBUG=1 to see where an error comes from.",
)
@click.version_option(__version__, prog_name="filiation")
def main() -> None:
    """Tell what a label image, table or picture descends from.

    Runs of Snakemake are tracked with `snakemake --logger filiation`; each leaves a crate in the catalogue, the folder
    .filiation beside the workflow. THING is a path, a path as a run saw it (RUN:PATH), a digest, an IRI, an
    image in OMERO (Image:51@server), a run, or the start of a digest or run.
    """
