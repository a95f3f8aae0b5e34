"""Variables as they are written in the configuration: rendered one after the other, each seeing those before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nanobot.hub.hub import Hub
from nanobot.templates import render_value


def rendered(
    hub: Hub, written: Mapping[str, Any], given: Mapping[str, Any], *, defaults: bool = False, limited: bool = False
) -> dict[str, Any]:
    """``given`` and the variables as a new mapping. With ``defaults``, what is given counts more than what is written.

    Raises ``TemplateError``.
    """
    known = dict(given)
    for name, value in written.items():
        if not defaults or name not in given:
            known[name] = render_value(hub, value, known, limited=limited)
    return known
