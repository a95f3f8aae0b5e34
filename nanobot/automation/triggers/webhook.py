"""``trigger: webhook``: another program called an address of the hub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.trigger import Detach, Watch
from nanobot.contracts.webhook import METHODS, USUAL_METHODS, Webhook, WebhookRequest
from nanobot.errors import ConfigError
from nanobot.hub.hub import Hub

LONGEST = 255  # characters of an id


def _webhook_id(value: Any) -> str:
    text = str(cv.string(value)).strip()
    if not text or len(text) > LONGEST or any(one in text for one in "/?#"):
        raise vol.Invalid(f"an id of a webhook has 1 to {LONGEST} characters, none of them '/', '?' or '#'")
    return text


def _method(value: Any) -> str:
    return str(cv.one_of(*METHODS)(value.upper() if isinstance(value, str) else value))


SCHEMA = vol.Schema(
    {
        vol.Required("webhook_id"): _webhook_id,
        vol.Optional("allowed_methods", default=lambda: sorted(USUAL_METHODS)): vol.All(
            cv.ensure_list, vol.Length(min=1, msg="names no method"), [_method]
        ),
        vol.Optional("local_only", default=True): cv.boolean,
    }
)


async def attach(hub: Hub, config: Mapping[str, Any], watch: Watch) -> Detach:
    """Fires with ``webhook_id``, ``query``, and ``json`` for a call that says it is JSON, else ``data``, its form."""

    def called(request: WebhookRequest) -> None:
        body = {"json": request.json} if request.is_json else {"data": dict(request.data)}
        watch.fire(
            {
                "platform": "webhook",
                "webhook_id": request.webhook_id,
                **body,
                "query": dict(request.query),
                "description": "webhook",
            }
        )

    webhook = Webhook(
        config["webhook_id"],
        called,
        name="of an automation",
        methods=frozenset(config["allowed_methods"]),
        local_only=config["local_only"],
    )
    try:
        return hub.webhooks.add(webhook)
    except ValueError as error:
        raise ConfigError(str(error)) from error
