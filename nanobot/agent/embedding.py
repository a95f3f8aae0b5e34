"""Asking an embedder: on whose behalf, and what it takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from nanobot.agent.asking import allow
from nanobot.agent.models.bill import Bill
from nanobot.contracts.embedder import Embedder
from nanobot.contracts.meter import Spender
from nanobot.contracts.model import Delta, Message, Request
from nanobot.errors import ModelError, NanobotError, NotReady
from nanobot.hub.hub import Hub

_log = logging.getLogger(__name__)


async def embed(
    hub: Hub, embedder: Embedder, texts: Sequence[str], spender: Spender, *, question: bool = False
) -> list[list[float]]:
    """The vectors of some texts, asked for once. Raises as ``Embedder.embed``, and ``Refusal`` when a meter says that
    there was enough."""
    allow(hub, embedder.name, spender)
    bill = Bill(hub, embedder, spender, Request([Message("user", text) for text in texts]))
    try:
        async with asyncio.timeout(embedder.timeout):
            found = await embedder.embed(texts, question=question)
    except TimeoutError:
        bill.error = f"{embedder.name} said nothing for {embedder.timeout:g} s"
        raise NotReady(bill.error) from None
    except NanobotError as error:
        bill.error = str(error)
        raise
    except Exception as error:  # a fault of the integration that brings it
        _log.exception("%s failed while it embedded", embedder.name)
        bill.error = f"{embedder.name} failed unexpectedly: {type(error).__name__}"
        raise ModelError(bill.error) from error
    else:
        if found.tokens is not None:
            bill.take(Delta(usage={"prompt_tokens": found.tokens}))
        return found.vectors
    finally:
        bill.settle()
