"""The `ifbench` command: finds the verb, and turns errors into messages and exit codes."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Mapping, Sequence

import click

from ifbench.core.errors import ExitCode, IfbenchError, did_you_mean

VERBS: Mapping[str, str] = {
    "run": "Run suites and print the leaderboard.",
    "plan": "Show what a run would do, and its cost.",
    "list": "List what is registered.",
    "show": "Show one plugin: parameters, source, origin.",
    "check": "Check an estimator against the conformance suite.",
    "leaderboard": "Show results again.",
    "report": "Make pages and figures of results again.",
    "choose": "Compare the values of a parameter.",
    "gallery": "Show the most influential examples.",
    "schema": "Print the JSON Schema of suite files.",
    "doctor": "Report the environment.",
}
"""Each verb, in the order a newcomer meets them, with its help in one line; its own file is imported when asked for."""


class Verbs(click.Group):
    """The verbs, each the `command` of the module that is called like it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Every verb."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of a verb; None where there is no such verb."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"ifbench.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """An unknown verb is answered with the nearest one."""
        if args and args[0] not in VERBS and not args[0].startswith("-"):
            ctx.fail(f"no verb '{args[0]}'; {did_you_mean(args[0], VERBS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The verbs with their help, none of them imported."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start here:  ifbench run quickstart      Every verb has --help with an example.",
)
@click.version_option(package_name="ifbench", prog_name="ifbench")
def group() -> None:
    """Measures how well influence estimators predict what retraining really does, and at what cost."""


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line and exit with a code of `ifbench.core.errors.ExitCode`."""
    sys.exit(run_command(args))


def run_command(args: Sequence[str] | None = None) -> int:
    """Run the command line; its exit code."""
    try:
        result = group.main(args=list(args) if args is not None else None, prog_name="ifbench", standalone_mode=False)
        sys.stdout.flush()
        return int(result or ExitCode.OK)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; what is finished is kept, and the same command goes on from there", err=True)
        return ExitCode.INTERRUPTED
    except IfbenchError as error:
        click.echo(f"ifbench: {error}", err=True)
        return error.exit_code
    except SystemExit:  # click ends so when the reader of our output has closed it, as `| head` does
        return ExitCode.OK
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except Exception:  # noqa: BLE001 - the last stop for a bug: keep its traceback, name it one
        traceback.print_exc()
        click.echo("ifbench: this is a bug in ifbench; please report it with the lines above", err=True)
        return ExitCode.BUG
