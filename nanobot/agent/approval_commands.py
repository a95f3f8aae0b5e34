"""The chat commands with which people who run nanobot give approvals: approve, deny, approvals."""

from __future__ import annotations

from nanobot.agent import approval_words as words
from nanobot.agent.approvals import Approvals
from nanobot.contracts.chat_command import ChatCommand, CommandCall
from nanobot.errors import NanobotError
from nanobot.hub.entry import Entry
from nanobot.util.translate import translate


def offer_approvals(entry: Entry) -> None:
    """Have calls wait for the word of a person from now on."""
    approvals = Approvals(entry)
    entry.hub.approvals = approvals
    for command in _commands(approvals):
        entry.add(command)
    entry.run(approvals.keep, name="approvals")


def _commands(approvals: Approvals) -> list[ChatCommand]:
    async def approve(call: CommandCall) -> str:
        await approvals.ready()
        number, _ = _number(approvals, call)
        if number is None:
            return _waiting(approvals, call.language)
        one = await approvals.approve(number, f"{call.channel}:{call.sender}")
        return translate("approvals.approved", call.language, number=number, what=one.tool)

    async def deny(call: CommandCall) -> str:
        await approvals.ready()
        number, reason = _number(approvals, call)
        if number is None:
            return _waiting(approvals, call.language)
        one = await approvals.deny(number, f"{call.channel}:{call.sender}", reason)
        return translate("approvals.denied", call.language, number=number, what=one.tool)

    async def listed(call: CommandCall) -> str:
        await approvals.ready()
        return _waiting(approvals, call.language)

    return [
        ChatCommand("approve", approve, "chat.commands.approve", owner=True),
        ChatCommand("deny", deny, "chat.commands.deny", owner=True),
        ChatCommand("approvals", listed, "chat.commands.approvals", owner=True),
    ]


def _number(approvals: Approvals, call: CommandCall) -> tuple[int | None, str]:
    """The approval that is meant and what stands behind its number: without one the only one that waits; None when
    there are several or none."""
    first, *rest = call.arguments.split(None, 1) or [""]
    if first.lstrip("#").isdecimal() and len(first) < 10:
        return int(first.lstrip("#")), rest[0] if rest else ""
    if call.name == "approve" and call.arguments:
        raise NanobotError(translate("approvals.which", call.language))
    waiting = approvals.waiting()
    return (waiting[0].number if len(waiting) == 1 else None), call.arguments


def _waiting(approvals: Approvals, language: str) -> str:
    waiting = approvals.waiting()
    if not waiting:
        return translate("approvals.none", language)
    return "\n\n".join(words.question(approvals.hub, one, language) for one in waiting)
