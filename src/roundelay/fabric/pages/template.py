"""A self-contained HTML page: one head and style for all, a body of its own for each."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from string import Template


def page(body: str, *, mark: str, title: str, page_rem: int, figure_rem: int, **values: str) -> str:
    """Return the page whose body is `specs/<body>.html` with `values` put in; nothing in it asks for another file.

    `mark` is the element by which a verb knows a file of its own making; widths are in rem.
    """
    return _template("page").substitute(
        mark=mark,
        title=title,
        page_rem=f"{page_rem}rem",
        figure_rem=f"{figure_rem}rem",
        body=_template(body).substitute(values),
    )


def items(sentences: Sequence[str]) -> str:
    """Return the sentences as the items of a list."""
    return "".join(f"<li>{sentence}</li>" for sentence in sentences)


def _template(name: str) -> Template:
    return Template(files("roundelay.fabric.specs").joinpath(f"{name}.html").read_text(encoding="utf-8"))
