"""The models of one entry: put into the hub, and brought to what an edit made of them, each on its own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from nanobot.contracts.model import Model
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.hub.issues import Severity

from .model import ChatModel
from .request import Settings
from .server import Server


class Models:
    """By name. Each is a part of the entry. One whose name is taken waits, with an issue, until it is free."""

    def __init__(self, hub: Hub, entry: Entry, server: Server) -> None:
        self.here: dict[str, ChatModel] = {}
        self._hub = hub
        self._entry = entry
        self._server = server
        self._waiting: set[str] = set()
        self.stop = hub.models.watch(self._offer)
        """To be called before the entry is unloaded."""

    async def bring(self, wanted: Mapping[str, Settings]) -> None:
        """Become what is configured now. What is configured as before notices nothing."""
        for name in [name for name in self.here if name not in wanted]:
            del self.here[name]
            self._waiting.discard(name)
            await self._entry.parts[name].release()
        for name, settings in wanted.items():
            model = self.here.get(name)
            if model is None:
                self.here[name] = ChatModel(name, self._entry.id, self._server, settings)
                self._entry.part(name)
                self._waiting.add(name)
            elif model.settings != settings:
                model.take(settings)
                model.trust()
        self._offer()
        for name in self._waiting:
            self._tell_taken(name)

    def doubt(self, name: str, nearest: str | None) -> None:
        """The server does not list this model: say so until it answers or is another one."""
        part, model = self._entry.parts[name], self.here[name]
        model.trust()
        key = "model_unknown_near" if nearest else "model_unknown"
        told: dict[str, Any] = {
            "name": name,
            "model": model.settings.id,
            "server": str(self._server.address),
            "near": nearest or "",
        }
        part.issue(key, severity=Severity.WARNING, **told)
        model.trusted = partial(part.resolve, key)

    def trust(self) -> None:
        """Take back all doubts."""
        for model in self.here.values():
            model.trust()

    def _offer(self) -> None:
        """Put those into the hub whose names are free. Called whenever a model comes or goes."""
        for name in list(self._waiting):
            if name in self._waiting and name not in self._hub.models:
                self._waiting.discard(name)
                self._entry.parts[name].resolve("name_taken")
                self._entry.parts[name].add(self.here[name])

    def _tell_taken(self, name: str) -> None:
        part, other = self._entry.parts[name], self._hub.models.get(name)
        if other is None:
            return
        if f"{part.id}.name_taken" not in self._hub.issues:
            part.log.warning("there is already a model named %r, of %s; give one of the two another name",
                             name, _owner(other))  # fmt: skip
        part.issue("name_taken", model=name, here=self._entry.id, other=_owner(other))


def _owner(model: Model) -> str:
    """The entry that brought a model, or where that cannot be told, its integration."""
    owner = getattr(model, "owner", None)
    return owner if isinstance(owner, str) else type(model).__module__.removeprefix("integrations.").partition(".")[0]
