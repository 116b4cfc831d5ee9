"""Reads tokens with the library of Red5's Python sample: one token a line on
standard input, one line of JSON each on standard output. The secret is the
variable READER_SECRET, keyed by its own UTF-8 bytes."""

import json
import os
import sys

import jwt


def read(token: str, secret: str) -> dict:
    try:
        return {"ok": True, "claims": jwt.decode(token, secret, algorithms=["HS256"])}
    except jwt.InvalidTokenError as error:
        return {"ok": False, "error": f"{type(error).__name__}: {error}"}


def main() -> None:
    secret = os.environ["READER_SECRET"]
    for line in sys.stdin:
        print(json.dumps(read(line.strip(), secret)))


if __name__ == "__main__":
    main()
