"""The commands that Telegram offers when somebody types a slash."""

from __future__ import annotations

from telegram import Bot, BotCommand

from .wording import say

COMMANDS = ("stop", "new", "help", "status")
LANGUAGES = ("en", "de", "fr", "es", "zh")


async def publish(bot: Bot, language: str) -> None:
    """Tell Telegram the commands in each language, and in ``language`` for all others."""
    await bot.set_my_commands(_in(language))
    for code in LANGUAGES:
        await bot.set_my_commands(_in(code), language_code=code)


def _in(language: str) -> list[BotCommand]:
    return [BotCommand(name, say(f"commands.{name}", language)) for name in COMMANDS]
