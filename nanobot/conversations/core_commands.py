"""The chat commands of the core: stop, new, help, status, pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nanobot.contracts.chat_command import ChatCommand, CommandCall
from nanobot.conversations.commands import STOP
from nanobot.conversations.paired import Request, who
from nanobot.conversations.session_status import about_session
from nanobot.conversations.transcript import BEGIN_ANEW
from nanobot.hub.entry import EntryState
from nanobot.util.translate import translate

if TYPE_CHECKING:
    from nanobot.hub.hub import Hub


def core_commands(hub: Hub) -> list[ChatCommand]:
    """Those that are there without any integration."""

    async def stop(call: CommandCall) -> str:
        stopped = await hub.conversations.stop(call.session)
        return _with_waiting(translate("chat.stopped" if stopped else "chat.nothing_running", call.language), call)

    async def new(call: CommandCall) -> str:
        await hub.conversations.stop(call.session)
        if hub.conversations.notes.agent(call.session) is not None:
            call.writes.append(hub.conversations.notes.changed(call.session, agent=None))
            call.done.append(lambda written: hub.conversations.notes.knows(call.session, agent=None))
        return _with_waiting(translate("chat.new", call.language), call)

    def _with_waiting(text: str, call: CommandCall) -> str:
        waiting = hub.conversations.sessions.waiting_in(call.session)
        return f"{text} {translate('chat.still_waiting', call.language, count=waiting)}" if waiting else text

    async def help_(call: CommandCall) -> str:
        return "\n".join(
            f"/{command.name} – {translate(command.description, call.language)}"
            for command in hub.chat_commands
            if call.owner or not command.owner
        )

    async def status(call: CommandCall) -> str:
        if not call.owner:
            return translate("chat.status.running", call.language)
        return "\n".join([*_status(hub, call.language), *await about_session(hub, call.session, call.language)])

    async def pair(call: CommandCall) -> str:
        if not call.arguments:
            return _waiting(hub, call.language)
        asker = f"{call.channel}:{call.sender}"
        request = await hub.conversations.door.pair(call.arguments, asker, language=call.language, context=call.context)
        return translate("chat.pairing.confirmed", call.language, **_shown(request))

    return [
        ChatCommand(STOP, stop, "chat.commands.stop"),
        ChatCommand(BEGIN_ANEW, new, "chat.commands.new"),
        ChatCommand("help", help_, "chat.commands.help"),
        ChatCommand("status", status, "chat.commands.status"),
        ChatCommand("pair", pair, "chat.commands.pair", owner=True),
    ]


def _status(hub: Hub, language: str) -> list[str]:
    def say(key: str, **values: object) -> str:
        return translate(f"chat.status.{key}", language, **values)

    lines = [say("running")]
    for entry in hub.entries.values():
        if entry.state is not EntryState.LOADED:
            state = translate(f"cli.status.state_{entry.state.value}", language)
            lines.append(f"{entry.id}: {state}" + (f" ({entry.error})" if entry.error else ""))
    if count := len(hub.issues):
        lines.append(say("issues", count=count))
    lines.append(say("messages", **hub.conversations.figures()))
    return lines


def _waiting(hub: Hub, language: str) -> str:
    waiting = hub.conversations.pairing.waiting()
    if not waiting:
        return translate("chat.pairing.nobody_waits", language)
    now = hub.clock.time()

    def line(request: Request) -> str:
        minutes = max(0, round((now - request.made) / 60))
        return translate("chat.pairing.waits", language, minutes=minutes, **_shown(request))

    lines = [line(request) for request in waiting]
    return "\n".join([*lines, translate("chat.pairing.how", language)])


def _shown(request: Request) -> dict[str, str]:
    # a name is whatever a stranger chose: as a code span it is no link, whatever a channel makes of the text
    return {"who": f"`{who(request).replace('`', '')}`", "channel": request.channel}
