"""What the two templates print: sentences and tables as plain texts, made once from the content."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autorl.records import Configuration, Status
from autorl.report.against_baseline import difference_methods, difference_sentence
from autorl.report.checklist import Answer, answers, brief
from autorl.report.content import Quantity, StudyContent, TrialRow
from autorl.report.entries import Entry, interval_methods
from autorl.report.feasibility import broken_on_test, constraint_rows, feasible, yes_or_no
from autorl.report.formats import estimate, gap, integers, number, printable, value
from autorl.report.history import top_rung
from autorl.report.schedule import schedule_rows

__all__ = ["Table", "View", "view"]

MAX_ROWS, MAX_FAILURES = 50, 20


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Attributes:
        caption: What it shows.
        head: Column titles.
        rows: One text a cell.
        numeric: Columns to align at the right.
        marked: Rows to set apart (the chosen ones, say).
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    marked: frozenset[int] = frozenset()


@dataclass(frozen=True)
class View:
    """Everything the templates print beside the pictures."""

    name: str
    subtitle: str
    headlines: tuple[str, ...]
    warnings: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    scores: Table | None
    constraints: Table | None
    others: Table | None
    finalists: Table | None
    configurations: Table | None
    schedule: Table | None
    metrics: Table
    space: Table
    fixed: tuple[tuple[str, str], ...]
    seeds: tuple[tuple[str, str], ...]
    statuses: Table
    costs: Table
    checklist: tuple[Answer, ...]
    description: tuple[tuple[str, str], ...]
    provenance: tuple[tuple[str, str], ...]
    trials: Table
    failures: tuple[tuple[str, str], ...]
    failures_left_out: int
    version: str


def view(content: StudyContent, shown: Sequence[Entry]) -> View:
    """The texts of a report."""
    description = content.description
    failed = [trial for trial in content.trials if trial.reason and not trial.values]
    counts = content.status_counts
    return View(
        name=printable(content.name),
        subtitle=f"{brief(description.get('algorithm'))} on {brief(description.get('environment'))}",
        headlines=_headlines(content, shown),
        warnings=tuple(printable(text) for text in _warnings(content, shown)),
        facts=(
            ("Objectives", "; ".join(f"{q.label} ({q.direction})" for q in content.objectives)),
            *((("Constraints", "; ".join(one.rule for one in content.constraints)),) if content.constraints else ()),
            ("Tuner", brief(description.get("tuner"))),
            ("Schedule", brief(description.get("schedule"))),
            ("Budget", brief(description.get("budget"))),
            ("Trials", f"{len(content.trials)}, {counts[Status.COMPLETE]} complete"),
            ("Seeds", f"{len(content.seeds.tuning)} tuning, {len(content.seeds.validation)} validation, "
                      f"{len(content.seeds.test)} test"),
        ),
        scores=_scores(shown, content.objectives),
        constraints=_constraints(content, shown),
        others=_others(shown, [q for q in content.quantities if _role(content, q) == "reported"]),
        finalists=_finalists(content),
        configurations=_configurations(content, shown),
        schedule=_schedule(shown),
        metrics=Table(
            "An objective steers the search; the others are only reported."
            + " A constraint decides who is feasible." * bool(content.constraints),
            ("metric", "role", "direction", "unit", "definition"),
            tuple((q.label, _role(content, q), q.direction, q.unit, q.summary) for q in content.quantities),
        ),
        space=Table(
            "Agents that train together agree on the static ones.",
            ("hyperparameter", "kind", "range", "scale", "default", "static", "condition"),
            tuple((row.name, row.kind, row.range, row.scale, row.default, "yes" if row.static else "", row.condition)
                  for row in content.space),
        ),
        fixed=tuple((name, value(entry)) for name, entry in content.fixed.items()),
        seeds=tuple((kind, f"{integers(seeds)} (n = {len(seeds)})" if seeds else "none") for kind, seeds in (
            ("Tuning", content.seeds.tuning), ("Validation", content.seeds.validation), ("Test", content.seeds.test))),
        statuses=Table("Trials by status", ("status", "trials"),
                       tuple((status, number(count)) for status, count in counts.items()), frozenset({1})),
        costs=_costs(content),
        checklist=answers(content),
        description=_flat(content.description),
        provenance=_flat(content.provenance),
        trials=_trials(content, shown),
        failures=tuple((f"Trial {trial.number}, {trial.status.value}", printable(trial.reason or ""))
                       for trial in failed[:MAX_FAILURES]),
        failures_left_out=len(failed[MAX_FAILURES:]),
        version=content.autorl_version,
    )  # fmt: skip


def _headlines(content: StudyContent, shown: Sequence[Entry]) -> tuple[str, ...]:
    """The result in a sentence or two."""
    if not content.chosen:
        return ("No trial completed, so there is no configuration to report.",)
    chosen = [entry for entry in shown if entry.role == "chosen"]
    infeasible = any(feasible(content.constraints, entry.member) is False for entry in chosen)
    broken = ("No configuration holds every constraint; what breaks them least is reported.",) if infeasible else ()
    return (*broken, *_result(content, shown, chosen, "The least infeasible" if infeasible else "The best"))


def _result(content: StudyContent, shown: Sequence[Entry], chosen: Sequence[Entry], praise: str) -> tuple[str, ...]:
    if len(content.objectives) > 1:
        beaten = sum(entry.dominated for entry in chosen)
        seeds = "validation" if content.finalists else "tuning"
        text = f"The front has {len(chosen)} configuration{'s' if len(chosen) != 1 else ''}, chosen on {seeds} seeds"
        text += f"; {beaten} of them {'is' if beaten == 1 else 'are'} dominated on the test seeds." if beaten else "."
        return (text,)
    quantity, best = content.objectives[0], chosen[0].member
    tuned, tested = best.tuning.get(quantity.label), best.test.get(quantity.label)
    which = f"{praise} configuration, trial {best.trial},"
    if tested is None:
        return (f"{which} reaches {quantity.label} {estimate(tuned)} on the tuning seeds; it was not tested.",)
    text = f"{which} reaches {quantity.label} {estimate(tested)} on {tested.n} test seeds"
    text += f", against {estimate(tuned)} on the tuning seeds."
    others = [
        f"the {entry.name.lower()} reaches {estimate(entry.member.test.get(quantity.label))}"
        for entry in shown
        if entry.role != "chosen" and quantity.label in entry.member.test
    ]
    apart = difference_sentence(quantity, best)
    rest = f"; {apart}" if apart else ""
    return (text, f"On the same test seeds {' and '.join(others)}{rest}.") if others else (text,)


def _warnings(content: StudyContent, shown: Sequence[Entry]) -> list[str]:
    found = list(content.warnings)
    if content.interrupted:
        found.insert(0, "The study ended before its budget; running it again goes on where it stopped.")
    if content.incomplete:
        found.insert(0, "Test runs are missing, so the result is incomplete and intervals are withheld.")
    if content.nondeterministic:
        found.append(f"This study is not exactly repeatable: {'; '.join(content.nondeterministic)}.")
    if not content.chosen:
        found.insert(0, "No trial completed: there is nothing to select or to test.")
    small: dict[tuple[str, str], dict[str, None]] = {}
    for entry in shown:
        member = entry.member
        if member.diverged_test_seeds:
            found.append(f"{entry.name}: test seeds {integers(member.diverged_test_seeds)} diverged and count as the "
                         "uniformly random policy from there on.")  # fmt: skip
        if member.missing_test_seeds:
            found.append(f"{entry.name}: test seeds {integers(member.missing_test_seeds)} are missing.")
        for kind, scores in (("tuning", member.tuning), ("test", member.test)):
            for score in scores.values():
                if score.warning:
                    small.setdefault((kind, score.warning), {})[entry.name] = None
    found += broken_on_test(content, shown)
    for (kind, text), names in small.items():
        whose = "" if len(names) == len(shown) else f" of {', '.join(names)}"
        found.append(f"{kind.capitalize()} scores{whose}: {text}.")
    return list(dict.fromkeys(found))


def _scores(shown: Sequence[Entry], quantities: Sequence[Quantity]) -> Table | None:
    named = [q for q in quantities if any(q.label in entry.member.tuning for entry in shown)]
    if not named:
        return None
    head = ["configuration"]
    compared = any(entry.member.minus_baseline for entry in shown)
    for quantity in named:
        head += [f"{quantity.label}, test", *["minus baseline"] * compared, f"{quantity.label}, tuning", "gap"]
    rows = []
    for entry in shown:
        cells = [f"{entry.name} †" if entry.dominated else entry.name]
        for quantity in named:
            tuned, tested = entry.member.tuning.get(quantity.label), entry.member.test.get(quantity.label)
            apart = [estimate(entry.member.minus_baseline.get(quantity.label))] * compared
            cells += [estimate(tested), *apart, estimate(tuned), number(gap(quantity, tuned, tested))]
        rows.append(tuple(cells))
    caption = f"Mean and 95 % interval: {interval_methods(shown, named)}. Gap: by how much the tuning score "
    caption += "looks better than the test score. No test seed was seen by the selection."
    caption += f" Minus baseline: of the test scores, {difference_methods(shown, named)}." * compared
    if any(entry.dominated for entry in shown):
        caption += " † Dominated by another member on the test seeds; reported as chosen."
    return Table(
        caption,
        tuple(head),
        tuple(rows),
        frozenset(range(1, len(head))),
        frozenset(row for row, entry in enumerate(shown) if entry.role == "chosen"),
    )


def _role(content: StudyContent, quantity: Quantity) -> str:
    if quantity in content.objectives:
        return "objective"
    return "constraint" if quantity.label in {one.label for one in content.constraints} else "reported"


def _constraints(content: StudyContent, shown: Sequence[Entry]) -> Table | None:
    """Every configuration against every bound."""
    if not content.constraints or not shown:
        return None
    head, rows = constraint_rows(content, shown)
    caption = (
        "Mean and 95 % interval against the bound. Not clearly: the interval reaches across it. Selection went by "
    )
    caption += f"the {'validation' if content.finalists else 'tuning'} seeds, feasible configurations first."
    numeric = frozenset(column for column in range(1, len(head)) if column % 3)
    chosen = frozenset(row for row, entry in enumerate(shown) if entry.role == "chosen")
    return Table(caption, tuple(head), tuple(rows), numeric, chosen)


def _others(shown: Sequence[Entry], quantities: Sequence[Quantity]) -> Table | None:
    """The other metrics, one a row, on the test seeds."""
    named = [q for q in quantities if any(q.label in entry.member.test for entry in shown)]
    if not named:
        return None
    rows = tuple((q.label, *(estimate(entry.member.test.get(q.label)) for entry in shown)) for q in named)
    caption = (
        f"Mean and 95 % interval on the test seeds: {interval_methods(shown, named)}. The same on the tuning seeds "
    )
    caption += "is in results.json."
    return Table(caption, ("metric", *(entry.name for entry in shown)), rows, frozenset(range(1, 1 + len(shown))))


def _configurations(content: StudyContent, shown: Sequence[Entry]) -> Table | None:
    if not shown:
        return None
    tuned = list(dict.fromkeys(name for entry in shown if entry.member.trial is not None
                               for name in entry.member.configuration))  # fmt: skip
    names = tuned or list(dict.fromkeys(name for entry in shown for name in entry.member.configuration))
    settings: Sequence[Configuration] = [entry.member.configuration for entry in shown]
    rows = tuple((name, *(value(one[name]) if name in one else "–" for one in settings)) for name in names)
    caption = "Configurations; a dash marks an inactive hyperparameter. Those not tuned keep the algorithm's default."
    if any(entry.member.schedule for entry in shown):
        caption += " Hyperparameters that changed in training stand as they were at its end."
    return Table(
        caption,
        ("hyperparameter", *(entry.name for entry in shown)),
        rows,
        frozenset(range(1, 1 + len(shown))),
    )


def _schedule(shown: Sequence[Entry]) -> Table | None:
    """What the hyperparameters of those chosen were, and when."""
    head, rows = schedule_rows(shown)
    caption = "Hyperparameters that changed in training, each row from its env step on; also in schedule.yaml. "
    caption += "The tuning scores are those of the agents as they trained; the tests train anew under this schedule."
    return Table(caption, head, rows, frozenset(range(1, len(head)))) if rows else None


def _finalists(content: StudyContent) -> Table | None:
    """The finalists as the validation seeds judged them."""
    if not content.finalists:
        return None
    labels = [one.label for one in content.objectives]
    rows = tuple(
        (
            f"Trial {one.trial}",
            *(estimate(scores.get(label)) for label in labels for scores in (one.validation, one.tuning)),
        )
        for one in content.finalists
    )
    caption = f"The finalists by {', '.join(labels)} on {len(content.seeds.validation)} validation seeds, "
    caption += "which chose among them."
    head = ("configuration", *(f"{label}, {seeds}" for label in labels for seeds in ("validation", "tuning")))
    chosen = {one.trial for one in content.chosen}
    marked = frozenset(row for row, one in enumerate(content.finalists) if one.trial in chosen)
    return Table(caption, head, rows, frozenset(range(1, len(head))), marked)


def _costs(content: StudyContent) -> Table:
    rows = [(name, phase.training, phase.evaluation) for name, phase in content.phases.items()]
    rows.append(("total", sum(row[1] for row in rows), sum(row[2] for row in rows)))
    return Table(
        "Env steps spent, all configurations and seeds together.",
        ("phase", "training", "evaluation", "sum"),
        tuple((name, number(a), number(b), number(a + b)) for name, a, b in rows),
        frozenset({1, 2, 3}),
        frozenset({len(rows) - 1}),
    )


def _trials(content: StudyContent, shown: Sequence[Entry]) -> Table:
    """The best trials by the first objective, those chosen always among them."""
    chosen = {entry.member.trial for entry in shown if entry.role == "chosen"}
    first, top = content.objectives[0], top_rung(content)
    rows = sorted(content.trials, key=lambda trial: _order(trial, first, top))
    kept = rows[:MAX_ROWS]
    kept += [trial for trial in rows[MAX_ROWS:] if trial.number in chosen]
    names = list(dict.fromkeys(name for trial in kept for name in trial.configuration))
    objectives = [q.label for q in content.objectives]
    bounded = [label for label in dict.fromkeys(one.label for one in content.constraints) if label not in objectives]
    known = ("feasible",) if content.constraints else ()
    head = ("trial", "status", *objectives, *bounded, *known, *names)
    cells = tuple(
        (
            str(trial.number),
            trial.status.value,
            *(number(trial.values.get(label)) for label in objectives),
            *(number(trial.constraints.get(label)) for label in bounded),
            *(yes_or_no(trial.feasible) for _ in known),
            *(value(trial.configuration[name]) if name in trial.configuration else "–" for name in names),
        )
        for trial in kept
    )
    which = f"The best {MAX_ROWS} of {len(content.trials)}" if len(content.trials) > MAX_ROWS else "All"
    rule = ", feasible ones first" if content.constraints else ""
    caption = (
        f"{which} trials by {first.label} on the tuning seeds{rule}; all of them with per-seed values in trials.csv."
    )
    marked = frozenset(row for row, trial in enumerate(kept) if trial.number in chosen)
    return Table(caption, head, cells, frozenset(range(2, len(head))) | {0}, marked)


def _order(trial: TrialRow, quantity: Quantity, top: tuple[int, int]) -> tuple[bool, bool, bool, float, int]:
    score = trial.values.get(quantity.label, math.nan)
    known = math.isfinite(score)
    loss = (-score if quantity.direction == "maximize" else score) if known else 0.0
    return not known, trial.reached < top, trial.feasible is False, loss, trial.number


def _flat(entry: Mapping[str, object], prefix: str = "") -> tuple[tuple[str, str], ...]:
    """A nested mapping as dotted names and texts, in its own order."""
    rows: list[tuple[str, str]] = []
    for key, part in entry.items():
        name = f"{prefix}{key}"
        if isinstance(part, Mapping) and part:
            rows += _flat(part, f"{name}.")
        elif isinstance(part, (list, tuple)):
            plain = all(isinstance(one, int) and not isinstance(one, bool) for one in part)
            rows.append((name, integers(part) if plain and part else brief(part) or "–"))
        elif isinstance(part, Mapping):
            rows.append((name, "{}"))
        else:
            rows.append((printable(name), value(part)))
    return tuple(rows)
