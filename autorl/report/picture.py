"""Figures: one style, byte-for-byte repeatable SVG for the page and PNG for papers.

The SVG keeps its text as text and takes its ink colours from the page, so that it reads on light and on dark; points
carry their description as a native tooltip. Pictures are static on purpose: they print, need no script, and keep the
report small. No pyplot, so no global figure state; the settings of matplotlib are changed inside `styled` only.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from autorl.report.formats import printable

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

__all__ = ["BASELINE", "DEFAULT", "FAINT", "INK", "MUTED", "PAPER", "TEST", "TRIAL", "Picture", "new_figure", "styled"]

# The hues are of Okabe and Ito's palette, told apart under every common colour blindness; marks differ in shape too.
INK, MUTED, FAINT, PAPER = "#1f2328", "#57606a", "#d9dde2", "#fffffe"
TEST, BASELINE, DEFAULT, TRIAL = "#0072b2", "#d55e00", "#00795a", "#8c959f"
_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    FAINT: "--line",
    PAPER: "--paper",
    TEST: "--test",
    BASELINE: "--baseline",
    DEFAULT: "--default",
    TRIAL: "--trial",
}
_SETTINGS: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 10.5,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.unicode_minus": False,
    "figure.facecolor": PAPER,
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "path.simplify": True,
    "savefig.facecolor": PAPER,
    "svg.fonttype": "none",
    "svg.hashsalt": "autorl",
    "text.color": INK,
    "text.parse_math": False,  # a name may hold dollar signs
    "text.usetex": False,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 9.5,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 9.5,
}
_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"


@contextmanager
def styled() -> Iterator[None]:
    """Matplotlib's own defaults plus this style, whatever the user's matplotlibrc says; undone at the end."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)  # type: ignore[arg-type]  # the stubs want literal keys
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches, laid out by constraints."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


@dataclass(eq=False)
class Picture:
    """A figure with the words that belong to it.

    Attributes:
        name: File name without suffix; also the prefix of every id in the SVG.
        title: Heading.
        caption: What is drawn, n, and the method of the intervals.
        alt: What it shows, for those who do not see it.
        figure: The figure.
    """

    name: str
    title: str
    caption: str
    alt: str
    figure: Figure
    _tips: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def tip(self, artist: Artist, tips: Sequence[str]) -> None:
        """Gives a scatter's points (or a whole artist, with one tip) their tooltips."""
        gid = f"tip{len(self._tips)}"
        artist.set_gid(gid)
        self._tips[gid] = tuple(tips)

    def png(self) -> bytes:
        """The picture on white, 160 dots an inch; drawn after `svg`, with its layout."""
        stream = io.BytesIO()
        self.figure.savefig(stream, format="png", dpi=160, metadata={"Software": None})
        return stream.getvalue()

    def svg(self) -> str:
        """The picture as an `<svg>` element for a page that defines the colour variables."""
        stream = io.BytesIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        self.figure.savefig(stream, format="svg", facecolor="none", metadata=nothing)
        self.figure.set_layout_engine("none")  # the second drawing keeps the positions: a layout takes longest
        ElementTree.register_namespace("", _SVG)
        ElementTree.register_namespace("xlink", _XLINK)
        root = ElementTree.fromstring(stream.getvalue())
        for metadata in root.findall(f"{{{_SVG}}}metadata"):
            root.remove(metadata)
        self._describe(root)
        self._adapt(root)
        return ElementTree.tostring(root, encoding="unicode")

    def _describe(self, root: ElementTree.Element) -> None:
        """Puts the tooltips in, and the alternative text on the root."""
        root.set("role", "img")
        root.set("aria-label", printable(self.alt))
        for group in root.iter(f"{{{_SVG}}}g"):
            tips = self._tips.get(group.get("id", ""))
            if tips is None:
                continue
            marks = list(group.iter(f"{{{_SVG}}}use"))
            for mark, tip in zip(marks, tips, strict=False):
                ElementTree.SubElement(mark, f"{{{_SVG}}}title").text = printable(tip)
        for name in ("width", "height"):
            root.attrib.pop(name, None)

    def _adapt(self, root: ElementTree.Element) -> None:
        """Makes ids unique on the page and hands colours to it."""
        for element in root.iter():
            for key, text in list(element.attrib.items()):
                if key == "id":
                    element.set(key, f"{self.name}-{text}")
                elif key in ("href", f"{{{_XLINK}}}href") and text.startswith("#"):
                    element.set(key, f"#{self.name}-{text[1:]}")
                elif key == "style":
                    element.set(key, _COLOUR.sub(lambda match: f"var({_VARIABLES[match[0]]})", text))
                elif text.startswith("url(#"):
                    element.set(key, f"url(#{self.name}-{text[5:]}")


_COLOUR = re.compile("|".join(map(re.escape, _VARIABLES)))
