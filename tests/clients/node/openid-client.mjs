import * as client from 'openid-client'

import { end, granted, open, refused, settings, showCodes } from './conversation.mjs'

const secret = settings.client_secret
const configuration = await client.discovery(
  new URL(settings.issuer),
  settings.client_id,
  {},
  secret ? client.ClientSecretPost(secret) : client.None(),
  // The test's bridge is on this machine, without TLS.
  { algorithm: 'oauth2', execute: [client.allowInsecureRequests] },
)

const verifier = client.randomPKCECodeVerifier()
const state = client.randomState()
const address = client.buildAuthorizationUrl(configuration, {
  redirect_uri: settings.redirect_uri,
  scope: settings.scope,
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
})
const back = await open(address)
const checks = { pkceCodeVerifier: verifier, expectedState: state }
const first = await client.authorizationCodeGrant(configuration, back, checks)
granted('authorization_code', first)

const second = await client.refreshTokenGrant(configuration, first.refresh_token)
granted('refresh_token', second)

await client.tokenRevocation(configuration, second.refresh_token, { token_type_hint: 'refresh_token' })
try {
  granted('refresh_token', await client.refreshTokenGrant(configuration, second.refresh_token))
} catch (error) {
  refused('refresh_token', error.error)
}

for (const subject of settings.subject_tokens) {
  const grant = 'urn:ietf:params:oauth:grant-type:token-exchange'
  const parameters = { subject_token: subject.token, subject_token_type: subject.type, scope: settings.scope }
  granted('token_exchange', await client.genericGrantRequest(configuration, grant, parameters))
}

if (settings.device) {
  const codes = await client.initiateDeviceAuthorization(configuration, { scope: settings.scope })
  await showCodes(codes)
  granted('device_code', await client.pollDeviceAuthorizationGrant(configuration, codes))
}
end()
