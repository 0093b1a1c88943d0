"""The `ifbench` command: finds the verb, and turns errors into messages and exit codes."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Mapping, Sequence

import click

from ifbench.core.errors import ExitCode, IfbenchError

VERBS: Mapping[str, str] = {
    "run": "ifbench.cli.run",
    "plan": "ifbench.cli.plan",
    "list": "ifbench.cli.list",
    "show": "ifbench.cli.show",
    "check": "ifbench.cli.check",
    "leaderboard": "ifbench.cli.leaderboard",
    "report": "ifbench.cli.report",
    "choose": "ifbench.cli.choose",
    "gallery": "ifbench.cli.gallery",
    "schema": "ifbench.cli.schema",
    "doctor": "ifbench.cli.doctor",
}


class Verbs(click.Group):
    """Imports a verb when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Verbs in the order a newcomer meets them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The verb's own file holds its command."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(VERBS[cmd_name]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """An unknown verb is answered with the nearest one."""
        from ifbench.core.errors import did_you_mean

        if args and args[0] not in VERBS and not args[0].startswith("-"):
            ctx.fail(f"no verb '{args[0]}'; {did_you_mean(args[0], VERBS)}")
        return super().resolve_command(ctx, args)


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
