"""Where a study stands, read without loading what it trains."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autorl.documents import read_document
from autorl.errors import InvalidInput
from autorl.storage.truth import Truth, database_url
from autorl.study.directory import RunDirectory
from autorl.study.judging import OPENED
from autorl.study.loop import BROKEN

__all__ = ["StudyState", "study_state"]


@dataclass(frozen=True)
class StudyState:
    """What a run directory holds.

    Attributes:
        name: The study's name.
        directory: The run directory.
        trials_asked: Trials asked for.
        trials_told: Trials done and told to the tuner.
        trials_under_way: Asked for and not told yet: of a batch or a bracket that is not over.
        trials_failed: Of those told, how many did not complete.
        trials_total: `budget.trials`, or None without such a limit.
        seconds: Wall seconds of tuning so far, over all sessions.
        sessions: How often it was run.
        test_openings: How often the test seeds were opened.
        stopped: What stopped the last session for good, or None.
        running: Whether a process works in the directory now.
        report: The report, or None while none is written.
    """

    name: str
    directory: Path
    trials_asked: int
    trials_told: int
    trials_under_way: int
    trials_failed: int
    trials_total: int | None
    seconds: float
    sessions: int
    test_openings: int
    stopped: str | None
    running: bool
    report: Path | None


def study_state(directory: str | Path) -> StudyState:
    """Where the study of a run directory stands.

    Raises:
        InvalidInput: If the directory holds no study.
    """
    run_directory = RunDirectory(directory)
    if not run_directory.holds_study:
        raise InvalidInput(f"run directory {str(directory)!r} holds no study")
    document = read_document(run_directory.study_file)
    name, storage, budget = str(document["name"]), str(document["storage"]), document["budget"]
    stored, asked, tells, openings, broken = None, [], [], {}, None
    if storage != "sqlite" or run_directory.database.exists():  # opening a database that is not there creates it
        truth = Truth(database_url(storage, run_directory.path), name)
        try:
            stored, asked, tells, openings = truth.stored(), truth.trials(), truth.tells(), truth.inputs(OPENED)
            broken = truth.inputs(BROKEN).get("reason")
        finally:
            truth.close()
    total = budget.get("trials") if isinstance(budget, dict) else None
    report = run_directory.path / "report.html"
    return StudyState(
        name=name,
        directory=run_directory.path,
        trials_asked=len(asked),
        trials_told=len(tells),
        trials_under_way=len(asked) - len(tells),
        trials_failed=sum(not outcome.complete for outcome in tells),
        trials_total=total if isinstance(total, int) else None,
        seconds=stored.elapsed if stored is not None else 0.0,
        sessions=len(run_directory.sessions()),
        test_openings=len(openings),
        stopped=broken,
        running=run_directory.in_use,
        report=report if report.exists() else None,
    )
