"""All files of a report, written whole or not at all."""

from __future__ import annotations

import json
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
            "result": _drawn(front(content, shown) if several else None, comparison(content, shown)),
            "curves": _drawn(curves(content, shown)),
            "history": _drawn(history(content, shown)),
            "slices": slices(content, shown),
        }
        page = html(texts, pictures)
        images = {f"{picture.name}.png": picture.png() for group in pictures.values() for picture in group}
    document = json.dumps(results_document(content), indent=1, ensure_ascii=False, allow_nan=False)
    return {
        "results.json": f"{document}\n".encode(),
        "trials.csv": trials_csv(content).encode(),
        **images,
        "report.md": markdown(texts, pictures).encode(),
        "report.html": page.encode(),
    }


def _drawn(*pictures: Picture | None) -> list[Picture]:
    """Those that have something to show."""
    return [picture for picture in pictures if picture is not None]


def write_report(content: StudyContent, directory: str | Path) -> Path:
    """Writes `results.json`, `trials.csv`, `report.md`, `report.html` and the pictures as PNG.

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
