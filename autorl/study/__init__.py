"""A study: from its description to a tested result."""

from autorl.study.ask_tell import Session, Suggestion
from autorl.study.description import StudyDescription
from autorl.study.planning import StudyPlan, plan_study
from autorl.study.progress import Progress
from autorl.study.resolved import ResolvedStudy, resolve
from autorl.study.result import Result, Selected
from autorl.study.running import open_result
from autorl.study.state import StudyState, study_state
from autorl.study.study import Study, tune

__all__ = [
    "Progress",
    "ResolvedStudy",
    "Result",
    "Selected",
    "Session",
    "Study",
    "StudyDescription",
    "StudyPlan",
    "StudyState",
    "Suggestion",
    "open_result",
    "plan_study",
    "resolve",
    "study_state",
    "tune",
]
