"""HTML as a tree of elements, so that every text is escaped."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable

Child = ET.Element | str | None


def h(tag: str, *children: Child | Iterable[ET.Element], **attributes: str | None) -> ET.Element:
    """Return an element; ``class_`` is class, ``_`` in a name is ``-``, None is left out."""
    named = {
        name.rstrip("_").replace("_", "-"): value
        for name, value in attributes.items()
        if value is not None
    }
    element = ET.Element(tag, named)
    for child in children:
        if child is None:
            continue
        if isinstance(child, str):
            _text(element, child)
        elif isinstance(child, ET.Element):
            element.append(child)
        else:
            element.extend(child)
    return element


def _text(element: ET.Element, text: str) -> None:
    if len(element):
        element[-1].tail = (element[-1].tail or "") + text
    else:
        element.text = (element.text or "") + text


def document(root: ET.Element) -> str:
    """Return the page's text, doctype first."""
    return "<!doctype html>\n" + ET.tostring(root, encoding="unicode", method="html") + "\n"
