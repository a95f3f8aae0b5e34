"""The audit: what is open in a configuration, its folder and its tokens, and how to close it.

Read from the disk alone, so that it says the same whether the hub runs or not. Integrations know best what their
options open: their ``audit(config)`` tells it, see ``nanobot.contracts.audit``.
"""

from __future__ import annotations

from .look import look
from .opening import SEVERITIES, Opening

__all__ = ["SEVERITIES", "Opening", "look"]
