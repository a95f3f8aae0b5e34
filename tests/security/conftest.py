"""The command line's processes and the web server's site, for those who attack them."""

from tests.cli.conftest import nanobot
from tests.integrations.http.conftest import make_site, site, views

__all__ = ["make_site", "nanobot", "site", "views"]
