"""`ifbench gallery`: the examples that help and harm a query most."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ifbench.cli.options import examples, suite_options
from ifbench.core.errors import IfbenchError


@click.command(
    "gallery",
    epilog=examples(
        "ifbench gallery quickstart --estimator hif-exact",
        "ifbench gallery small-mnist-cnn --query 17 --top 8 --out digits.svg",
    ),
)
@click.argument("suite", metavar="SUITE")
@suite_options
@click.option("--estimator", metavar="LABEL", help="Whose scores; default: the first of the suite.")
@click.option("--query", type=click.IntRange(min=0), metavar="ROW", help="Row of the test set; default: up to four.")
@click.option("--top", type=click.IntRange(min=1), default=5, show_default=True, help="Examples on each side.")
@click.option("--out", type=click.Path(path_type=Path), help="File; default: print tables, draw gallery.svg of images.")
def command(suite: str, estimator: str | None, query: int | None, top: int, out: Path | None, **selection: Any) -> None:
    """Show the training examples of highest and lowest score beside their query.

    The scores are those that `ifbench run` stored with the same options; of several cells, the first is shown. Nothing
    is computed. Images are a grid in an SVG file, text and features a table in Markdown.
    """
    from ifbench.jobs.gallery import chosen_work, influences
    from ifbench.jobs.plan import load_plan
    from ifbench.report.gallery import gallery_markdown, gallery_svg, is_image
    from ifbench.store.atomic import write_text_atomic

    plan, store, registry = load_plan(suite, **selection)
    work = chosen_work(plan, estimator)
    assert work.score is not None
    queries = influences(work, store, registry, top=top, query=query)
    images = is_image(queries[0].query.input)
    if out is not None and out.suffix != (wanted := ".svg" if images else ".md"):
        raise IfbenchError(f"got --out {out}, wanted a file that ends in {wanted}")
    draw = gallery_svg if images else gallery_markdown
    text = draw(queries, title=f"{plan.suite.title}: {work.score.label.removeprefix('score ')}")
    if images or out:
        out = out or Path("gallery.svg")
        write_text_atomic(out, text)
        click.echo(out)
    else:
        click.echo(text, nl=False)
