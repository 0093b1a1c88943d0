import pytest

from ifbench.report.manifest import command


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"seeds": [0, 1]}, "--set 'seeds=[0, 1]'"),
        (["recipe.steps=5"], "--set recipe.steps=5"),
        ({}, "ifbench run quickstart"),
    ],
)
def test_command_repeats_the_run(manifest, overrides, words):
    assert command({**manifest, "overrides": overrides}).endswith(words)
