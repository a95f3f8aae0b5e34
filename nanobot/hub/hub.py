"""The hub: what everything in the house shares. It is for reading and calling; owning goes through an entry."""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanobot.config.core import CoreConfig
from nanobot.contracts.agent import Agent
from nanobot.contracts.channel import Channel
from nanobot.contracts.chat_command import ChatCommand
from nanobot.contracts.command import Command
from nanobot.contracts.config_items import ConfigItems
from nanobot.contracts.embedder import Embedder
from nanobot.contracts.history import History, Shown
from nanobot.contracts.intent import Intent
from nanobot.contracts.meter import Meter
from nanobot.contracts.model import Model
from nanobot.contracts.panel import Panel
from nanobot.contracts.policy import Policy
from nanobot.contracts.prompt_part import PromptPart
from nanobot.contracts.runnable import Runnable
from nanobot.contracts.skill import Skill
from nanobot.contracts.socket_command import SocketCommand
from nanobot.contracts.tool import Tool
from nanobot.contracts.view import View
from nanobot.contracts.workspace import Workspace
from nanobot.hub.alarms import Alarms
from nanobot.hub.bus import Bus
from nanobot.hub.causes import Causes
from nanobot.hub.controls import Controls
from nanobot.hub.entities import Entities
from nanobot.hub.farewells import Farewells
from nanobot.hub.issues import Issues
from nanobot.hub.policy import PolicyGate
from nanobot.hub.registry import Registry
from nanobot.hub.sentences import Sentences
from nanobot.hub.services import Services
from nanobot.hub.states import States
from nanobot.hub.webhooks import Webhooks
from nanobot.storage.credentials import Credentials
from nanobot.storage.files import Files
from nanobot.storage.media import Media
from nanobot.util.aio import Line, Tasks
from nanobot.util.dt import Clock, zone
from nanobot.util.secrets import Scrubber

if TYPE_CHECKING:
    from nanobot.conversations.conversations import Conversations
    from nanobot.hub.entry import Entry


CUSTOMIZING = ("customize", "customize_domain", "customize_glob")

_log = logging.getLogger(__name__)


class Phase(StrEnum):
    """How far the hub is; the words of Home Assistant's clients."""

    NOT_RUNNING = "NOT_RUNNING"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"


