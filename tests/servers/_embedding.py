"""The embeddings of the scripted model server; what they can be told stands in ``model_server.py``."""

from __future__ import annotations

import asyncio
import json
import re
from hashlib import sha256
from typing import Any

from aiohttp import web

WORD = re.compile(r"\w+")


class Refused(Exception):
    """A status, and a message with it."""


async def embedded(request: web.Request, body: dict[str, Any], told: dict[str, Any]) -> web.StreamResponse:
    """The answer to a request. Raises ``Refused``."""
    fault, _, detail = told.get("fault", "").partition(":")
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    if fault == "hang":
        await asyncio.sleep(3600)
    if fault == "reset" and request.transport is not None:
        request.transport.abort()
    if fault == "status":
        raise Refused(int(detail), f"stub error {detail}")
    if fault == "garbage":
        return web.Response(body=b"\x00\xff{not json", content_type="application/json")
    if fault == "html":
        return web.Response(text="<html>502 Bad Gateway</html>", content_type="text/html")
    if told.get("refuses") and any(told["refuses"] in text for text in texts):
        raise Refused(400, "this text is refused")
    size = body.get("dimensions") or told.get("dimensions", 64)
    vectors: list[Any] = [vector(text, size, told.get("same", {})) for text in texts]
    match fault:
        case "fewer":
            vectors.pop()
        case "mixed":
            vectors[0] = vectors[0][:-1]
        case "short":
            vectors = [one[:-1] for one in vectors]
        case "nan":
            vectors[-1][0] = float("nan")
        case "zeros":
            vectors[-1] = [0.0] * size
        case "words":
            vectors[-1] = ["one"] * size
    data = [{"object": "embedding", "index": i, "embedding": one} for i, one in enumerate(vectors)]
    if fault == "shuffled":
        data.reverse()
    answer: dict[str, Any] = {"object": "list", "data": data, "model": body["model"]}
    if fault != "no_usage":
        tokens = sum(map(len, texts)) // 4 + 1
        answer["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
    return web.Response(text=json.dumps(answer), content_type="application/json")


def vector(text: str, size: int, same: dict[str, str]) -> list[float]:
    """Each word points somewhere, the same way each time."""
    found = [0.0] * size
    for word in WORD.findall(text.lower()) or [""]:
        digest = sha256(same.get(word, word).encode()).digest()
        for i in range(4):
            found[int.from_bytes(digest[4 * i : 4 * i + 3], "big") % size] += 1.0 if digest[4 * i + 3] & 1 else -1.0
    return found if any(found) else [1.0] * size
