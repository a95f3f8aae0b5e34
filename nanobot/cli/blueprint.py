"""`nanobot blueprint`: look at blueprints, take them from others, keep them fresh, and part with them."""

from __future__ import annotations

import asyncio
import difflib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

from nanobot.cli.words import language, say
from nanobot.config import blueprints
from nanobot.config.blueprint import DOMAINS, Blueprint, Opening
from nanobot.config.blueprint_text import replaced, with_source
from nanobot.config.blueprints import BlueprintError
from nanobot.config.substitute import FOLDER, Known
from nanobot.lifecycle.loader import Loader
from nanobot.util.yaml import parse

_CONTROL = {code: None for code in (*range(32), *range(127, 160)) if code not in (9, 10)}
_CALLS = ("action", "service")


def show_list(folder: Path, domain: str | None = None, *, as_json: bool = False) -> None:
    """All blueprints with what they are for and who uses them."""
    found = {name: blueprints.every(folder, name) for name in _domains(domain)}
    if as_json:
        _print_json({name: blueprints.listing(folder, name) for name in found})
        return
    rows = []
    for name, every in found.items():
        used = [user.written["use_blueprint"].get("path") for user in blueprints.users(folder, name)]
        for path, known in every.items():
            shipped = say("blueprint.shipped") if blueprints.is_shipped(folder, name, path) else say("blueprint.yours")
            title = known.blueprint.name if known.blueprint else say("blueprint.broken")
            rows.append([name, path, title, shipped, str(used.count(path) or "")])
    if not rows:
        typer.echo(say("blueprint.none"))
        return
    _print_table([[say(f"blueprint.{key}") for key in ("domain", "path", "name", "origin", "used")], *rows])


def show(folder: Path, path: str, domain: str | None = None, *, text: bool = False, as_json: bool = False) -> None:
    """What a blueprint is for, what it asks, and how it is used."""
    name, known = _one(folder, path, domain)
    blueprint = known.blueprint
    if text and known.source is not None and known.source.document is not None:
        typer.echo(_clean(known.source.document.text), nl=False)
    elif blueprint is None:
        raise BlueprintError("; ".join(problem.told(language()) for problem in known.problems))
    elif as_json:
        _print_json({"path": path, "domain": name, "metadata": blueprints.metadata(blueprint)})
    else:
        _describe(blueprint)
        for user in blueprints.users(folder, name, path):
            typer.echo(say("blueprint.used_by", user=user))
        typer.echo()
        typer.echo(_example(name, path, blueprint))


def check(folder: Path, what: Iterable[str] = (), domain: str | None = None) -> int:
    """What is wrong with blueprints: all of them, those of these paths, or files anywhere. Exit status."""
    count = bad = 0
    for path, told in _told(folder, list(what), domain):
        count += 1
        bad += bool(told)
        for line in told:
            typer.echo(f"{path}: {_clean(line)}")
    typer.echo(say("blueprint.checked", count=count, bad=bad))
    return 1 if bad else 0


def take(
    folder: Path, where: str, path: str | None = None, *, yes: bool, replace: bool = False, allow_local: bool = False
) -> int:
    """Fetch a blueprint, show it, ask, and save it. Exit status."""
    from nanobot.config import blueprint_source as source

    if source.is_url(where):
        fetched = asyncio.run(source.fetch(where, allow_local=allow_local))
    else:
        fetched = source.from_file(Path(where).expanduser())
    blueprint, told = blueprints.understand_text(fetched.text)
    typer.echo(_clean(fetched.text))
    for line in told:
        typer.echo(f"! {_clean(line)}", err=True)
    if blueprint is None:
        raise BlueprintError(say("blueprint.not_usable", where=where))
    path = path or fetched.name
    path = path if path.endswith(".yaml") else f"{path}.yaml"
    _describe(blueprint)
    typer.echo(say("blueprint.calls", services=", ".join(_services(blueprint.body)) or say("blueprint.nothing")))
    target = f"{FOLDER}/{blueprint.domain}/{path}"
    if not (yes or _agrees(say("blueprint.ask_save", target=target))):
        typer.echo(say("blueprint.not_saved"))
        return 1
    blueprints.save(folder, blueprint.domain, path, fetched.text, source_url=fetched.source_url, replace=replace)
    typer.echo(say("blueprint.saved", target=target))
    typer.echo(_example(blueprint.domain, path, blueprint))
    return 0


