"""The plain part of YAML, line by line: mappings and lists by indentation, texts in quotes or without.

That is what most of a configuration consists of, and it takes a third of the time that a parser of all of YAML needs.
Whatever is anything else (brackets, tags, anchors, texts of several lines, two equal keys, a fault) is left to that.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

DEEPEST = 50

_LINE = re.compile(
    r"""(\ *)((?:-\ +)*)                                              # where it begins, and dashes
        (?:(?:([^\W\d][\w-]*)|"([^"\\]{1,200})"):(?:\ +|$))?          # a key
        (?:"([^"\\]*)"|'([^']*)'|([\w/.][^#:]*(?::(?=[^\s#])[^#:]*)*))?$    # a value""",
    re.VERBOSE,
)
_COMMENT = re.compile(r" *(?:#.*)?$")


def read(text: str, plain: Callable[[str], Any]) -> tuple[Any, int] | None:
    """The data of a text, and how many nodes it has; None for what has to be parsed otherwise.

    ``plain`` gives the value of a text without quotes. What it raises is raised.
    """
    match = _LINE.match
    root: Any = None
    inner: Any
    indent = -1
    data: Any = None  # the innermost list or mapping, which begins at ``indent``
    above: list[tuple[int, Any]] = []
    key: Any = None
    is_open = False  # whether the value of ``key`` is still to come
    size = 0
    for line in text.split("\n"):
        found = match(line)
        if not line.isprintable():  # a tab, another kind of line end, or what no file may have in it
            return None
        if found is None:
            if _COMMENT.match(line):
                continue
            return None
        blanks, dashes, name, quoted_name, double, single, bare = found.groups()
        has_key = name is not None or quoted_name is not None
        has_value = double is not None or single is not None or bare is not None
        column = len(blanks)
        if not has_key and not dashes:
            if has_value or (blanks and line.strip(" ")):
                return None
            continue
        kind: Callable[[], Any] = list if dashes else dict
        if is_open:
            is_open = False
            if column > indent or (column == indent and dashes):
                inner = kind()
                data[key] = inner
                above.append((indent, data))
                indent, data = column, inner
                size += 1
            else:
                data[key] = None
                size += 1
        elif root is None:
            root = data = kind()
            indent = column
            size = 1
        while column < indent or (column == indent and type(data) is not kind and above):
            indent, data = above.pop() if above else (-1, None)
        if column != indent or type(data) is not kind:
            return None
        if dashes:
            rest = len(dashes)
            while True:
                step = dashes.find("-", 1)
                if step < 0:
                    break
                inner = []
                data.append(inner)
                above.append((indent, data))
                column += step
                indent, data = column, inner
                dashes, rest = dashes[step:], rest - step
                size += 1
            if not has_key:
                if not has_value:
                    return None
                data.append(double if double is not None else single if single is not None else plain(bare.rstrip(" ")))
                size += 1
                continue
            inner = {}
            data.append(inner)
            above.append((indent, data))
            indent, data = column + rest, inner
            size += 1
        if len(above) > DEEPEST:
            return None
        key = plain(name) if name is not None else quoted_name
        if key in data or key == "<<":
            return None
        size += 1
        if has_value:
            data[key] = double if double is not None else single if single is not None else plain(bare.rstrip(" "))
            size += 1
        else:
            data[key] = None
            is_open = True
    if is_open:
        size += 1
    return None if root is None else (root, size)
