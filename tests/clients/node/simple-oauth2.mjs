import { createHash, randomBytes } from 'node:crypto'

import { AuthorizationCode } from 'simple-oauth2'

import { end, granted, open, refused, settings } from './conversation.mjs'

const client = new AuthorizationCode({
  client: { id: settings.client_id, secret: settings.client_secret },
  auth: {
    tokenHost: settings.issuer,
    authorizePath: '/oauth2/authorize',
    tokenPath: '/oauth2/token',
    revokePath: '/oauth2/revoke',
  },
})

// The library has no PKCE and passes its parameters on.
const verifier = randomBytes(32).toString('base64url')
const challenge = createHash('sha256').update(verifier).digest('base64url')
const address = client.authorizeURL({
  redirect_uri: settings.redirect_uri,
  scope: settings.scope,
  state: 'of this sign-in',
  code_challenge: challenge,
  code_challenge_method: 'S256',
})
const back = await open(address)
const first = await client.getToken({
  code: back.searchParams.get('code'),
  redirect_uri: settings.redirect_uri,
  code_verifier: verifier,
})
granted('authorization_code', first.token)

const second = await first.refresh()
granted('refresh_token', second.token)

await second.revoke('refresh_token')
try {
  granted('refresh_token', (await second.refresh()).token)
} catch (error) {
  refused('refresh_token', error.data.payload.error)
}
end()
