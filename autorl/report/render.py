"""The templates, filled: HTML with every text escaped, Markdown with every text kept to its cell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING

from autorl.report.picture import Picture
from autorl.report.view import View

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["Pictures", "html", "markdown"]

Pictures = Mapping[str, list[Picture]]
"""The pictures by their place: "result", "schedule", "curves", "history", "slices"; those between at most one each."""


def html(view: View, pictures: Pictures) -> str:
    """The page: one file, no script, nothing fetched from anywhere."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    drawn = {
        place: [
            {"name": one.name, "title": one.title, "caption": one.caption, "svg": Markup(one.svg())} for one in group
        ]
        for place, group in pictures.items()
    }
    css = Markup(_text("report.css"))
    return _render(environment, "report.html.jinja", view, drawn, css=css)


def markdown(view: View, pictures: Pictures) -> str:
    """The same for a terminal, a repository or a pull request; its pictures are the PNG files beside it."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    def escape(text: object) -> Markup:
        """Stands before Jinja's own escaping, which leaves what is marked as done alone."""
        return text if isinstance(text, Markup) else Markup(_MARKDOWN.sub(_escaped, str(text)).replace("\n", " "))

    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True, finalize=escape)
    drawn = {
        place: [
            {"alt": one.alt, "title": one.title, "caption": one.caption, "file": f"{one.name}.png"} for one in group
        ]
        for place, group in pictures.items()
    }
    text = _render(environment, "report.md.jinja", view, drawn, raw=Markup)
    return re.sub(r"[ \t]+$", "", re.sub(r"\n{3,}", "\n\n", text), flags=re.MULTILINE)


_MARKDOWN = re.compile(r"[\\`*_|<>&\[\]]")


def _escaped(match: re.Match[str]) -> str:
    return {"<": "&lt;", ">": "&gt;", "&": "&amp;"}.get(match[0], f"\\{match[0]}")


def _render(
    environment: Environment, name: str, view: View, drawn: Mapping[str, Sequence[Mapping[str, str]]], **more: object
) -> str:
    return environment.from_string(_text(name)).render(
        view=view,
        result_pictures=drawn["result"],
        schedule_picture=next(iter(drawn["schedule"]), None),
        curve_picture=next(iter(drawn["curves"]), None),
        history_picture=next(iter(drawn["history"]), None),
        slice_pictures=drawn["slices"],
        **more,
    )


def _text(name: str) -> str:
    return files("autorl.report").joinpath(name).read_text(encoding="utf-8")
