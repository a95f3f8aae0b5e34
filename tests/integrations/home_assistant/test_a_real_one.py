"""The same against a real Home Assistant, where there is one: ``NANOBOT_TEST_HOME_ASSISTANT="<url> <token>"``.

It has what ``conftest.REMOTE`` has, save for its text, and is restarted once, so something has to start it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from functools import partial

import pytest

from nanobot.errors import InvalidServiceData, ServiceError
from nanobot.hub.entry import EntryState
from nanobot.testing.plugin import House

from .conftest import shows, state, until

REAL = os.environ.get("NANOBOT_TEST_HOME_ASSISTANT", "").split()

if REAL:

    @pytest.mark.timeout(300)
    async def test_a_real_home_assistant_is_mirrored_called_and_waited_for(house: House) -> None:
        url, token = REAL
        hub, call = house.hub, house.hub.services.call
        lamp = {"entity_id": ["input_boolean.lamp"]}
        await house.start(f"home_assistant:\n  url: {url}\n  token: {token}\n")
        assert house.entry("home_assistant").state is EntryState.LOADED
        for name in ("turn_on", "turn_off"):
            await call("input_boolean", name, target=lamp)
            await until(partial(shows, hub, "input_boolean.lamp", name.removeprefix("turn_")))
        answer = await call("script", "greet", {"who": "Ann"}, return_response=True)
        assert answer == {"text": "Hello Ann"}
        with pytest.raises(InvalidServiceData, match=r"refuses input_boolean\.turn_on: extra keys not allowed"):
            await call("input_boolean", "turn_on", {"brightness": 5}, target=lamp)
        with pytest.raises(InvalidServiceData, match="the option 'value' is missing"):
            await call("input_number", "set_value", target={"entity_id": ["input_number.level"]})

        slow = asyncio.create_task(call("script", "slow"))
        await until(lambda: state(hub, "script.slow") == "on")
        with contextlib.suppress(ServiceError):  # it may be gone before it answers
            await call("home_assistant", "call", {"service": "homeassistant.restart"})
        with pytest.raises(ServiceError, match=r"went away during script\.slow"):
            await slow
        await until(lambda: state(hub, "input_boolean.lamp") == "unavailable", 60)
        await until(lambda: house.entry("home_assistant").state is EntryState.RETRYING, 60)
        await until(lambda: state(hub, "input_boolean.lamp") == "off", 120)
        await until(lambda: house.entry("home_assistant").state is EntryState.LOADED)

        wrong = f"home_assistant:\n  url: {url}\n  token: {token}x\n"
        await house.apply(wrong)
        assert house.entry("home_assistant").state is EntryState.FAILED
        assert "refuses the token" in str(house.entry("home_assistant").error)
        assert "input_boolean.lamp" not in hub.states
