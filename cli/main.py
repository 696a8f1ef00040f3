"""The command line: one thin file a command, and exit code 2 for what a user got wrong."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

import simctl
from simctl.cli.commands import (
    broker,
    bundle,
    checkpoint,
    compare,
    diff,
    doctor,
    evaluate,
    experiment,
    export,
    fork,
    health,
    plot,
    query,
    recipes,
    replay,
    report,
    rescore,
    run,
    runs,
    school,
    serve,
    serve_policy,
    store,
    train,
    verify,
    watch,
    worker,
    workers,
)
from simctl.cli.commands import open as open_
from simctl.cli.errors import UserError
from simctl.cli.numerics import settle
from simctl.store.errors import LogBrokenError, LogCorruptError, OwnerGoneError, StoreError

FAILED, MISUSE, INTERRUPTED = 1, 2, 130
# what befalls a run without a mistake of whoever asks
_FAILURES = (LogBrokenError, LogCorruptError, OwnerGoneError)
_MEND = "simctl store check tells what is damaged, and simctl store repair mends a log\n"

app = typer.Typer(
    name="simctl",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.command)
app.command("watch")(watch.command)
app.command("serve")(serve.command)
app.command("plot")(plot.command)
app.command("query")(query.command)
app.command("replay")(replay.command)
app.command("verify")(verify.command)
app.command("diff")(diff.command)
app.command("fork")(fork.command)
app.command("compare")(compare.command)
app.command("experiment")(experiment.command)
app.command("health")(health.command)
app.command("runs")(runs.command)
app.command("worker")(worker.command)
app.command("workers")(workers.command)
app.command("eval")(evaluate.command)
app.command("serve-policy")(serve_policy.command)
app.command("train")(train.command)
app.command("rescore")(rescore.command)
app.command("school")(school.command)
app.command("export")(export.command)
app.command("report")(report.command)
app.command("checkpoint")(checkpoint.command)
app.command("bundle")(bundle.command)
app.command("open")(open_.command)
app.command("broker")(broker.command)
app.add_typer(store.app, name="store")
app.add_typer(recipes.app, name="recipes")
app.command("doctor")(doctor.command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"simctl {simctl.__version__}")
        raise typer.Exit


@app.callback(no_args_is_help=True)
def simctl_(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version")
    ] = False,
) -> None:
    """A lab for societies of language-model agents that teach themselves."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; end the process with 0, 1 (it failed) or 2 (it was misused)."""
    settle(os.environ)
    try:
        app(arguments, prog_name="simctl")
    except (UserError, StoreError) as error:
        sys.stderr.write(f"error: {error}\n")
        if isinstance(error, LogCorruptError):
            sys.stderr.write(_MEND)
        sys.exit(FAILED if isinstance(error, _FAILURES) else MISUSE)
    except OSError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(FAILED)
    except RuntimeError as error:
        if str(error) != "Query interrupted":  # what Ctrl-C becomes inside DuckDB
            raise
        sys.exit(INTERRUPTED)
