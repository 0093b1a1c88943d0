"""The examples in the help of each verb are commands that work."""

from __future__ import annotations

import inspect
import shlex
from pathlib import Path

import click
import pytest

from ifbench.cli.main import VERBS, Verbs, group, run_command
from ifbench.core.registry import load_registry
from ifbench.jobs.plan import load_plan

ROOT = Path(__file__).parents[2]
OURS_TO_WRITE = ("my_estimator.py", "mine.py", "my-suite.yaml")


def command_of(verb: str) -> click.Command:
    assert isinstance(group, Verbs)
    command = group.get_command(click.Context(group), verb)
    assert command is not None
    return command


def examples(verb: str) -> list[str]:
    _, _, text = (command_of(verb).epilog or "").partition("Examples:\n")
    return [line.strip() for line in text.splitlines()]


EXAMPLES = [line for verb in VERBS for line in examples(verb)]


def parsed(line: str) -> dict[str, object]:
    """The verb and the parameters of an example, as click reads them."""
    program, verb, *args = shlex.split(line.partition(" > ")[0])
    assert program == "ifbench"
    return {"verb": verb, **command_of(verb).make_context(verb, args).params}


@pytest.mark.parametrize("line", EXAMPLES)
def test_example_parses(line: str) -> None:
    assert parsed(line)["verb"] in VERBS


@pytest.mark.parametrize("line", [line for line in EXAMPLES if not any(name in line for name in OURS_TO_WRITE)])
def test_example_names_what_there_is(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    params = parsed(line)
    registered = load_registry().entries
    if params["verb"] in ("show", "check"):
        assert any(params["name"] in entries for entries in registered.values())
    selection = {key: params[key] for key in ("profile", "overrides", "only") if key in params}
    for suite in params.get("suites") or [params["suite"]] if "profile" in params else ():
        plan, _, _ = load_plan(str(suite), **selection)
        assert params.get("estimator") in {None, *(work.cell.estimator.label for work in plan.works)}
    for folder in (params.get("directory"), *params.get("directories", ())):
        assert folder is None or (folder / "manifest.json").is_file()


@pytest.mark.parametrize("line", [line for line in EXAMPLES if line.startswith(("ifbench choose", "ifbench list"))])
def test_example_that_only_reads_succeeds(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "leaderboards").symlink_to(ROOT / "leaderboards")
    (tmp_path / "mine.py").write_text((ROOT / "plugins" / "metrics" / "correlation.py").read_text())
    assert run_command(shlex.split(line)[1:]) == 0


@pytest.mark.parametrize("verb", VERBS)
def test_command_is_called_as_its_verb_and_says_what_it_does(verb: str) -> None:
    command = command_of(verb)
    assert command.name == verb
    assert inspect.cleandoc(command.help or "").endswith(".")


def test_help_lists_every_verb_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["--help"]) == 0
    listed = capsys.readouterr().out.partition("Commands:\n")[2].splitlines()[: len(VERBS)]
    assert [line.split(maxsplit=1) for line in listed] == [[verb, summary] for verb, summary in VERBS.items()]
