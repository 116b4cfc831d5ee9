"""Authlib, with the secret in the form."""

import os

from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session

from conversation import granted, open_address, refused, settings, show_codes

# The test's bridge is on this machine, without TLS.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

issuer = settings["issuer"]
token_endpoint = f"{issuer}/oauth2/token"
session = OAuth2Session(
    settings["client_id"],
    settings["client_secret"],
    token_endpoint_auth_method="client_secret_post" if settings["client_secret"] else "none",
    revocation_endpoint_auth_method="client_secret_post" if settings["client_secret"] else "none",
    scope=settings["scope"],
    redirect_uri=settings["redirect_uri"],
    code_challenge_method="S256",
)

verifier = generate_token(48)
address, state = session.create_authorization_url(f"{issuer}/oauth2/authorize", code_verifier=verifier)
back = open_address(address)
first = session.fetch_token(token_endpoint, authorization_response=back, state=state, code_verifier=verifier)
granted("authorization_code", first)

second = session.refresh_token(token_endpoint, refresh_token=first["refresh_token"])
granted("refresh_token", second)

session.revoke_token(f"{issuer}/oauth2/revoke", second["refresh_token"], token_type_hint="refresh_token").raise_for_status()
try:
    granted("refresh_token", session.refresh_token(token_endpoint, refresh_token=second["refresh_token"]))
except OAuthError as error:
    refused("refresh_token", error.error)

for subject in settings["subject_tokens"]:
    answer = session.fetch_token(
        token_endpoint,
        grant_type="urn:ietf:params:oauth:grant-type:token-exchange",
        subject_token=subject["token"],
        subject_token_type=subject["type"],
        scope=settings["scope"],
    )
    granted("token_exchange", answer)
