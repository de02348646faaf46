"""`autorl run`: tune, test, report; or go on where it stopped."""

from __future__ import annotations

import json as json_module
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autorl.cli.console import print_json, warn, warnings_shown
from autorl.cli.options import Json, Overrides, StudySource
from autorl.errors import InvalidInput

if TYPE_CHECKING:
    from autorl.metrics import Constraint
    from autorl.statistics import Difference, Estimate
    from autorl.study import Result

__all__ = ["run"]

FAILED, INTERRUPTED = 1, 130
SUMMARY = (
    "objectives",
    "constraints",
    "feasible",
    "best",
    "front",
    "baseline",
    "status_counts",
    "env_steps",
    "warnings",
)
"""Keys of `results.json` that `--json` repeats."""


def run(
    study: StudySource,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="The run directory; default: runs/NAME.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes; never changes a result.")] = 1,
    set_: Overrides = None,
    trials: Annotated[int | None, typer.Option(help="The same as --set budget.trials=N.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the report's path only.")] = False,
    json: Json = False,
    accept_new_numerics: Annotated[
        bool, typer.Option(help="Go on although versions or sources that change numbers differ; the report says so.")
    ] = False,
) -> None:
    """Run a study, or go on with one that was stopped. The last line is the report's path."""
    from autorl.cli.progress import ProgressDisplay
    from autorl.study import Study
    from autorl.study.overrides import parse_overrides

    overrides = parse_overrides(set_ or [])
    if trials is not None:
        if "budget.trials" in overrides:
            raise InvalidInput(f"--trials {trials} and --set budget.trials={overrides['budget.trials']}: give only one")
        overrides["budget.trials"] = trials
    loaded = Study.load(study, overrides)
    directory = out or Path("runs") / loaded.name
    try:
        visible = not (quiet or json)
        with ProgressDisplay(visible=visible) as display, warnings_shown(visible=visible):
            result = loaded.run(
                directory, jobs=jobs, on_progress=display.update, accept_new_numerics=accept_new_numerics
            )
    except KeyboardInterrupt as error:
        typer.echo(
            f"Interrupted. What is finished is kept in {directory}; the same command goes on from there.", err=True
        )
        raise typer.Exit(INTERRUPTED) from error
    if json:
        print_json(_summary(result))
    else:
        if not quiet:
            warn(one for one in result.content.warnings if one not in result.study.warnings)  # those were shown
            for line in _lines(result):
                typer.echo(line)
        typer.echo(str(result.report_path))
    if not result.complete:
        reason = "The study is not finished" if result.front else "No trial completed, so there is no result"
        typer.echo(f"{reason}; {result.report_path} says why.", err=True)
        raise typer.Exit(FAILED)


def _summary(result: Result) -> dict[str, object]:
    """What matters of `results.json`, in the same form, and where the rest lies."""
    content = json_module.loads((result.directory / "results.json").read_text(encoding="utf-8"))
    kept = {key: content[key] for key in SUMMARY if key in content}
    return {
        "directory": str(result.directory),
        "report": str(result.report_path),
        "complete": result.complete,
        **kept,
    }


def _lines(result: Result) -> list[str]:
    """The baseline and the configurations found, one a line, with what they scored on the test seeds."""
    rows = [("Baseline", result.baseline), *((f"Trial {entry.trial}", entry) for entry in result.front)]
    labels = [entry.label for entry in result.study.criteria]
    lines = []
    for name, entry in rows:
        if entry is not None:
            scores = [
                f"{label} {_estimate(entry.test[label])}{_minus(entry.minus_baseline.get(label))}"
                for label in labels
                if label in entry.test
            ]
            scores += [_bounded(constraint, entry.test) for constraint in result.study.constraints]
            lines.append(f"{name} on {len(result.study.seeds.test)} test seeds: {', '.join(scores) or 'not measured'}")
    return lines


def _bounded(constraint: Constraint, test: Mapping[str, Estimate]) -> str:
    """What a bounded metric came to on the test seeds, beside its bound."""
    from autorl.report.feasibility import holds

    mark = holds(constraint, test)
    if mark is None:
        return f"{constraint.rule} not measured"
    return f"{constraint.rule} {'holds' if mark else 'is broken'} with {_estimate(test[constraint.label])}"


def _minus(apart: Difference | None) -> str:
    if apart is None or not math.isfinite(apart.mean):
        return ""
    sign = "+" if apart.mean > 0 else ""
    return f", {sign}{_estimate(apart)} to the baseline"


def _estimate(estimate: Estimate | Difference) -> str:
    if math.isfinite(estimate.low) and estimate.low < estimate.high:
        return f"{estimate.mean:.6g} (95 % interval {estimate.low:.6g} to {estimate.high:.6g})"
    return f"{estimate.mean:.6g}"
