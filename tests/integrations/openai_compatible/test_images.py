"""Pictures go to models that see, and words about them to those that do not."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable

from nanobot.agent.asking import Asking
from nanobot.agent.models.pictures import picture
from nanobot.contracts.model import UNSEEN, Message, Request
from nanobot.testing.chat import Chat
from nanobot.testing.plugin import House, SetUp
from tests.agent.test_pictures import png
from tests.integrations.openai_compatible.conftest import Stub

Configure = Callable[..., Awaitable[None]]
URL = f"data:image/png;base64,{base64.b64encode(png(4, 3)).decode()}"


async def test_a_model_that_sees_gets_the_picture_and_its_fallback_words(
    configure: Configure, stub: Stub, house: House
) -> None:
    await stub.tell("config", {"keep_requests": 10})
    eyes = {"model": "eyes", "vision": True, "retries": 0, "fallbacks": ["blind"]}
    await configure({"eyes": eyes, "blind": "blind"})
    await stub.tell("script", [{"fault": "status:400"}])
    request = Request([Message("user", "what is it?", images=(picture(png(4, 3)),))])
    assert [piece async for piece in Asking(house.hub, "eyes").stream(request)]
    seen, unseen = (one["body"]["messages"][0]["content"] for one in await stub.read("raw"))
    assert seen == [{"type": "text", "text": "what is it?"}, {"type": "image_url", "image_url": {"url": URL}}]
    assert unseen == f"what is it?\n\n{UNSEEN}"


async def test_a_photo_from_a_chat_reaches_the_model(house: House, stub: Stub, chat: Chat, set_up: SetUp) -> None:
    await stub.tell("config", {"keep_requests": 10})
    model = {"model": "eyes", "vision": True}
    await set_up("openai_compatible", {"base_url": stub.base_url, "models": {"eyes": model}})
    await set_up("agent", {"model": "eyes"})
    file = await house.hub.media.keep("chat", "photo.jpg", png(4, 3), "image/jpeg")  # it is what its bytes say
    assert await chat.types("what is it?", attachments=(file,)) == "pong"
    content = (await stub.last_request())["body"]["messages"][-1]["content"]
    assert content[1] == {"type": "image_url", "image_url": {"url": URL}}
