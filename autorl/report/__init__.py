"""Reports: one frozen record in, `results.json`, `trials.csv`, `report.md`, `report.html` and pictures out."""

from autorl.report.content import Curve, Member, Phase, Quantity, SeedSets, StudyContent, TrialRow
from autorl.report.results import results_document
from autorl.report.write import write_report

__all__ = [
    "Curve",
    "Member",
    "Phase",
    "Quantity",
    "SeedSets",
    "StudyContent",
    "TrialRow",
    "results_document",
    "write_report",
]
