"""What the schemas of single members cannot tell, and what no version may do unnoticed."""

import schemathesis

# Schemas that are parts of others, and cannot know all members.
PARTS = {"Problem", "ExactRule", "GlobRule", "EveryoneRule"}

# Rules between members, written in the descriptions.
BETWEEN_MEMBERS = (
    "at most 512 bytes",
    "needs a glob with at least",
    "can do nothing over these transports",
    "serves none of these roles",
    "must be later than valid_from",
    "must be later than now",
    "is you: ",
    "is read-only: ",
    "a time from 1970 to 9999",
    "must be a time in UTC",
    "is no token of this bridge",
    "state at least one thing",
    "can never serve",
    "1 to 512 bytes",
    "must be written as a browser opens it",
    "must be https, http to a loopback host",
    "must be an absolute address",
    "must have neither a fragment",
    "must be exactly as a browser sends it",
    "refresh_token needs authorization_code",
    "one or more addresses for authorization_code",
    "cannot change: register another client",
    "is public: only a confidential client",
    "must not be in the future",
    "must not be in the past",
    "is named by changes[",
    "is known of the table of now alone",
)


def close(schema):
    """Answers may gain members in later versions, but not unnoticed."""
    if isinstance(schema, list):
        for item in schema:
            close(item)
    elif isinstance(schema, dict):
        for name, member in schema.items():
            if name not in ("oneOf", "example", "examples"):
                close(member)
        if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
            schema["unevaluatedProperties"] = False


@schemathesis.hook
def before_load_schema(context, raw_schema):
    for name, schema in raw_schema["components"]["schemas"].items():
        if name not in PARTS:
            close(schema)


@schemathesis.check
def refused_for_a_reason(ctx, response, case):
    """What the schema allows is only refused by a rule between members."""
    if response.status_code != 400 or case.meta is None:
        return
    if not case.meta.generation.mode.is_positive:
        return
    problem = response.json()
    if problem.get("code") != "invalid_request":
        return
    for error in problem["errors"]:
        told = any(rule in error["reason"] for rule in BETWEEN_MEMBERS)
        assert told or error["field"] == "If-Match", f"refused, though the schema allows it: {error}"
