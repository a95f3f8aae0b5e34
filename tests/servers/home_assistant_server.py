#!/usr/bin/env python3
"""A scripted Home Assistant: the WebSocket API with four entities and four services.

JSON: base_url, token.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from _home_assistant import TOKEN, run
from _lib import Proc, free_port, parser, port_open, serve, workdir


def main() -> None:
    p = parser(__doc__)
    p.add_argument("--child", type=int, default=0, help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.child:
        asyncio.run(run(args.child))
        return
    folder, port = workdir(args, "home_assistant"), free_port()
    command = [sys.executable, __file__, "--child", str(port)]
    proc = Proc(command, log=folder / "home_assistant.log", ready=port_open(port))
    proc.start()
    serve({"server": "home_assistant", "base_url": f"http://127.0.0.1:{port}", "token": TOKEN}, [proc], folder)


if __name__ == "__main__":
    main()
