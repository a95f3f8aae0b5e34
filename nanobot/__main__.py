"""``python -m nanobot``: the same as the command ``nanobot``."""

import sys

from nanobot.cli import main

sys.exit(main())
