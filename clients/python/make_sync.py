"""Generates chinwag/client.py from chinwag/async_client.py, without `async`. With --check, fails if the file is outdated."""

import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "chinwag"
NOTE = "# Generated from async_client.py by make_sync.py: edit that file instead.\n\n"
WORDS = [
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAsyncClient\b", "Client"),
    (r"\bAsyncTransport\b", "Transport"),
    (r"\bAsyncIterator\b", "Iterator"),
    (r"\b__aenter__\b", "__enter__"),
    (r"\b__aexit__\b", "__exit__"),
    (r"\basyncio\.sleep\b", "time.sleep"),
    (r"^import asyncio$", "import time"),
]


def made() -> str:
    text = (FOLDER / "async_client.py").read_text()
    for word, instead in WORDS:
        text = re.sub(word, instead, text, flags=re.MULTILINE)
    return NOTE + text


if __name__ == "__main__":
    target = FOLDER / "client.py"
    if "--check" not in sys.argv:
        target.write_text(made())
    elif target.read_text() != made():
        sys.exit("client.py is outdated: run make_sync.py")
