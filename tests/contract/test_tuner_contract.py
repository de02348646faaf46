"""What a tuner owes the study, over everything registered; a broken tuner fails each property.

Every bundled tuner is here by being there, with each option set it names itself (`Tuner.examples`), and so is one from
outside. CI tries few trials; `make contract` tries the full length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autorl.errors import InvalidInput
from autorl.records import Status
from autorl.study import Study
from tests.contract.broken_tuners import DEFECTS
from tests.contract.tuner_checks import (
    CHECKS,
    check_conditions,
    check_constraints_heeded,
    check_failures_avoided,
    check_objectives_refused,
)
from tests.contract.tuner_child import Elsewhere
from tests.contract.tuner_subject import FULL, MAY_REFUSE, SHORT, Case, Length, Subject, cases, digest_of, subjects
from tests.study.toys import study, value

EXTENDED = [pytest.mark.extended, pytest.mark.timeout(0)]
every_length = pytest.mark.parametrize(
    "length", [pytest.param(SHORT, id="short"), pytest.param(FULL, id="full", marks=EXTENDED)]
)
every_subject = pytest.mark.parametrize("subject", subjects(), ids=str)
every_case = pytest.mark.parametrize(
    ("case", "length"),
    [
        pytest.param(case, length, id=f"{case}-{length.name}", marks=EXTENDED if length is FULL else [])
        for length in (SHORT, FULL)
        for case in cases(length)
    ],
)
Start = Callable[[Length, str], Elsewhere]


@pytest.fixture(scope="module", autouse=True)
def elsewhere(request: pytest.FixtureRequest) -> Iterator[Start]:
    """Processes that find the digests of all cases in this session; the short one begins before the first test."""
    started: dict[tuple[str, str], Elsewhere] = {}
    wanted: list[tuple[Any, Any]] = [
        (item.callspec.params["case"], item.callspec.params["length"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == "test_another_process_proposes_the_same"
    ]

    def start(length: Length, hash_seed: str) -> Elsewhere:
        key = length.name, hash_seed
        if key not in started:
            started[key] = Elsewhere([case for case, its in wanted if its == length], length, hash_seed)
        return started[key]

    if any(its == SHORT for _, its in wanted):
        start(SHORT, SHORT.hash_seeds[0])
    yield start
    for process in started.values():
        process.close()


@every_case
@pytest.mark.parametrize("check", CHECKS)
def test_contract(case: Case, check: str, length: Length) -> None:
    CHECKS[check](case, length)


@every_subject
def test_other_numbers_of_objectives_are_refused(subject: Subject) -> None:
    check_objectives_refused(subject)


@pytest.mark.parametrize("subject", [one for one in subjects() if one.reference in MAY_REFUSE], ids=str)
def test_conditions_are_taken_or_refused_for_what_they_are(subject: Subject) -> None:
    check_conditions(subject)


@every_length
@pytest.mark.parametrize("subject", [one for one in subjects() if one.endless], ids=str)
def test_failures_are_avoided(subject: Subject, length: Length) -> None:
    check_failures_avoided(subject, length)


@every_length
@pytest.mark.parametrize("subject", [one for one in subjects() if one.uses_constraints], ids=str)
def test_constraints_are_heeded(subject: Subject, length: Length) -> None:
    check_constraints_heeded(subject, length)


@every_subject
def test_a_study_ends_with_its_tuner_and_no_failure_is_chosen(subject: Subject) -> None:
    objectives = ["return", "auc"][: max(1, subject.fewest)]
    trials = 6 if subject.slow else 14
    options = subject.kind.examples(Study.load(study("quick")).resolved.space)[subject.example]
    tuner = {"name": subject.reference, **options}
    content = study("quick", tuner=tuner, objectives=objectives, budget={"trials": trials, "env_steps": 1000})
    failed = set()
    with Study.load(content).open() as session:
        while asked := session.ask(4):
            for one in asked:
                if one.config["y"] == "c" or one.number % 3 == 0:
                    failed.add(one.number)
                    session.tell(one, failed=True)
                else:
                    session.tell(one, [value(one.config, seed) for seed in range(len(objectives))])
        assert {trial.number for trial in session.trials if trial.status is Status.FAILED} == failed
        assert not failed & {trial.number for trial in session.front}
        assert len(session.trials) == session.study.trials


@every_case
def test_another_process_proposes_the_same(case: Case, length: Length, elsewhere: Start) -> None:
    for hash_seed in length.hash_seeds:
        assert elsewhere(length, hash_seed).digests()[str(case)] == digest_of(case, length), f"hash seed {hash_seed}"


def broken(name: str) -> Subject:
    return Subject(f"tests.contract.broken_tuners:{name}")


class TestBrokenTuners:
    @pytest.mark.parametrize("name", DEFECTS)
    def test_by_its_check(self, name: str) -> None:
        objectives = 2 if name == "StockNSGA2" else 1
        check, said = DEFECTS[name]
        with pytest.raises(AssertionError, match=said):
            CHECKS[check](Case(broken(name), "mixed", objectives), SHORT)

    def test_a_finite_one_is_sound(self) -> None:
        for check in CHECKS.values():
            check(Case(broken("Finite"), "mixed", 1), SHORT)
        test_a_study_ends_with_its_tuner_and_no_failure_is_chosen(broken("Finite"))

    def test_hash_order(self) -> None:
        case = Case(broken("HashOrdered"), "mixed", 1)
        processes = [Elsewhere([case], SHORT, seed) for seed in ("0", "4711")]
        first, second = (process.digests() for process in processes)
        assert first.keys() == second.keys() == {str(case)}
        assert first != second

    @pytest.mark.parametrize(
        ("name", "said"),
        [("TakesMore", "2 .*taken; it says 1 to 1"), ("TakesFewer", "2 .*refused"), ("Mute", "2 is not in")],
    )
    def test_numbers_of_objectives(self, name: str, said: str) -> None:
        with pytest.raises(AssertionError, match=said):
            check_objectives_refused(broken(name))

    def test_refusals_of_conditions(self) -> None:
        with pytest.raises(AssertionError, match="this space is not supported"):
            check_conditions(broken("NoReason"))
        with pytest.raises(InvalidInput, match="conditions are not supported"):
            CHECKS["valid"](Case(broken("RefusesLater"), "conditional", 1), SHORT)

    def test_love_of_failures(self) -> None:
        with pytest.raises(AssertionError, match="100% of the later trials lie where all fail"):
            check_failures_avoided(broken("LovesFailures"), SHORT)

    def test_deafness_to_constraints(self) -> None:
        with pytest.raises(AssertionError, match="proposes the same, whether"):
            check_constraints_heeded(broken("DeafToConstraints"), SHORT)
