import * as oauth from 'oauth4webapi'

import { end, granted, open, refused, settings, showCodes } from './conversation.mjs'

// The test's bridge is on this machine, without TLS.
const options = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(settings.issuer)
const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...options })
const server = await oauth.processDiscoveryResponse(issuer, found)
const client = { client_id: settings.client_id }
const secret = settings.client_secret
const authentication = secret ? oauth.ClientSecretBasic(secret) : oauth.None()
const own = [server, client, authentication]

const verifier = oauth.generateRandomCodeVerifier()
const state = oauth.generateRandomState()
const address = new URL(server.authorization_endpoint)
address.search = new URLSearchParams({
  client_id: settings.client_id,
  redirect_uri: settings.redirect_uri,
  response_type: 'code',
  scope: settings.scope,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
})
const back = oauth.validateAuthResponse(server, client, await open(address), state)
const redeemed = await oauth.authorizationCodeGrantRequest(...own, back, settings.redirect_uri, verifier, options)
const first = await oauth.processAuthorizationCodeResponse(server, client, redeemed)
granted('authorization_code', first)

const refresh = async (token) => {
  const response = await oauth.refreshTokenGrantRequest(...own, token, options)
  return oauth.processRefreshTokenResponse(server, client, response)
}
const second = await refresh(first.refresh_token)
granted('refresh_token', second)

const revoked = await oauth.revocationRequest(...own, second.refresh_token, options)
await oauth.processRevocationResponse(revoked)
try {
  granted('refresh_token', await refresh(second.refresh_token))
} catch (error) {
  refused('refresh_token', error.error)
}

for (const subject of settings.subject_tokens) {
  const grant = 'urn:ietf:params:oauth:grant-type:token-exchange'
  const parameters = { subject_token: subject.token, subject_token_type: subject.type, scope: settings.scope }
  const response = await oauth.genericTokenEndpointRequest(...own, grant, parameters, options)
  granted('token_exchange', await oauth.processGenericTokenEndpointResponse(server, client, response))
}

if (settings.device) {
  const asked = await oauth.deviceAuthorizationRequest(...own, { scope: settings.scope }, options)
  const codes = await oauth.processDeviceAuthorizationResponse(server, client, asked)
  await showCodes(codes)
  const response = await oauth.deviceCodeGrantRequest(...own, codes.device_code, options)
  granted('device_code', await oauth.processDeviceCodeResponse(server, client, response))
}
end()
