"""What a skill says it works with is all that it works with: other acts of its turn need a person's yes."""

from __future__ import annotations

from collections import OrderedDict
from fnmatch import fnmatchcase

from nanobot.contracts.policy import Act, Judgement, Policy, Verdict
from nanobot.contracts.skill import Skill
from nanobot.contracts.tool import Risk
from nanobot.hub.bus import Event
from nanobot.hub.entry import Entry

MOST_TURNS = 1000  # that are remembered; those that end are forgotten


class DeclaredTools(Policy):
    """It is only ever stricter than other rules: a skill gives no rights."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry.id)
        self._read: OrderedDict[str, dict[str, tuple[str, ...] | None]] = OrderedDict()
        """The skills that were read in a turn, and their tools."""
        entry.listen("turn_finished", self._finished)

    def read(self, turn: str, skill: Skill) -> None:
        """The agent follows this skill from now on, until the turn ends."""
        self._read.setdefault(turn, {})[skill.name] = skill.allowed_tools
        self._read.move_to_end(turn)
        if len(self._read) > MOST_TURNS:
            self._read.popitem(last=False)

    def judge(self, act: Act) -> Judgement | None:
        skills = self._read.get(act.turn)
        if not skills or act.risk is Risk.READ:
            return None
        names = {act.what, act.tool} - {""}
        for tools in skills.values():
            if tools is None or any(fnmatchcase(name, tool) for tool in tools for name in names):
                return None
        told = ", ".join(skills)
        why = f"The skill {told}, which is followed here, does not name {act.tool or act.what} among its tools."
        return Judgement(Verdict.ASK, why)

    def _finished(self, event: Event) -> None:
        self._read.pop(str(event.data.get("turn")), None)
