"""Conversation: programs talk to nanobot as a person would, over the API or as the service ``conversation.process``."""

from __future__ import annotations

import importlib

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.contracts.service import Response
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.util.aio import in_thread

from .channel import ConversationChannel
from .command import command
from .process import FIELDS, SCHEMA, Conversation
from .sentences import listen

_SENTENCES = vol.All(cv.ensure_list, [vol.All(cv.string, str.strip, vol.Length(min=1, max=500))])

CONFIG_SCHEMA = vol.Schema({vol.Optional("intents", default=dict): {cv.string: _SENTENCES}})


async def setup(hub: Hub, entry: Entry) -> None:
    """Needs no agent: sentences that automations wait for are answered without one."""
    await in_thread(importlib.import_module, f"{__name__}.view")  # aiohttp takes its time
    from .view import views

    channel = ConversationChannel(entry)
    entry.add(channel)
    conversation = Conversation(hub, channel)
    entry.service(
        "process",
        conversation.service,
        SCHEMA,
        response=Response.OPTIONAL,
        description="Say something to nanobot and wait for its answer.",
        fields=FIELDS,
    )
    entry.add(command(conversation))
    for view in views(hub, conversation):
        entry.add(view)
    if entry.config["intents"]:
        await listen(hub, entry, entry.config["intents"])
