"""Reports at a prompt and in a notebook: as `print` shows them."""

from __future__ import annotations


class Shown:
    """What `print` shows of a report is its `repr`, and in a notebook its page."""

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from html import escape  # its table of names is for notebooks alone

        return f"<pre>{escape(str(self))}</pre>"


class Page(str):
    """A page of HTML; in a notebook a frame with it."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        from html import escape

        frame = "width: 100%; height: 32em; border: 0"
        return f'<iframe srcdoc="{escape(self)}" style="{frame}"></iframe>'
