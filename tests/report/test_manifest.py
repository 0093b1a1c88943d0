import pytest

from ifbench.report import manifest as about
from ifbench.report.manifest import command, complete
from ifbench.report.markdown import report_markdown
from ifbench.report.results import Results


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"seeds": [0, 1]}, "--set 'seeds=[0, 1]'"),
        (["recipe.steps=5"], "--set recipe.steps=5"),
        ({}, "ifbench run quickstart"),
    ],
)
def test_command_repeats_the_run(manifest, overrides, words):
    assert command(complete({**manifest, "overrides": overrides})).endswith(words)


@pytest.mark.parametrize(
    ("metrics", "lower", "words"),
    [
        (["pearson"], [], "1 is perfect, 0 is chance"),
        (["relative-error"], ["relative-error"], "lower is better, 0 is perfect"),
        (["pearson", "off"], ["off"], "1 is perfect, 0 is chance; of off lower is better, 0 is perfect"),
    ],
)
def test_what_is_perfect_depends_on_the_metrics(metrics, lower, words):
    manifest = {"metrics": metrics, "lower_is_better": lower}
    assert about.perfect(complete(manifest)) == words
    assert words in report_markdown(Results.of([], manifest))


def test_a_heading_tells_a_profile_that_is_not_the_usual_one(manifest):
    assert about.title(manifest) == manifest["title"]
    assert about.title({**manifest, "profile": "held-out"}) == f"{manifest['title']} (profile held-out)"


def test_settings_and_what_was_chosen_stand_on_the_page(manifest):
    told = {"settings": [{"estimator": "cg", "where": {"architecture.depth": 2}, "params": {"damping": 0.5}}]}
    chosen = {"chosen": ["damping 0.5, out of 0.5 and 1"]}
    page = report_markdown(Results.of([], {**manifest, **told, **chosen}))
    assert "- cg where architecture.depth = 2: damping 0.5" in page
    assert "Chosen on held-out interventions:\n\n- damping 0.5, out of 0.5 and 1" in page
    assert "Chosen" not in report_markdown(Results.of([], {**manifest, **chosen, "profile": "held-out"}))
