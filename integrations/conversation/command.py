"""The command of the WebSocket API: saying something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.contracts.socket_command import SocketCall, SocketCommand
from nanobot.contracts.view import Access

from .process import SCHEMA, Conversation


def command(conversation: Conversation) -> SocketCommand:
    """``conversation/process``. Whoever has an administrator's token is an owner here, as over REST."""

    async def process(call: SocketCall) -> Mapping[str, Any]:
        # clients send null for what they have nothing to say about
        data = SCHEMA({key: value for key, value in call.data.items() if value is not None and key != "device_id"})
        return await conversation.process(data, call.context, owner=call.identity.may(Access.ADMIN))

    fields: dict[Any, Any] = {vol.Optional(str(key)): object for key in SCHEMA.schema if str(key) != "text"}
    schema = vol.Schema({vol.Required("text"): str, **fields, vol.Optional("device_id"): object})
    return SocketCommand("conversation/process", process, Access.USER, schema)
