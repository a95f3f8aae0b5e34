"""What a group means to whoever acts on it: its members."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nanobot.hub.states import States

GROUP = "group"
PREFIX = f"{GROUP}."


def expanded(states: States, entity_ids: str | Iterable[str] | None) -> Iterator[str]:
    """The ids, each once, with the members of groups in the place of groups; a group in itself counts once.

    A group is what its state says: whoever wrote it, its members are the attribute ``entity_id``.
    """
    waiting = [entity_ids] if isinstance(entity_ids, str) else list(entity_ids or ())
    waiting.reverse()
    seen: set[str] = set()
    while waiting:
        entity_id = waiting.pop()
        if entity_id in seen:
            continue
        seen.add(entity_id)
        state = states.get(entity_id) if entity_id.startswith(PREFIX) else None
        members = state.attributes.get("entity_id") if state is not None else None
        if isinstance(members, (list, tuple)):
            waiting.extend(reversed([str(member) for member in members]))
        else:
            yield entity_id
