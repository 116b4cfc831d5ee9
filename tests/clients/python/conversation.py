"""What a program and the test tell each other, in lines of JSON (see the module of Node)."""

import json
import sys


def _line():
    return json.loads(sys.stdin.readline())


settings = _line()


def _say(step, **content):
    print(json.dumps({"step": step, **content}), flush=True)


def granted(grant, answer):
    """Tells the answer to a grant."""
    _say("granted", grant=grant, answer=dict(answer))


def refused(grant, error):
    """Tells with which error code a grant was refused."""
    _say("refused", grant=grant, error=error)


def open_address(address):
    """Opens an address in the browser, and returns the one that it came back to."""
    _say("open", address=address)
    return _line()


def show_codes(codes):
    """Shows the codes of a device to the person, who has approved it afterwards."""
    _say("show_codes", codes=codes)
    _line()
