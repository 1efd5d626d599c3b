#!/usr/bin/env python3
"""Echo in Python: one JSON object from standard input to standard output."""

import json
import sys


def main() -> int:
    text = sys.stdin.read()
    if text == "":
        return 0  # No input is no call: the node has gone.
    try:
        payload = json.loads(text)
    except ValueError as error:
        print(f"echo.py wants a JSON object on standard input: {error}", file=sys.stderr)
        return 1
    json.dump({"ok": True, "driver": "echo.py", "echo": payload}, sys.stdout, ensure_ascii=False)
    print()
    return 0


if __name__ == "__main__":
    # UTF-8 whatever the locale says.
    sys.stdin.reconfigure(encoding="utf-8")
    sys.stdout.reconfigure(encoding="utf-8")
    sys.exit(main())
