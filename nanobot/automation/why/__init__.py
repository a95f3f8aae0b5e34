"""Why something is as it is, and why an automation did not run: told as links, and in words.

``why`` follows contexts from an effect to its first cause, ``why_not`` looks at an automation, ``words`` says both in
the language of a person. What happened lately is known from memory, what is older from the recorder.
"""

from __future__ import annotations

from .chain import why
from .links import Link, Links, TriggerFacts, WhyNot
from .refusal import find, why_not
from .words import why_not_text, why_text

__all__ = ["Link", "Links", "TriggerFacts", "WhyNot", "find", "why", "why_not", "why_not_text", "why_text"]
