"""voluptuous ends a list at its first item that is wrong deep inside. This finds the others, too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import voluptuous as vol


class Thorough(vol.Schema):
    """The same schema, slower, with all errors instead of the first one. For telling, not for validating."""

    def _compile(self, schema: Any) -> Callable[[list[Any], Any], Any]:
        if type(schema) is vol.Schema:
            inner = Thorough(schema.schema, required=schema.required, extra=schema.extra)
            return inner._compiled  # type: ignore[no-any-return]
        return super()._compile(schema)  # type: ignore[no-any-return, no-untyped-call]

    def _compile_sequence(self, schema: Any, seq_type: type) -> Callable[[list[Any], Any], Any]:
        plain: Callable[[list[Any], Any], Any] = super()._compile_sequence(schema, seq_type)  # type: ignore[no-untyped-call]
        compiled = [self._compile(item) for item in schema]

        def validate(path: list[Any], data: Any) -> Any:
            if not isinstance(data, seq_type) or not compiled:
                return plain(path, data)
            values: Iterable[Any] = data  # type: ignore[assignment]
            errors: list[vol.Invalid] = []
            for index, value in enumerate(values):
                best: vol.Invalid | None = None
                for check in compiled:
                    try:
                        check([*path, index], value)
                        break
                    except vol.Invalid as error:
                        if best is None or len(error.path) > len(best.path):
                            best = error
                else:
                    if best is not None:
                        errors += best.errors if isinstance(best, vol.MultipleInvalid) else [best]
            if errors:
                raise vol.MultipleInvalid(errors)
            return plain(path, data)

        return validate


def all_errors(schema: Any, data: Any, first: vol.Invalid) -> vol.Invalid:
    """Every error that ``schema`` finds in ``data``; ``first`` is what it raised."""
    if not isinstance(schema, vol.Schema):
        return first
    try:
        Thorough(schema.schema, required=schema.required, extra=schema.extra)(data)
    except vol.Invalid as error:
        return error
    return first
