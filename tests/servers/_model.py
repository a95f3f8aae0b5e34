"""The scripted model behind ``model_server.py``; what it can be told stands there."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

from _embedding import Refused, embedded
from aiohttp import web

DIRECTIVE = re.compile(r"\[\[(\w+)(?::(.*?))?\]\]", re.DOTALL)
NUMBERS: dict[str, Callable[[str], Any]] = {"latency": float, "chunks": int, "chunk_delay": float, "cached": int}
AS_IS = ("reply", "fault", "reasoning", "think", "retry")
COUNTS = ("requests", "finished", "disconnected")

Call = dict[str, Any]


class Plan:
    """How one request is answered."""

    def __init__(self, settings: dict[str, Any], body: dict[str, Any], n: int) -> None:
        self.n = n
        self.body = body
        text, results = last_user(body.get("messages") or [])
        said: dict[str, list[str]] = {}
        for name, value in DIRECTIVE.findall(text):
            said.setdefault(name, []).append(value.strip())
        self.tag = said.get("id", [None])[-1]
        told = dict(settings)
        told |= {name: make(said[name][-1]) for name, make in NUMBERS.items() if name in said}
        told |= {name: said[name][-1] for name in AS_IS if name in said}
        if told["reply"] == "{echo}":
            told["reply"] = text[:3000]
        if "words" in said:
            told["reply"] = " ".join(f"w{i}" for i in range(int(said["words"][-1])))
        self.latency: float = told["latency"]
        self.reply: str = told["reply"]
        self.chunks: int = max(1, int(told["chunks"]))
        self.chunk_delay: float = told["chunk_delay"]
        self.reasoning: str = told.get("reasoning") or ""
        self.think: str = told.get("think") or ""
        self.retry: str = told.get("retry") or ""
        self.cached: int = told.get("cached") or 0
        fault, _, self.detail = (told.get("fault") or "").partition(":")
        self.fault: str = fault
        specs = [f"{name} {arguments}" for name, arguments in told.get("calls") or ()]
        if body.get("tools"):
            specs = self._specs(said, results) or specs
        self.calls = [self._call(i, *spec.partition(" ")[::2]) for i, spec in enumerate(specs)]
        self.model = body.get("model") or told["model"]

    def _specs(self, said: dict[str, list[str]], results: int) -> list[str]:
        """The calls that the directives ask for now, as "NAME ARGUMENTS"."""
        rounds = 0  # assistant messages with tool calls since the last user message
        for message in reversed(self.body["messages"]):
            if message.get("role") == "user":
                break
            rounds += message.get("role") == "assistant" and bool(message.get("tool_calls"))
        specs: list[str] = []
        if "loop" in said:
            specs = said["loop"][-1:]
        elif "seq" in said:
            times, _, spec = said["seq"][-1].partition(" ")
            specs = [spec] if rounds < int(times) else []
        elif "tool" in said and rounds == 0 and results == 0:
            specs = said["tool"]
        if self.fault == "bad_tool_args" and rounds == 0:
            specs = ['read_file {"path": "SOUL.md", ']
        if self.fault == "unknown_tool" and rounds == 0:
            specs = ['no_such_tool {"x": 1}']
        return specs

    def _call(self, i: int, name: str, args: str) -> Call:
        arguments: Any = args or "{}"
        if self.fault == "object_args":
            arguments = json.loads(arguments)
        call: Call = {"type": "function", "function": {"name": name, "arguments": arguments}}
        return call if self.fault == "no_ids" else {"id": f"call_{self.n}_{i}", **call}

    @property
    def head(self) -> dict[str, Any]:
        return {"id": f"chatcmpl-stub-{self.n}", "created": int(time.time()), "model": self.model}

    @property
    def content(self) -> str:
        return f"<think>{self.think}</think>{self.reply}" if self.think else self.reply

    def usage(self, size: int) -> dict[str, Any]:
        asked, answered = max(1, size // 4), max(1, len(self.reply) // 4)
        found: dict[str, Any] = {
            "prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered
        }  # fmt: skip
        if self.cached:
            found["prompt_tokens_details"] = {"cached_tokens": self.cached}
        return found

    def whole(self, size: int) -> dict[str, Any]:
        """The answer as one document."""
        if self.fault == "empty_choices":
            return {**self.head, "object": "chat.completion", "choices": []}
        message: dict[str, Any] = {"role": "assistant", "content": self.content}
        if self.calls or self.fault == "null_content":
            message["content"] = None
        if self.calls:
            message["tool_calls"] = self.calls
        if self.reasoning:
            message["reasoning_content"] = self.reasoning
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if self.calls else "stop"}
        return {**self.head, "object": "chat.completion", "choices": [choice], "usage": self.usage(size)}

    def deltas(self) -> list[dict[str, Any]]:
        """The answer in pieces."""
        found: list[dict[str, Any]] = [{"role": "assistant", "content": None if self.calls else ""}]
        if self.fault == "says_nothing":
            return found
        if self.reasoning:
            found += [{"reasoning_content": part} for part in self._cut(self.reasoning)]
        if self.calls:
            for i, call in enumerate(self.calls):
                found += self._of_call(0 if self.fault == "one_index" else i, call)
        elif self.fault != "null_content":
            found += [{"content": part} for part in self._cut(self.content)]
        return found

    def _cut(self, text: str) -> list[str]:
        step = max(1, -(-len(text) // self.chunks))
        return [text[i : i + step] for i in range(0, len(text), step)] or [""]

    def _of_call(self, index: int, call: Call) -> list[dict[str, Any]]:
        if self.fault != "fragments":
            return [{"tool_calls": [{"index": index, **call}]}]
        args = call["function"]["arguments"]
        first = {**call, "function": {"name": call["function"]["name"], "arguments": ""}}
        rest = [args[i : i + 3] for i in range(0, len(args), 3)]
        found = [first, *({"function": {"arguments": part}} for part in rest)]
        return [{"tool_calls": [{"index": index, **part}]} for part in found]


def last_user(messages: list[dict[str, Any]]) -> tuple[str, int]:
    """Text of the last user message, and the number of tool results after it."""
    results = 0
    for message in reversed(messages):
        results += message.get("role") == "tool"
        if message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, list):
                content = " ".join(part.get("text", "") for part in content if isinstance(part, dict))
            return content or "", results
    return "", results


class Stub:
    """The server: what it is set to, what it was asked, and the handlers."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.settings: dict[str, Any] = {
            "latency": args.latency,
            "reply": args.reply,
            "chunks": args.chunks,
            "chunk_delay": args.chunk_delay,
            "fault": None,
            "model": args.model,
            "models": [one for one in args.models.split(",") if one],
            "api_key": args.api_key,
            "about": {},  # what the list says of each model besides its id
            "embedding": {},  # see _embedding.py
            "own": {},  # answers of APIs beside the one for chats, by path
            "keep_requests": 0,  # keep the bodies and headers of the last that many, and of 50 at least
        }
        self.script: deque[dict[str, Any]] = deque()
        self.changed = asyncio.Condition()
        self.released = asyncio.Event()
        self.reset()

    def reset(self) -> None:
        self.counts = dict.fromkeys(COUNTS, 0)
        self.inflight = 0
        self.peak = 0
        self.log: deque[dict[str, Any]] = deque(maxlen=200_000)
        self.raw: deque[dict[str, Any]] = deque()
        self.script.clear()
        self.released.clear()

    async def count(self, name: str) -> None:
        async with self.changed:
            self.counts[name] += 1
            self.changed.notify_all()

    # -- answering ------------------------------------------------------------------------------

    async def completions(self, request: web.Request) -> web.StreamResponse:
        began = time.monotonic()
        raw = await request.read()
        try:
            body = json.loads(raw)
        except ValueError:
            return refusal(400, "bad json")
        n = self.counts["requests"] + 1
        step = self.script.popleft() if self.script else {}
        plan = Plan(self.settings | step, body, n)
        peer = request.transport.get_extra_info("peername") if request.transport else None
        entry = {
            "n": n,
            "t": began,
            "tag": plan.tag,
            "bytes": len(raw),
            "messages": len(body.get("messages") or []),
            "tools": len(body.get("tools") or []),
            "stream": bool(body.get("stream")),
            "model": body.get("model"),
            "temperature": body.get("temperature"),
            "max_tokens": body.get("max_tokens") or body.get("max_completion_tokens"),
            "auth": request.headers.get("Authorization", "")[-12:],
            "peer": peer[1] if peer else None,
        }
        self.log.append(entry)
        if self.settings["keep_requests"]:
            self.raw.append({"n": n, "body": body, "headers": dict(request.headers)})
            if len(self.raw) > max(50, self.settings["keep_requests"]):
                self.raw.popleft()
        self.inflight += 1
        self.peak = max(self.peak, self.inflight)
        await self.count("requests")
        outcome = "finished"
        try:
            return await self._answer(request, plan, len(raw))
        except (asyncio.CancelledError, ConnectionError):  # the client has gone
            outcome = "disconnected"
            raise
        finally:
            self.inflight -= 1
            entry["t_end"] = time.monotonic()
            await self.count(outcome)

    async def _answer(self, request: web.Request, plan: Plan, size: int) -> web.StreamResponse:
        if plan.latency:
            await asyncio.sleep(plan.latency)
        if self.settings["api_key"] and request.headers.get("Authorization") != f"Bearer {self.settings['api_key']}":
            return refusal(401, f"Incorrect API key provided: {request.headers.get('Authorization', 'none')[7:]}")
        if plan.fault == "hang":
            await asyncio.sleep(3600)
        if plan.fault == "reset":
            return aborted(request, web.Response())
        if (refused := _status(plan)) is not None:
            return refused
        if plan.fault == "garbage":
            return web.Response(body=b"\x00\xff{not json at all", content_type="application/json")
        if plan.fault == "html":
            return web.Response(text="<html><body>502 Bad Gateway</body></html>", content_type="text/html")
        if plan.body.get("stream") and plan.fault != "json_anyway":
            return await self._stream(request, plan, size)
        if plan.fault != "truncated":
            return web.json_response(plan.whole(size))
        data = json.dumps(plan.whole(size)).encode()
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = len(data)
        await response.prepare(request)
        await response.write(data[: len(data) // 2])
        return aborted(request, response)

    async def _stream(self, request: web.Request, plan: Plan, size: int) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await response.prepare(request)
        write = noisily(response) if plan.fault == "noisy_sse" else response.write

        async def send(choices: list[dict[str, Any]], **more: Any) -> None:
            chunk = {**plan.head, "object": "chat.completion.chunk", "choices": choices, **more}
            await write(b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n")

        if plan.fault == "empty_choices":
            await send([])
        else:
            async for delta in self._paced(plan):
                if delta is not HALF:
                    await send([{"index": 0, "delta": delta, "finish_reason": None}])
                elif await self._half(plan, write):
                    return aborted(request, response)
            usage = plan.usage(size)
            if plan.fault not in ("no_finish", "no_end", "says_nothing"):
                end = {"index": 0, "delta": {}, "finish_reason": "tool_calls" if plan.calls else "stop"}
                await send([end], **({} if plan.fault == "usage_last" else {"usage": usage}))
            if plan.fault == "usage_last":
                await send([], usage=usage)
        if plan.fault == "lingers":
            await asyncio.sleep(3600)
        if plan.fault not in ("no_done", "no_end", "says_nothing"):
            await write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    async def _paced(self, plan: Plan) -> AsyncIterator[dict[str, Any]]:
        """The pieces, with ``HALF``, an empty one, where the first half of them ends."""
        deltas = plan.deltas()
        middle = len(deltas) // 2
        for i, delta in enumerate(deltas):
            if plan.chunk_delay and i > 1:
                await asyncio.sleep(plan.chunk_delay)
            yield delta
            if i == middle and plan.fault in HALF_WAY:
                yield HALF

    async def _half(self, plan: Plan, write: Callable[[bytes], Any]) -> bool:
        """What goes wrong in the middle of an answer. True: cut it off."""
        if plan.fault == "silent":
            await asyncio.sleep(3600)
        elif plan.fault == "hold":
            await self.released.wait()
        elif plan.fault == "broken_sse":
            await write(b'data: {"choices": [{"delta": {"content": "ab\n\n')
        elif plan.fault == "long_line":
            await write(b'data: {"x": "' + b"x" * int(plan.detail) + b'"}\n\n')
        elif plan.fault == "stream_error":
            code: Any = int(plan.detail) if plan.detail.isdigit() else plan.detail
            error = {"error": {"message": f"stub error {code}", "type": "stub", "code": code}}
            await write(b"data: " + json.dumps(error).encode() + b"\n\n")
        return plan.fault == "truncated"

    async def embeddings(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw)
        n = self.counts["requests"] + 1
        self.log.append({"n": n, "t": time.monotonic(), "bytes": len(raw), "model": body.get("model")})
        if self.settings["keep_requests"]:
            self.raw.append({"n": n, "body": body, "headers": dict(request.headers)})
        self.inflight += 1
        await self.count("requests")
        outcome = "finished"
        try:
            await asyncio.sleep(self.settings["latency"])
            key = self.settings["api_key"]
            if key and request.headers.get("Authorization") != f"Bearer {key}":
                return refusal(401, "Incorrect API key provided")
            return await embedded(request, body, self.settings["embedding"])
        except Refused as no:
            return refusal(*no.args)
        except (asyncio.CancelledError, ConnectionError):  # the client has gone
            outcome = "disconnected"
            raise
        finally:
            self.inflight -= 1
            await self.count(outcome)

    # -- control --------------------------------------------------------------------------------

    async def models(self, request: web.Request) -> web.Response:
        key = self.settings["api_key"]
        if key and request.headers.get("Authorization") != f"Bearer {key}":
            return refusal(401, "Incorrect API key provided")
        ids = self.settings["models"] or [self.settings["model"]]
        about = self.settings["about"]
        data = [{"id": one, "object": "model", **about} for one in ids]
        return web.json_response({"object": "list", "data": data})

    async def own(self, request: web.Request) -> web.Response:
        """What llama.cpp answers to ``/props`` and Ollama to ``/api/show``, where it is set."""
        answer = self.settings["own"].get(request.path)
        return web.json_response(answer) if answer is not None else web.Response(status=404)

    async def health(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def configure(self, request: web.Request) -> web.Response:
        self.settings.update(await request.json())
        return web.json_response(self.settings)

    async def queue(self, request: web.Request) -> web.Response:
        self.script.extend(await request.json())
        return web.json_response({"queued": len(self.script)})

    async def release(self, _: web.Request) -> web.Response:
        self.released.set()
        return web.json_response({"ok": True})

    async def start_over(self, _: web.Request) -> web.Response:
        self.reset()
        return web.json_response({"ok": True})

    def _stats(self) -> dict[str, int]:
        return {**self.counts, "inflight": self.inflight, "peak_inflight": self.peak}

    async def stats(self, _: web.Request) -> web.Response:
        return web.json_response(self._stats())

    async def wait(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        limit = wanted.pop("timeout", 10)
        try:
            async with asyncio.timeout(limit), self.changed:
                await self.changed.wait_for(lambda: self._has_reached(wanted))
        except TimeoutError:
            return web.json_response(self._stats(), status=408)
        return web.json_response(self._stats())

    def _has_reached(self, wanted: dict[str, int]) -> bool:
        stats = self._stats()
        return all(stats[name] <= n if name == "inflight" else stats[name] >= n for name, n in wanted.items())

    async def read_log(self, _: web.Request) -> web.Response:
        return web.json_response(list(self.log))

    async def read_raw(self, _: web.Request) -> web.Response:
        return web.json_response(list(self.raw))

    def app(self) -> web.Application:
        """The routes."""
        app = web.Application(client_max_size=256 * 2**20)
        app.router.add_post("/v1/chat/completions", self.completions)
        app.router.add_post("/v1/embeddings", self.embeddings)
        app.router.add_get("/v1/models", self.models)
        app.router.add_get("/health", self.health)
        app.router.add_get("/props", self.own)
        app.router.add_post("/api/show", self.own)
        for path, handler in {"config": self.configure, "script": self.queue, "release": self.release,
                              "reset": self.start_over, "wait": self.wait}.items():  # fmt: skip
            app.router.add_post(f"/__stub__/{path}", handler)
        for path, handler in {"stats": self.stats, "log": self.read_log, "raw": self.read_raw}.items():
            app.router.add_get(f"/__stub__/{path}", handler)
        return app


HALF: dict[str, Any] = {}  # stands between the halves of an answer; is not sent
HALF_WAY = ("silent", "hold", "broken_sse", "long_line", "stream_error", "truncated")


def refusal(status: int, message: str, headers: dict[str, str] | None = None, **more: Any) -> web.Response:
    """An error as OpenAI gives it."""
    error = {"message": message, "type": "stub", "code": status, **more}
    return web.json_response({"error": error}, status=status, headers=headers)


def _status(plan: Plan) -> web.Response | None:
    """The answer of a plan that says no; None when it does not."""
    match plan.fault:
        case "status":
            return refusal(int(plan.detail), f"stub error {plan.detail}", retry_after(plan.retry))
        case "retry":
            return refusal(429, "stub error 429", retry_after(plan.detail))
        case "too_long":
            message = "This model's maximum context length is 8 tokens. However, your messages resulted in 9 tokens."
            return refusal(400, message, code="context_length_exceeded", type="invalid_request_error")
        case "tokens_per_minute":
            message = "Rate limit reached for stub on tokens per min (TPM): Limit 900, Used 800, Requested 200."
            return refusal(429, f"{message} Please try again in {plan.detail or '20ms'}.", code="rate_limit_exceeded")
        case "too_large":
            message = "Request too large for stub on tokens per min (TPM): Limit 900, Requested 1200."
            return refusal(429, message, code="rate_limit_exceeded", type="tokens")
        case "no_stream_options" if "stream_options" in plan.body:
            return refusal(400, "Unrecognized request argument supplied: stream_options")
        case "redirect":
            return web.Response(status=307, headers={"Location": plan.detail})
    return None


def retry_after(value: str) -> dict[str, str]:
    """The headers that say when to ask again."""
    if not value:
        return {}
    return {"retry-after-ms": value[:-2]} if value.endswith("ms") else {"Retry-After": value}


def aborted(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """The connection is gone."""
    if request.transport is not None:
        request.transport.abort()
    return response


def noisily(response: web.StreamResponse) -> Callable[[bytes], Any]:
    """Writes events in every way that is allowed, and in small pieces that end inside of lines and characters."""

    async def write(event: bytes) -> None:
        payload = event.removeprefix(b"data: ").strip()
        cut = payload.find(b", ") + 1  # between two members of the JSON document
        lines = [b": a comment", b"event: message", b"id: 7", b"retry: 10", b"unknown", b"data:" + payload[:cut]]
        lines += [b"data: " + payload[cut:], b"", b": another", b"", b""]
        if not cut:
            lines.pop(5)
        data = b"\r\n".join(lines)
        for i in range(0, len(data), 7):
            await response.write(data[i : i + 7])
            await asyncio.sleep(0)

    return write


def run(args: argparse.Namespace) -> None:
    """Serve until the process is ended."""

    async def serve() -> None:
        runner = web.AppRunner(Stub(args).app(), access_log=None, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, args.host, args.port, backlog=1024).start()
        await asyncio.Event().wait()

    asyncio.run(serve())
