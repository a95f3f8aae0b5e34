"""A panel: a page that an integration brings to the web interface."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Panel:
    """``url`` is the path of the page, ``module`` the ES module that draws it, served by a ``View``."""

    name: str
    title: str
    icon: str
    url: str
    module: str
