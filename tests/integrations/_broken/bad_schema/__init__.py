"""Finds only in its setup that an option is wrong."""

import voluptuous as vol

from nanobot.errors import ConfigError

CONFIG_SCHEMA = vol.Schema({vol.Optional("size", default=1): int})


async def setup(hub, entry):
    if entry.config["size"] > 3:
        raise ConfigError("size 4 and above do not fit on this machine")
    entry.set_state("sensor.size", str(entry.config["size"]))
