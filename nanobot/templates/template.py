"""A template: a text that is rendered with variables and what the hub knows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import CodeType, MappingProxyType
from typing import Any

from jinja2 import TemplateSyntaxError

from nanobot.hub.hub import Hub
from nanobot.templates.environment import Environment, Scope
from nanobot.templates.errors import FILE, TemplateError, failed, line_of, unreadable
from nanobot.templates.info import RenderInfo
from nanobot.templates.limits import MAX_OUTPUT
from nanobot.templates.macros import FOLDER, Macros, read
from nanobot.templates.native import native as to_native
from nanobot.templates.sandbox import printed
from nanobot.util.aio import in_thread

MACROS_CHANGED = "custom_templates_changed"
"""Event, when there are other macros than before."""

MAX_PARSED = 2_000  # texts whose parsed form is kept
MAX_SOURCE = 256 * 1024  # characters

_SHORT = frozenset({int, float, bool, type(None)})
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def is_template(text: str) -> bool:
    """Whether there is template syntax in a text."""
    return "{" in text and ("{{" in text or "{%" in text or "{#" in text)


class Environments:
    """The environments of one hub, and the templates that are ready to be rendered in them."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.macros = Macros(hub.config_dir / FOLDER)
        self._known: dict[tuple[bool, bool], Environment] = {}
        self._ready: dict[tuple[str, bool, bool], Ready] = {}

    def ready(self, text: str, limited: bool, strict: bool) -> Ready:
        """The template in the environment that is wanted."""
        key = (text, limited, strict)
        found = self._ready.get(key)
        if found is None:
            if len(self._ready) >= MAX_PARSED:
                for old in list(self._ready)[: MAX_PARSED // 4]:
                    del self._ready[old]
            found = self._ready[key] = Ready(text, self.environment(limited, strict))
        return found

    def environment(self, limited: bool = False, strict: bool = False) -> Environment:
        """Made when it is first needed."""
        key = (limited, strict)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = Environment(self.hub, limited=limited, strict=strict, macros=self.macros)
        return found

    async def load_macros(self) -> bool:
        """Read the user's macros, off the event loop. True: they are others than before."""
        if not self.macros.take(await in_thread(read, self.macros.folder)):
            return False
        for environment in self._known.values():
            if environment.cache is not None:
                environment.cache.clear()
        self.hub.bus.fire(MACROS_CHANGED)
        return True


def environments(hub: Hub) -> Environments:
    """Those of a hub."""
    found: Environments | None = hub.templates
    if found is None:
        found = hub.templates = Environments(hub)
    return found


_CHECKING: list[Environment] = []


def _checking() -> Environment:
    if not _CHECKING:
        _CHECKING.append(Environment(None, limited=False, strict=False, macros=Macros(None)))
    return _CHECKING[0]


@lru_cache(maxsize=MAX_PARSED)
def compiled(text: str) -> CodeType | TemplateError:
    """The code of a text, or what is wrong with it."""
    environment = _checking()
    try:
        if len(text) > MAX_SOURCE:
            raise TemplateError(f"a template of more than {MAX_SOURCE:,} characters")
        source = environment.compile(text, filename=FILE, raw=True)
        return compile(source, FILE, "exec")
    except TemplateSyntaxError as error:
        return unreadable(error, environment.filters, environment.tests, text)
    except (RecursionError, MemoryError, ValueError, OverflowError) as error:
        return TemplateError(f"the template is nested too deeply ({type(error).__name__})")
    except SyntaxError as error:
        return TemplateError(f"the template cannot be compiled: {error.msg}")


class Ready:
    """A template whose code belongs to one environment."""

    __slots__ = ("blocks", "debug", "environment", "root", "text")

    def __init__(self, text: str, environment: Environment) -> None:
        code = compiled(text)
        if isinstance(code, TemplateError):
            raise TemplateError(str(code), code.line)
        namespace: dict[str, Any] = {"environment": environment, "__file__": FILE}
        exec(code, namespace)  # noqa: S102 - made by Jinja2 of the parsed template
        self.text = text
        self.environment = environment
        self.root = namespace["root"]
        self.blocks = namespace["blocks"]
        self.debug = namespace["debug_info"]

    def render(self, variables: Mapping[str, Any] | None, native: bool) -> Any:
        """Raises ``TemplateError``."""
        environment = self.environment
        environment.source = self.text
        environment.budget.start()
        try:
            scope = Scope(environment, _NOTHING if variables is None else variables, None, self.blocks)
            parts = list(self.root(scope))
            value = parts[0] if len(parts) == 1 else _one(parts)
            kind = type(value)
            if native and kind in _SHORT:
                return to_native(value, printed)
            text = value if kind is str else printed(value)
            if len(text) > MAX_OUTPUT:
                raise TemplateError(f"Template output exceeded maximum size of {MAX_OUTPUT} characters")
            return to_native(value, printed) if native else text.strip()
        except Exception as error:  # whatever a template does, its author is told in a sentence
            if isinstance(error, TemplateError) and error.line is not None:
                raise
            raise self.explain(error) from error

    def explain(self, error: Exception) -> TemplateError:
        """The sentence for a failed render."""
        environment = self.environment
        if isinstance(error, TemplateSyntaxError):
            return unreadable(error, environment.filters, environment.tests)
        known = {"filter": environment.filters, "test": environment.tests, "function": environment.globals}
        return failed(error, self._line(error), self.text, known)

    def _line(self, error: Exception) -> int | None:
        """The line in the template, from the line in its code."""
        at = line_of(error)
        if at is None:
            return None
        found = None
        for pair in self.debug.split("&") if self.debug else ():
            line, _, code_line = pair.partition("=")
            if int(code_line) > at:
                break
            found = int(line)
        return found


def _one(parts: list[Any]) -> Any:
    """The single value among blank texts, or all as one text."""
    values = [one for one in parts if type(one) is not str or one.strip()]
    if len(values) == 1:
        return values[0]
    texts = [one if type(one) is str else printed(one) for one in parts]
    if sum(map(len, texts)) > MAX_OUTPUT * 4:
        raise TemplateError(f"Template output exceeded maximum size of {MAX_OUTPUT} characters")
    return "".join(texts)


class Template:
    """``text`` is parsed when it is first needed; equal texts share what was made of them."""

    __slots__ = ("_hub", "_ready", "is_static", "text")

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError(f"a template is a text, not {type(text).__name__}")
        self.text = text
        self.is_static = not is_template(text)
        self._hub: Hub | None = None
        self._ready: Ready | None = None

    def check(self) -> None:
        """Raises ``TemplateError`` for bad syntax, and for filters and tests that do not exist."""
        if not self.is_static:
            code = compiled(self.text)
            if isinstance(code, TemplateError):
                raise TemplateError(str(code), code.line)

    def render(
        self,
        hub: Hub,
        variables: Mapping[str, Any] | None = None,
        *,
        native: bool = True,
        limited: bool = False,
        strict: bool = False,
    ) -> Any:
        """The result as the value it stands for (``native``), or as text. Raises ``TemplateError``.

        ``limited``: without the hub's states, clock and registries. ``strict``: an undefined name is an error.
        """
        if self.is_static:
            return self.text.strip()
        if limited or strict:
            return environments(hub).ready(self.text, limited, strict).render(variables, native)
        ready = self._ready
        if ready is None or self._hub is not hub:
            ready = self._ready = environments(hub).ready(self.text, False, False)
            self._hub = hub
        return ready.render(variables, native)

    def info(
        self,
        hub: Hub,
        variables: Mapping[str, Any] | None = None,
        *,
        native: bool = True,
        strict: bool = False,
        warnings: bool = False,
    ) -> RenderInfo:
        """The result, and what it depends on. ``warnings``: what it finds undefined goes there, not to the log."""
        info = RenderInfo(warnings=warnings)
        if self.is_static:
            info.result = self.text.strip()
            return info
        try:
            ready = environments(hub).ready(self.text, False, strict)
        except TemplateError as error:
            info.error = error
            return info
        reading = ready.environment.reading
        before, reading.info = reading.info, info
        try:
            info.result = ready.render(variables, native)
        except TemplateError as error:
            info.error = error
        finally:
            reading.info = before
        return info

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Template({self.text!r})"


async def load_macros(hub: Hub) -> bool:
    """Read ``<config>/custom_templates`` (again). True: there are others than before."""
    return await environments(hub).load_macros()
