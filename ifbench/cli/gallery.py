"""`ifbench gallery`: the examples that help and harm a query most."""

from __future__ import annotations

from pathlib import Path

import click

from ifbench.cli.options import examples, plugin_option
from ifbench.core.errors import IfbenchError


@click.command(
    "gallery",
    short_help="Show the most influential examples.",
    epilog=examples(
        "ifbench gallery quickstart --estimator hif-exact",
        "ifbench gallery suites/digits.yaml --query 17 --top 8 --out digits.svg",
    ),
)
@click.argument("suite", metavar="SUITE")
@click.option("--profile", metavar="NAME", help="Size of the suite: smoke, cpu (the default) or paper; or held-out.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="As it was run.")
@click.option("--only", multiple=True, metavar="GLOB", help="Choose among cells: the first that matches is shown.")
@click.option("--estimator", metavar="LABEL", help="Whose scores; default: the first of the suite.")
@click.option("--query", type=click.IntRange(min=0), metavar="ROW", help="Row of the test set; default: up to four.")
@click.option("--top", type=click.IntRange(min=1), default=5, show_default=True, help="Examples on each side.")
@click.option("--out", type=click.Path(path_type=Path), help="File; default: print tables, draw gallery.svg of images.")
@plugin_option
def command(
    suite: str,
    profile: str | None,
    overrides: tuple[str, ...],
    only: tuple[str, ...],
    estimator: str | None,
    query: int | None,
    top: int,
    out: Path | None,
    plugins: tuple[str, ...],
) -> None:
    """Show the training examples of highest and lowest score beside their query.

    The scores are those that `ifbench run` stored; nothing is computed. Images are a grid in an SVG file, text and
    features a table in Markdown.
    """
    from ifbench.jobs.gallery import chosen_work, influences
    from ifbench.jobs.plan import load_plan
    from ifbench.report.gallery import gallery_markdown, gallery_svg, is_image
    from ifbench.store.atomic import write_text_atomic

    made, store, registry = load_plan(suite, profile=profile, overrides=overrides, only=only, plugins=plugins)
    work = chosen_work(made, estimator)
    assert work.score is not None
    found = influences(work, store, registry, top=top, query=query)
    title = f"{made.suite.title}: {work.score.label.removeprefix('score ')}"
    images = is_image(found[0].query.input)
    if out is not None and out.suffix != (wanted := ".svg" if images else ".md"):
        raise IfbenchError(f"got --out {out}, wanted a file that ends in {wanted}")
    text = gallery_svg(found, title=title) if images else gallery_markdown(found, title=title)
    if images or out:
        write_text_atomic(out := out or Path("gallery.svg"), text)
        click.echo(out)
    else:
        click.echo(text, nl=False)
