"""All files of a report, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from autorl.report.comparison import comparison
from autorl.report.content import StudyContent
from autorl.report.curves import curves
from autorl.report.entries import entries
from autorl.report.front import front
from autorl.report.history import history
from autorl.report.picture import Picture, styled
from autorl.report.render import html, markdown
from autorl.report.results import results_document
from autorl.report.returns_front import returns_front
from autorl.report.schedule import schedule_picture, schedule_yaml
from autorl.report.slices import slices
from autorl.report.table import trials_csv
from autorl.report.view import view

__all__ = ["report_files", "write_report"]


def report_files(content: StudyContent) -> dict[str, bytes]:
    """File name -> bytes, `report.html` last; equal content gives equal bytes (with one version of matplotlib)."""
    shown = entries(content)
    texts = view(content, shown)
    with styled():
        several = len(content.objectives) > 1
        pictures = {
            "result": _drawn(
                front(content, shown) if several else None, comparison(content, shown), returns_front(content, shown)
            ),
            "schedule": _drawn(schedule_picture(content, shown)),
            "curves": _drawn(curves(content, shown)),
            "history": _drawn(history(content, shown)),
            "slices": slices(content, shown),
        }
        page = html(texts, pictures)
        images = {f"{picture.name}.png": picture.png() for group in pictures.values() for picture in group}
    schedules = schedule_yaml(content)
    return {
        "results.json": _lines(results_document(content)).encode(),
        "trials.csv": trials_csv(content).encode(),
        **({} if schedules is None else {"schedule.yaml": schedules}),
        **images,
        "report.md": markdown(texts, pictures).encode(),
        "report.html": page.encode(),
    }


def _lines(document: Mapping[str, object]) -> str:
    """JSON with a line for every field and for every member of a list in one, such as a trial.

    That can be read and compared line by line, and takes a third of the time of an indented text.
    """

    def text(value: object) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    def field(value: object) -> str:
        return "[\n" + ",\n".join(map(text, value)) + "\n]" if isinstance(value, list) and value else text(value)

    return "{\n" + ",\n".join(f"{text(name)}: {field(value)}" for name, value in document.items()) + "\n}\n"


def _drawn(*pictures: Picture | None) -> list[Picture]:
    """Those that have something to show."""
    return [picture for picture in pictures if picture is not None]


def write_report(content: StudyContent, directory: str | Path) -> Path:
    """Writes `results.json`, `trials.csv`, `schedule.yaml`, `report.md`, `report.html` and the pictures as PNG.

    Each file appears whole or keeps its former state; everything is made before the first one is written.

    Returns:
        The path of `report.html`.

    Raises:
        OSError: If the directory cannot be written to.
    """
    from autorl.storage.files import write_atomically

    files, folder = report_files(content), Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        write_atomically(folder / name, data)
    return folder / "report.html"
