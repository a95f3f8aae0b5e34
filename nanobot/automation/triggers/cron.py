"""``trigger: cron``: the wall clock shows what a line of a crontab asks for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import voluptuous as vol

from nanobot.automation import cron
from nanobot.config import validators as cv
from nanobot.contracts.trigger import Detach, Watch
from nanobot.hub.hub import Hub
from nanobot.util.dt import zone


def _either_name(value: Any) -> Any:
    """``cron`` is another name of ``at``."""
    if isinstance(value, dict) and "cron" in value:
        if "at" in value:
            raise vol.Invalid("is another name of 'at', which is there as well; keep one of them", path=["cron"])
        return {"at" if key == "cron" else key: one for key, one in value.items()}
    return value


SCHEMA = vol.Schema(
    vol.All(
        _either_name,
        {
            vol.Required("at"): vol.All(cv.ensure_list, vol.Length(min=1, msg="names no time"), [cron.expression]),
            vol.Optional("time_zone"): cv.time_zone,
        },
    )
)


async def attach(hub: Hub, config: Mapping[str, Any], watch: Watch) -> Detach:
    """Fires with ``now`` in that zone, and ``cron``, the expression.

    Where the clocks are set forward, what they skip is skipped; where they are set back, it comes twice.
    """
    own = zone(config["time_zone"]) if "time_zone" in config else None

    def wait(expression: str) -> Detach:
        def tell(now: datetime) -> None:
            shown = now if own is None else now.astimezone(own)
            watch.fire({"platform": "cron", "now": shown, "cron": expression, "description": f"cron '{expression}'"})

        return hub.alarms.set(lambda after: cron.next_time(expression, after, own or hub.clock.zone), tell)

    ends = [wait(expression) for expression in config["at"]]

    def detach() -> None:
        for end in ends:
            end()

    return detach