def update(
    folder: Path,
    path: str | None = None,
    domain: str | None = None,
    *,
    only_check: bool,
    yes: bool = False,
    allow_local: bool = False,
) -> int:
    """Compare blueprints with where they came from; save what is new there. 1: something differs, or failed."""
    from nanobot.config import blueprint_source as source

    status, looked = 0, 0
    for name, one, known in _with_source(folder, path, domain):
        blueprint = known.blueprint
        assert blueprint is not None
        assert known.source is not None
        assert known.source.document is not None
        url, old = str(blueprint.source_url), known.source.document.text
        looked += 1
        try:
            fetched = asyncio.run(source.fetch(url, allow_local=allow_local))
            newer, told = blueprints.understand_text(fetched.text, name)
            if newer is None:
                raise BlueprintError("; ".join(told))
        except BlueprintError as error:
            typer.echo(f"{one}: {error}", err=True)
            status = 1
            continue
        new = with_source(fetched.text, url)
        if _says_the_same(old, new):
            typer.echo(say("blueprint.same", path=one))
            continue
        versions = (
            f" ({blueprint.version or '?'} > {newer.version or '?'})" if blueprint.version != newer.version else ""
        )
        typer.echo(say("blueprint.differs", path=one, url=url) + versions)
        if only_check:
            status = 1
            continue
        typer.echo(_clean("".join(_difference(old, new, one))))
        for line in blueprints.broken_by(folder, name, one, new):
            typer.echo(f"! {line}")
        if yes or _agrees(say("blueprint.ask_save", target=f"{FOLDER}/{name}/{one}")):
            blueprints.save(folder, name, one, new, replace=True)
            typer.echo(say("blueprint.saved", target=f"{FOLDER}/{name}/{one}"))
    if not looked:
        typer.echo(say("blueprint.no_source"))
    return status


def delete(folder: Path, path: str, domain: str | None = None) -> None:
    """Delete one that nobody uses."""
    blueprints.delete(folder, _one(folder, path, domain)[0], path)
    typer.echo(say("blueprint.deleted", path=path))


def take_control(folder: Path, item: str, domain: str | None = None, *, write: bool) -> None:
    """Print what an item stands for without its blueprint, or write it in its place."""
    found = [user for name in _domains(domain) for user in blueprints.users(folder, name) if item in user.known_as]
    if len(found) != 1:
        raise BlueprintError(say("blueprint.no_such_item" if not found else "blueprint.several_items", item=item))
    user = found[0]
    platforms = Loader(folder).blueprints_of(str(user.at[0]).partition(" ")[0]) or ()
    text = blueprints.written_out(folder, user, platforms)
    if not write:
        typer.echo(text, nl=False)
        return
    path = folder / str(user.file)
    before = path.read_bytes().decode("utf-8-sig")
    after = replaced(before, user.inner, parse(text).data)
    if after is None:
        typer.echo(text, nl=False)
        raise BlueprintError(say("blueprint.cannot_replace", file=user.file, line=user.line))
    blueprints.write(path, after)
    typer.echo(say("blueprint.taken", item=user.title, file=user.file))


# -- inside ---------------------------------------------------------------------------------------


def _domains(domain: str | None) -> tuple[str, ...]:
    if domain is not None and domain not in DOMAINS:
        raise BlueprintError(say("blueprint.no_domain", domain=domain, known=", ".join(DOMAINS)))
    return DOMAINS if domain is None else (domain,)


def _one(folder: Path, path: str, domain: str | None) -> tuple[str, Known]:
    """The blueprint of that path, in whichever domain it is."""
    missing: BlueprintError | None = None
    for name in _domains(domain):
        try:
            return name, blueprints.look(folder, name, path)
        except BlueprintError as error:
            if missing is None or "'?" in str(error):
                missing = error
    assert missing is not None
    raise missing


