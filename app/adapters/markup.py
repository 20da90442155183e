"""HTML from values: what is not markup is text, so nothing needs to be escaped by hand."""

import re
from html import escape
from typing import Any

# Marks that reorder or hide text, as in app/web/static/dom.js.
INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)


class Html(str):
    """Markup.  Any other string is text."""

    __slots__ = ()


def h(tag: str, *children: Any, **attributes: str | None) -> Html:  # noqa: ANN401  # anything with a text
    """An element.  `class_` is class, `data_state` is data-state; None leaves a child or attribute out.

    >>> h("p", "a < b", h("b", "!"), class_="small")
    '<p class="small">a &lt; b<b>!</b></p>'
    """
    named = (
        f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Html(f"<{tag}{''.join(named)}>{join(children)}</{tag}>")


def join(children: Any) -> Html:  # noqa: ANN401
    """Children one after another; lists are opened, text is escaped."""
    if children is None:
        return Html("")
    if isinstance(children, Html):
        return children
    if isinstance(children, list | tuple):
        return Html("".join(join(child) for child in children))
    return Html(escape(visible(str(children)), quote=False))


def visible(text: str) -> str:
    r"""Text with marks that reorder or hide it shown by their number, and lone surrogates replaced.

    >>> visible("a\u202eb")
    'a‹U+202E›b'
    """
    shown = INVISIBLE.sub(lambda mark: f"‹U+{ord(mark[0]):04X}›", text)
    return shown.encode("utf-8", "replace").decode()
