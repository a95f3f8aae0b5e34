"""Its credentials are wrong."""

from nanobot.errors import AuthFailed


async def setup(hub, entry):
    raise AuthFailed("the password was refused; write the new one into secrets.yaml")
