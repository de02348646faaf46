"""What `parity` concludes from numbers, and that finished cells are not trained again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import children, parity
from benchmarks.looks import TAIL, TAIL_OF_TWO
from benchmarks.parity import Store, compare, main
from benchmarks.parity_cells import LIBRARY, MACHINE, OURS, Cell, cells_of
from benchmarks.parity_tasks import TASKS


def test_ours_holds_where_the_interval_stays_above_the_margin() -> None:
    theirs = {"final return": np.linspace(95.0, 105.0, 20)}
    for shift, wanted in ((0.0, True), (-1.0, True), (-4.5, False), (-60.0, False), (40.0, True)):
        # Allowed: 5 % of the distance from 0 to 100; the differences' interval is 2.7 wide to each side.
        rows, holds = compare(OURS, {"final return": theirs["final return"][::-1] + shift}, theirs, 0.0)
        assert holds is wanted, rows
        assert rows[0][-1] == ("yes" if wanted else "no")


def test_a_second_look_has_the_wider_interval() -> None:
    theirs = {"final return": np.linspace(90.0, 110.0, 40)}
    ours = {"final return": theirs["final return"][::-1] - 1.1}
    # The standard error of the mean of the differences is 1.9: allowed are -5, and 2 of them are not 2.2 of them.
    (first,), holds = compare(OURS, ours, theirs, 0.0, TAIL)
    (second,), still = compare(OURS, ours, theirs, 0.0, TAIL_OF_TWO)
    assert holds
    assert not still
    assert first[-2:] == ["-5.0", "yes"]
    assert second[-2:] == ["-5.0", "no"]


def test_every_task_has_a_defect_to_be_found_and_cells_for_both_sides() -> None:
    assert {task.algorithm for task in TASKS.values()} == {"ppo", "dqn", "sac", "td3"}
    for name, task in TASKS.items():
        cells = cells_of(name)
        assert task.defects
        assert task.seeds == (40 if task.doubled else 20)
        assert [cell.seeds for cell in cells if cell.side == LIBRARY] == [(seed,) for seed in range(task.seeds)]
        assert [len(cell.seeds) for cell in cells if cell.side != LIBRARY] == [task.seeds] * (2 + len(task.defects))


def test_a_key_follows_all_that_changes_the_numbers() -> None:
    cells = [
        Cell(task, side, seeds, steps)
        for task in ("td3_reacher", "sac_pendulum")
        for side in (OURS, LIBRARY, "missing bootstrap")
        for seeds in ((0,), (0, 1))
        for steps in (100, 200)
    ]
    assert len({cell.key for cell in cells}) == len(cells)
    assert cells[0].key == Cell("td3_reacher", OURS, (0,), 100).key


def test_finished_cells_are_kept_and_a_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(parity, "RESULTS", tmp_path)
    store, cells = Store("parity_cells"), cells_of("td3_reacher")
    for number, cell in enumerate(cells[:-1]):
        store.add(cell, {"final return": [float(number)] * len(cell.seeds)}, 1.0)
    assert set(Store("parity_cells").done) == {cell.key for cell in cells[:-1]}
    assert main(["td3_reacher", "--list"]) == 2
    assert f"{len(cells) - 1} of {len(cells)} cells" in capsys.readouterr().out
    assert main(["td3_reacher", "--minutes", "0"]) == 2
    joined = store.scores(cells[-3:-1])["final return"]
    assert joined.tolist() == [len(cells) - 3.0, len(cells) - 2.0]


@pytest.mark.parametrize(
    ("defect", "code", "verdict"),
    [(20.0, 0, f"On these 1 of {len(TASKS)} tasks ours holds, and every defect"), (99.5, 1, "MISSED: td3_")],
)
def test_a_page_holds_every_task_whose_cells_are_all_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, defect: float, code: int, verdict: str
) -> None:
    for module in (parity, children):
        monkeypatch.setattr(module, "RESULTS", tmp_path)
    store = Store("parity_cells")
    means = {"random": 0.0, OURS: 99.0, LIBRARY: 100.0}
    for cell in cells_of("td3_reacher"):
        scores = [means.get(cell.side, defect) + 0.1 * seed for seed in cell.seeds]
        store.add(cell, {"final return": scores, "curve area": scores}, 2.0)
    assert main(["td3_reacher"]) == code
    page = (tmp_path / "parity.md").read_text()
    assert "| td3_reacher | final return | 100.0 ± 0.6 | 101.0 ± 0.6 | 0.9 | -1.0 [-1.0, -1.0] | -5.0 | yes |" in page
    noticed = 0 if code else len(TASKS["td3_reacher"].defects)
    assert page.count("| yes |\n") == 2 + noticed  # ours holds in both numbers
    assert verdict in page
    assert f"| 2 | 40 | {MACHINE} |" in page  # CPU seconds: one population of ours, twenty agents of theirs
    assert "Intervals have 95%." in page
    assert "| sac_pendulum" not in page
    assert (
        f"trained whole with the present source: {', '.join(name for name in TASKS if name != 'td3_reacher')}" in page
    )