class Hub:
    """One per process. What it holds is set up by ``app.py`` and lives until the process ends."""

    conversations: Conversations

    def __init__(self, config_dir: Path, *, clock: Clock | None = None) -> None:
        self.config_dir = config_dir
        self.clock = clock or Clock()
        self.config = CoreConfig()
        self.phase = Phase.NOT_RUNNING
        self.settled = True
        """False for the moment in which it runs, but what begins with the start is not done beginning."""
        self.recovery: str | None = None
        """Why the hub runs on an older configuration than the one on disk, or None."""
        self.bus = Bus()
        self.states = States(self.bus, self.clock)
        self.services = Services(self.bus)
        self.causes = Causes(self.services.recent)
        self.entities = Entities(self.states)
        self.controls = Controls(self.services, self.entities, self.clock)
        self.scrubber = Scrubber()
        """Knows the secret values of the configuration: for what people are told of a failure."""
        self.issues = Issues(self.bus, self.clock, lambda text: self.scrubber.scrub(text))
        self.storage = Files(config_dir / ".storage")
        self.media = Media(config_dir, self.clock)
        self.tasks = Tasks("hub")
        self.alarms = Alarms(self.clock)
        self.triggered = Line()
        """What follows from triggers that fired."""
        self.templates: Any = None
        """What ``nanobot.templates`` keeps for this hub."""
        self.live_traces: Any = None
        """Who follows runs as they go, of ``nanobot.automation``; None while nobody does."""
        self.kept_traces: Any = None
        """Who writes new traces down, of ``nanobot.automation``; None before the start and from the stop on."""
        self.debugger: Any = None
        """What holds runs at breakpoints, of ``nanobot.automation``; None while nobody debugs."""
        self.config_items: ConfigItems | None = None
        """Reads and writes items of the configuration by id; None where nothing is written."""
        self.entries: dict[str, Entry] = {}
        """By entry id, in the order of their setup. Written by the lifecycle alone."""
        self.channels: Registry[Channel] = Registry("channel")
        self.agents: Registry[Agent] = Registry("agent")
        self.models: Registry[Model] = Registry("model")
        self.embedders: Registry[Embedder] = Registry("embedder")
        self.tools: Registry[Tool] = Registry("tool")
        self.skills: Registry[Skill] = Registry("skill")
        self.prompt_parts: Registry[PromptPart] = Registry("part of the prompt")
        self.policies: Registry[Policy] = Registry("policy")
        self.policy = PolicyGate(self)
        """Asked before anything is done on behalf of an agent."""
        self.approvals: Any = None
        """What waits for the word of a person, of ``nanobot.agent``."""
        self.meters: Registry[Meter] = Registry("meter")
        self.workspaces: Registry[Workspace] = Registry("workspace")
        self.views: Registry[View] = Registry("view")
        self.commands: Registry[Command] = Registry("command")
        self.panels: Registry[Panel] = Registry("panel")
        self.chat_commands: Registry[ChatCommand] = Registry("chat command")
        self.socket_commands: Registry[SocketCommand] = Registry("socket command")
        self.histories: Registry[History] = Registry("history")
        self.shown: Registry[Shown] = Registry("choice of what is shown")
        self.intents: Registry[Intent] = Registry("intent")
        self.webhooks = Webhooks()
        self.sentences = Sentences()
        self.farewells = Farewells()
        self.credentials = Credentials(config_dir / ".storage", self.clock)
        self.port_override: int | None = None
        """The port that the command line asks for, over the configured one."""
        self.run_info: dict[str, Any] = {}
        """What other processes may know of the running hub: ``url``, … Written to ``.storage/run.json``."""
        self.announce: Callable[[str], None] = _log.warning
        """Tell whoever sits at the terminal something that must not go into a log file."""

    @property
    def language(self) -> str:
        """The configured language, such as ``en`` or ``de``."""
        return self.config.language

    @property
    def history(self) -> History | None:
        """Whoever can be asked about the past; None while nothing is recorded."""
        return next(iter(self.histories), None)

    @property
    def runnables(self) -> list[Runnable]:
        """Automations, scripts and schedules: the entities that run something and can be asked about it."""
        return [entity for entity in self.entities if isinstance(entity, Runnable)]

    def runnable(self, domain: str, item_id: str) -> Runnable | None:
        """The automation, script or schedule of that id."""
        found = (one for one in self.runnables if one.domain == domain and one.item_id == item_id)
        return next(found, None)

    def registry_of(self, thing: Any) -> tuple[Registry[Any], str]:
        """The registry a thing belongs into, and its name there. Raises ``TypeError`` for anything else."""
        match thing:
            case Channel():
                return self.channels, thing.name
            case Agent():
                return self.agents, thing.name
            case Model():
                return self.models, thing.name
            case Embedder():
                return self.embedders, thing.name
            case Tool():
                return self.tools, thing.name
            case Skill():
                return self.skills, thing.name
            case PromptPart():
                return self.prompt_parts, thing.name
            case Policy():
                return self.policies, thing.name
            case Meter():
                return self.meters, thing.name
            case Workspace():
                return self.workspaces, thing.name
            case View():
                return self.views, thing.key
            case Command():
                return self.commands, thing.name
            case Panel():
                return self.panels, thing.name
            case ChatCommand():
                return self.chat_commands, thing.name
            case SocketCommand():
                return self.socket_commands, thing.type
            case Intent():
                return self.intents, thing.name
            case History():
                return self.histories, thing.name
            case Shown():
                return self.shown, thing.name
        raise TypeError(f"{type(thing).__name__} is nothing that can be added to the hub")

    def configure(self, config: CoreConfig) -> None:
        """Take over the core block. Fires ``core_config_updated`` when it is another than before."""
        if config == self.config:
            return
        before, self.config = self.config, config
        if self.clock.zone != (now := zone(config.time_zone)):
            self.clock.zone = now
            self.alarms.reset()
        self.media.limits = config.media
        if any(getattr(before, name) != getattr(config, name) for name in CUSTOMIZING):
            self.entities.customize(config.customized)
        self.bus.fire("core_config_updated", {})
