"""What is said of approvals: to the people who give them, and to the agent that waits for them."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

from nanobot.agent.approval import Approval
from nanobot.hub.hub import Hub
from nanobot.util.translate import translate

ASKED = (
    "This needs the approval of a person (approval {number}): {why} They were asked just now, and nothing is done yet."
    " You will be told here what they say; go on without it or answer now, and do not call it again."
)
ASKED_ALREADY = "This very call waits for a person already (approval {number}). You will be told; do not call it again."
ASKED_NOBODY = (
    "This needs the approval of a person (approval {number}): {why} Nobody could be reached; it waits in /approvals."
    " Tell the person that whoever runs nanobot has to look there."
)
SAID_NO = "A person has said no to this very call a short while ago. Do not ask for it again; do something else."
TOO_MANY = "Too many calls wait for the approval of a person already. Wait for what they say."
TOO_LONG = "This needs the approval of a person, and is too long to be shown to one. Do it in smaller parts."
NOT_NOW = "This needs the approval of a person, and nobody can be asked now."

APPROVED = (
    "[approval {number}] A person approved it, and it was called as asked for: {tool}. What came of it:\n{result}"
)
DENIED = "[approval {number}] A person said no: {tool} was not called.{reason} Do not ask for it again."
EXPIRED = "[approval {number}] Nobody answered in time: {tool} was not called."
UNKNOWN = (
    "[approval {number}] It was approved, but nanobot was interrupted while {tool} ran: it is not known whether it was"
    " carried out. Find out before you do it again, and tell the person."
)
CHANGED = "[approval {number}] {tool} was not called: what it would do is not what was shown. Ask for it anew."

_TICKS = re.compile(r"`+")


def question(hub: Hub, approval: Approval, language: str) -> str:
    """What exactly will happen, and how to answer."""

    def say(key: str, **given: object) -> str:
        return translate(f"approvals.{key}", language, **given)

    origin = approval.origin
    who = visible(origin.sender_name or origin.sender).replace("`", "") or "?"
    lines = [
        say(
            "question",
            number=approval.number,
            agent=approval.agent or "nanobot",
            who=who,
            channel=origin.channel,
        ),
        fenced(approval.summary),
        say("why", why=approval.why),
        say("how", number=approval.number, time=until(hub, approval)),
    ]
    return "\n".join(lines)


def until(hub: Hub, approval: Approval) -> str:
    """When it expires, as the clock on the wall shows it."""
    moment, now = datetime.fromtimestamp(approval.expires, hub.clock.zone), hub.clock.now()
    return f"{moment:%H:%M}" if moment.date() == now.date() else f"{moment:%Y-%m-%d %H:%M}"


def fenced(text: str) -> str:
    """A text that is shown as it is: no sign in it ends the block, and none is invisible or turns the line around."""
    longest = max((len(run) for run in _TICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{visible(text)}\n{fence}"


def visible(text: str) -> str:
    """With what nobody would see, such as marks that change the direction of writing, as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        one if one in "\n\t" or unicodedata.category(one)[0] not in "CZ" or one == " " else _escaped(one)
        for one in text
    )


def _escaped(one: str) -> str:
    return f"\\u{{{ord(one):x}}}"
