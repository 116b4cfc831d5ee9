"""requests-oauthlib, which raises where the answered scope is not the one that was asked for."""

import os

import requests
from oauthlib.oauth2 import OAuth2Error
from requests_oauthlib import OAuth2Session

from conversation import granted, open_address, refused, settings

# The test's bridge is on this machine, without TLS.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"

issuer = settings["issuer"]
token_endpoint = f"{issuer}/oauth2/token"
secret = settings["client_secret"]
session = OAuth2Session(
    settings["client_id"],
    redirect_uri=settings["redirect_uri"],
    scope=settings["scope"].split(" "),
    pkce="S256",
)

address, _ = session.authorization_url(f"{issuer}/oauth2/authorize")
back = open_address(address)
first = session.fetch_token(
    token_endpoint,
    authorization_response=back,
    client_secret=secret,
    include_client_id=None if secret else True,
)
granted("authorization_code", first)

auth = requests.auth.HTTPBasicAuth(settings["client_id"], secret) if secret else None
own = {} if secret else {"client_id": settings["client_id"]}
second = session.refresh_token(token_endpoint, auth=auth, **own)
granted("refresh_token", second)

# The session has no method of its own; the library below it writes the request.
url, headers, body = session._client.prepare_token_revocation_request(
    f"{issuer}/oauth2/revoke", second["refresh_token"], "refresh_token", **own
)
requests.post(url, headers=headers, data=body, auth=auth, timeout=10).raise_for_status()
try:
    granted("refresh_token", session.refresh_token(token_endpoint, auth=auth, **own))
except OAuth2Error as error:
    refused("refresh_token", error.error)
