"""``condition: template``, or a template alone: the result is true, in capitals or small letters, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation.decide import Case
from nanobot.automation.truth import holds
from nanobot.errors import ConditionError
from nanobot.templates import TemplateError
from nanobot.templates import validators as tv

SCHEMA = vol.Schema({vol.Required("value_template"): tv.template})


def check(config: Mapping[str, Any], case: Case) -> bool:
    """Raises ``ConditionError`` when the template fails."""
    try:
        value = config["value_template"].render(case.hub, case.variables)
    except TemplateError as error:
        raise ConditionError(str(error)) from error
    case.tell(result=(result := holds(value)), entities=[])
    return result
