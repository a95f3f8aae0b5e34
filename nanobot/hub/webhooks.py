"""The webhooks that are there right now, by id."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from nanobot.contracts.webhook import METHODS, Webhook, WebhookAnswer, WebhookRequest
from nanobot.util.aio import settle

_log = logging.getLogger(__name__)


class Webhooks:
    """Any number may share an id. A call for nobody is answered like any other, so ids cannot be found by trying."""

    def __init__(self) -> None:
        self._webhooks: dict[str, tuple[Webhook, ...]] = {}

    def __iter__(self) -> Iterator[Webhook]:
        return iter([webhook for webhooks in self._webhooks.values() for webhook in webhooks])

    def __contains__(self, webhook_id: object) -> bool:
        return webhook_id in self._webhooks

    def get(self, webhook_id: str) -> tuple[Webhook, ...]:
        """All of that id, in the order of their arrival."""
        return self._webhooks.get(webhook_id, ())

    def add(self, webhook: Webhook) -> Callable[[], None]:
        """The function returned removes it again. Raises ``ValueError`` for an id or method that cannot be."""
        if not webhook.id or "/" in webhook.id:
            raise ValueError(f"{webhook.id!r} is no id of a webhook; use letters, digits, - and _")
        if unknown := webhook.methods - {*METHODS}:
            raise ValueError(f"a webhook takes {', '.join(METHODS)}, not {', '.join(sorted(unknown))}")
        self._webhooks[webhook.id] = (*self.get(webhook.id), webhook)

        def remove() -> None:
            left = tuple(one for one in self.get(webhook.id) if one is not webhook)
            if left:
                self._webhooks[webhook.id] = left
            else:
                self._webhooks.pop(webhook.id, None)

        return remove

    async def call(self, request: WebhookRequest) -> WebhookAnswer | None:
        """Give a call to all that allow it. Gives the first answer, None when nobody has one."""
        answer: WebhookAnswer | None = None
        for webhook in self.get(request.webhook_id):
            if not webhook.allows(request):
                continue
            try:
                given = await settle(webhook.handler(request))
            except Exception:  # one handler's mistake is not the caller's, nor that of the others
                _log.exception("the webhook %s failed", webhook.name or "of an integration")
                continue
            answer = answer or given
        return answer
