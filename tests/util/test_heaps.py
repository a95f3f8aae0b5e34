"""Threads share the heaps of the C library."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import ctypes, sys, threading
from nanobot.util import heaps

if sys.argv[1] == "share":
    heaps.share()
kept, all_have_some, over = [], threading.Barrier(9), threading.Event()

def take():
    kept.append(bytearray(100_000))
    all_have_some.wait()
    over.wait()

for _ in range(8):
    threading.Thread(target=take, daemon=True).start()
all_have_some.wait()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(sys.argv[2].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
over.set()
"""


def heaps_of_eight_threads(tmp_path: Path, how: str) -> int:
    file = tmp_path / how
    subprocess.run([sys.executable, "-c", CODE, how, str(file)], check=True, timeout=60)
    return file.read_text().count("<heap nr=")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc makes a heap for each thread")
def test_eight_threads_have_two_heaps(tmp_path: Path) -> None:
    assert heaps_of_eight_threads(tmp_path, "as_they_are") > 2
    assert heaps_of_eight_threads(tmp_path, "share") == 2
