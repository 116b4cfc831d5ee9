"""Reads tokens with the library of Red5's Python sample. Standard input: a
line with the secret, keyed by its own UTF-8 bytes, then one token a line.
Standard output: one line of JSON for each token."""

import json
import sys

import jwt


def read(token: str, secret: str) -> dict:
    try:
        return {"ok": True, "claims": jwt.decode(token, secret, algorithms=["HS256"])}
    except jwt.InvalidTokenError as error:
        return {"ok": False, "error": f"{type(error).__name__}: {error}"}


def main() -> None:
    sys.stdin.reconfigure(encoding="utf-8")  # whatever the locale says
    secret, *tokens = sys.stdin.read().splitlines()
    for token in tokens:
        print(json.dumps(read(token, secret)))


if __name__ == "__main__":
    main()
