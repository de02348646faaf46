"""The reporting checklist for hyperparameter optimisation in RL, answered from the study itself.

The 17 items follow Eimer, Lindauer and Raileanu, "Hyperparameters in Reinforcement Learning and How To Tune Them"
(ICML 2023), appendix. A study of one algorithm compares nothing, so the items on comparisons say what was done for
the baseline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autorl.report.content import StudyContent
from autorl.report.formats import integers, number

__all__ = ["ITEMS", "Answer", "answers", "brief"]

ITEMS: Mapping[str, str] = {
    "settings": "Are there training and test settings, and which is used for training, tuning and the final result?",
    "tuner": "Which tuning package and method?",
    "space": "Is the full search space given, with types and ranges?",
    "shared_ranges": "Are the ranges equal for hyperparameters that compared methods share?",
    "cost_metrics": "Which cost metrics are optimised?",
    "budget": "What is the tuning budget?",
    "equal_budgets": "Is the budget equal for all compared methods?",
    "comparable_hardware": "If the budget is time, is the hardware comparable?",
    "all_tuned": "Are all compared methods tuned in the same way?",
    "tuning_seeds": "How many tuning seeds, and which?",
    "test_seeds": "How many test seeds, and which?",
    "test_results": "Are all reported results from test seeds?",
    "incumbents": "Is the configuration found given for each algorithm and environment?",
    "code": "Is the code linked?",
    "tuning_code": "Is the code of the tuning included?",
    "software": "Is the exact software environment given?",
    "hardware": "Which hardware?",
}
"""Key -> question, in the order printed."""


@dataclass(frozen=True)
class Answer:
    """One item, answered.

    Attributes:
        key: Of `ITEMS`.
        question: The item.
        mark: "yes", "no" or "n/a".
        text: The answer in words.
    """

    key: str
    question: str
    mark: str
    text: str


def answers(content: StudyContent) -> tuple[Answer, ...]:
    """All items in order.

    An entry of `content.checklist` replaces the derived text, and the mark too if it starts with "yes:", "no:" or
    "n/a:".
    """
    derived = _derived(content)
    found = []
    for key, question in ITEMS.items():
        mark, text = derived[key]
        if key in content.checklist:
            text = content.checklist[key]
            for other in ("yes", "no", "n/a"):
                if text.startswith(f"{other}:"):
                    mark, text = other, text[len(other) + 1 :].strip()
        found.append(Answer(key, question, mark, text))
    return tuple(found)


def _derived(content: StudyContent) -> dict[str, tuple[str, str]]:
    description, provenance = content.description, content.provenance
    tuning, test = content.seeds.tuning, content.seeds.test
    budget = description.get("budget")
    steps = sum(phase.training + phase.evaluation for phase in content.phases.values())
    timed = isinstance(budget, Mapping) and budget.get("hours") is not None
    tested = [member for member in content.chosen if member.test]
    code = _first(provenance, "url", "repository", "git", "git_hash", "source")
    software = _first(provenance, "versions", "distributions", "packages")
    hardware = _first(provenance, "hardware", "cpu", "platform", "machine")
    validation = f", {len(content.seeds.validation)} for validation" if content.seeds.validation else ""
    return {
        "settings": (
            _mark(bool(test)),
            f"Disjoint seed sets on {brief(description.get('environment'))}: {len(tuning)} for tuning{validation}, "
            f"{len(test)} for the final result. The environment's parameters are the same in all of them.",
        ),
        "tuner": ("yes", f"autorl {content.autorl_version}, {brief(description.get('tuner'))}, "
                  f"schedule {brief(description.get('schedule'))}."),
        "space": (_mark(bool(content.space)), f"{len(content.space)} hyperparameters, in the table of this report."),
        "shared_ranges": ("n/a", "One algorithm; the baseline is the same algorithm at its defaults."),
        "cost_metrics": ("yes", "; ".join([*(f"{q.label} ({q.direction})" for q in content.objectives),
                                           *(f"constraint {one.rule}" for one in content.constraints)]) + "."),
        "budget": ("yes", f"{brief(budget)}; {number(steps)} env steps spent in all, training and evaluation."),
        "equal_budgets": ("n/a", "One tuner on one algorithm; the baseline is untuned and charged apart."),
        "comparable_hardware": (
            "n/a",
            "The budget names hours: compare only with runs on the hardware below." if timed
            else "The budget is counted in trials and env steps, not in time.",
        ),
        "all_tuned": ("n/a", "One algorithm is tuned; the baseline is named as untuned."),
        "tuning_seeds": (_mark(bool(tuning)), f"{len(tuning)}: {integers(tuning)}."),
        "test_seeds": (_mark(bool(test)), f"{len(test)}: {integers(test)}."),
        "test_results": (
            _mark(bool(tested) and not content.incomplete),
            "Test scores stand beside the tuning scores they were selected by." if tested
            else "No configuration was tested.",
        ),
        "incumbents": (_mark(bool(content.chosen)), "Under Result; also in results.json." if content.chosen
                       else "No trial completed."),
        "code": (_mark(code != ""), code or "Not recorded."),
        "tuning_code": ("yes", "The resolved study description is part of this report and runs with autorl run."),
        "software": (_mark(software != ""), "Every version is listed under Provenance." if software
                     else "Not recorded."),
        "hardware": (_mark(hardware != ""), hardware or "Not recorded."),
    }  # fmt: skip


def brief(entry: object) -> str:
    """A value of the study description in one line: a name, or `name (key value, ...)`."""
    if isinstance(entry, Mapping):
        rest = dict(entry)
        head = str(rest.pop("name", rest.pop("id", "")))
        inner = ", ".join(f"{key} {brief(part)}" for key, part in rest.items() if part not in (None, {}, [], ()))
        return f"{head} ({inner})" if head and inner else head or inner or "–"
    if isinstance(entry, (list, tuple)):
        separator = "; " if any(isinstance(part, Mapping) for part in entry) else ", "
        return separator.join(brief(part) for part in entry)
    if isinstance(entry, (int, float)) and not isinstance(entry, bool):
        return number(entry)
    return "–" if entry is None else str(entry)


def _mark(answered: bool) -> str:
    return "yes" if answered else "no"


def _first(provenance: Mapping[str, object], *keys: str) -> str:
    """The first of these keys that holds something, in one line."""
    return next((brief(provenance[key]) for key in keys if provenance.get(key)), "")