def _told(folder: Path, what: list[str], domain: str | None) -> Iterator[tuple[str, list[str]]]:
    for one in what:
        if Path(one).is_file():
            yield one, blueprints.understand_text(Path(one).read_text(encoding="utf-8"))[1]
        else:
            known = _one(folder, one, domain)[1]
            yield one, [problem.told(language()) for problem in known.problems]
    if not what:
        for name in _domains(domain):
            for path, known in blueprints.every(folder, name).items():
                yield path, [problem.told(language()) for problem in known.problems]


def _with_source(folder: Path, path: str | None, domain: str | None) -> Iterator[tuple[str, str, Known]]:
    """The user's blueprints that say where they came from."""
    for name in _domains(domain):
        for one, known in blueprints.every(folder, name).items():
            if path not in (None, one) or blueprints.is_shipped(folder, name, one):
                continue
            if known.blueprint is not None and known.blueprint.source_url is not None:
                yield name, one, known


def _says_the_same(old: str, new: str) -> bool:
    """Whether they differ in comments and layout at most."""
    return bool(parse(old).data == parse(new).data)


def _difference(old: str, new: str, path: str) -> Iterator[str]:
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    return difflib.unified_diff(before, after, fromfile=path, tofile=say("blueprint.newer"))


def _describe(blueprint: Blueprint) -> None:
    typer.echo(_clean(blueprint.name))
    if description := blueprint.head.get("description"):
        typer.echo(_clean(description).strip())
    for key in ("author", "version", "source_url"):
        if blueprint.head.get(key):
            typer.echo(f"{say(f'blueprint.{key}')}: {_clean(str(blueprint.head[key]))}")
    if not blueprint.inputs:
        return
    rows = [[say(f"blueprint.{key}") for key in ("input", "kind", "default", "meaning")]]
    for opening in blueprint.inputs.values():
        meaning = " - ".join(part for part in (opening.title, opening.description.split("\n")[0]) if part)
        rows.append([opening.name, _kind(opening), _default(opening), _clean(meaning)])
    _print_table(rows)


def _kind(opening: Opening) -> str:
    return str(next(iter(opening.selector), "")) if opening.selector else ""


def _default(opening: Opening) -> str:
    return say("blueprint.required") if opening.is_required else json.dumps(opening.default, default=str)[:40]


def _example(domain: str, path: str, blueprint: Blueprint) -> str:
    """How to use it, to be pasted."""
    inputs = [f"        {one.name}:" for one in blueprint.inputs.values() if one.is_required]
    given = ["      input:", *inputs] if inputs else []
    name = blueprint.name.replace('"', "'")
    first = "  my_script:\n    alias" if domain == "script" else "  - alias" if domain == "automation" else "  - name"
    return "\n".join([f"{domain}:", f'{first}: "{name}"', "    use_blueprint:", f"      path: {path}", *given])


def _services(value: Any) -> list[str]:
    """The services that a blueprint calls, as far as their names stand in it."""
    found: set[str] = set()
    if isinstance(value, dict):
        for key, item in value.items():
            if key in _CALLS and isinstance(item, str) and re.fullmatch(r"[a-z0-9_]+\.[a-z0-9_]+", item):
                found.add(item)
            found.update(_services(item))
    elif isinstance(value, list):
        for item in value:
            found.update(_services(item))
    return sorted(found)


def _agrees(question: str) -> bool:
    if not sys.stdin.isatty():
        return False
    return typer.confirm(question, default=False)


def _clean(text: str) -> str:
    """Foreign text must not steer the terminal."""
    return text.translate(_CONTROL)


def _print_json(data: Any) -> None:
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2, default=str))


def _print_table(rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in rows[0]:
        table.add_column(heading, overflow="fold")
    for row in rows[1:]:
        table.add_row(*(escape(_clean(cell)) for cell in row))
    Console(highlight=False).print(table)
