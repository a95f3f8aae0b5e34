"""Loading the library, in a thread: imported, made quiet, and rehearsed, so that the first call finds all there.

The library is one per process, and so is what is done here; doing it again costs nothing.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

import aiohttp

from . import shortcut

NAME = "litellm"

WHILE_IMPORTED = {"LITELLM_MODE": "PRODUCTION"}  # else it reads the .env of the working directory
FOR_GOOD = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
}
"""Else it fetches lists from the net, at import and at the first call of some providers."""
LOGGERS = ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router")

_REHEARSED = "rehearsed_by_nanobot"
_ONE_AT_A_TIME = threading.Lock()  # two entries may be set up at once

_log = logging.getLogger("nanobot.litellm")


class Broken(Exception):
    """The library cannot be imported; the text says why."""


def load() -> ModuleType:
    """The library, ready for calls. Takes seconds. Raises ``Broken``."""
    with _ONE_AT_A_TIME:
        module = sys.modules.get(NAME)
        if module is None or not hasattr(module, _REHEARSED):
            with _without_collector(), _environment():
                module = _imported()
                _make_quiet(module)
                shortcut.install()
                _rehearse(module)
            setattr(module, _REHEARSED, True)
        return module


def _imported() -> ModuleType:
    importlib.invalidate_caches()  # it may have been installed anew
    try:
        return importlib.import_module(NAME)
    except BaseException as error:  # a module may raise whatever it likes, even SystemExit, which would end the hub
        for name in [name for name in sys.modules if name.partition(".")[0] == NAME]:
            del sys.modules[name]  # the next try begins anew
        raise Broken(f"{type(error).__name__}: {error}") from error


@contextmanager
def _environment() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in WHILE_IMPORTED}
    os.environ.update(WHILE_IMPORTED | FOR_GOOD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _without_collector() -> Iterator[None]:
    """A quarter of the time goes into looking for garbage among what stays for good, and it stops the event loop."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


def _make_quiet(litellm: Any) -> None:
    litellm.telemetry = False
    litellm.suppress_debug_info = True  # it prints "Give Feedback / Get Help" at each error
    litellm.disable_token_counter = True  # counts again what the provider has counted, on the event loop
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()  # they write to stderr
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.CRITICAL)  # what goes wrong is raised, and told in our words
    warnings.filterwarnings("ignore", "Pydantic serializer warnings", UserWarning)  # repeats what models say


def _rehearse(litellm: Any) -> None:
    """Ask a model that cannot be reached, and one that only pretends: the first call imports 500 modules, and builds
    what encrypted connections need. Nothing is sent anywhere."""

    async def ask() -> None:
        words = {"model": "openai/none", "messages": [{"role": "user", "content": "-"}], "stream": True}
        async with aiohttp.ClientSession(connector=_Nowhere()) as nowhere:
            with suppress(litellm.exceptions.InternalServerError):
                await litellm.acompletion(
                    **words, base_url="http://127.0.0.1:9/v1", api_key="none", shared_session=nowhere, max_retries=0
                )
        reply = await litellm.acompletion(**words, mock_response="-")
        async for _ in reply:
            pass
        await reply.aclose()

    try:
        asyncio.run(ask())
    except Exception as error:  # the first call will take longer, or say better what is wrong
        _log.debug("the first call could not be rehearsed: %s", error)


class _Nowhere(aiohttp.BaseConnector):
    """Leads nowhere."""

    async def connect(self, *_: Any, **__: Any) -> Any:
        raise aiohttp.ClientConnectionError("this is a rehearsal")
