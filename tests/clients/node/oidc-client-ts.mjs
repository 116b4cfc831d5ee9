import { InMemoryWebStorage, UserManager, WebStorageStateStore } from 'oidc-client-ts'

import { end, granted, open, refused, settings } from './conversation.mjs'

let back

// There is no window here, so the storage and the way to the browser are given.
const store = () => new WebStorageStateStore({ store: new InMemoryWebStorage() })
const browser = {
  async prepare() {
    return { navigate: async ({ url }) => ({ url: (back = await open(url)).href }), close() {} }
  },
}
const manager = new UserManager(
  {
    authority: settings.issuer,
    metadataUrl: `${settings.issuer}/.well-known/oauth-authorization-server`,
    client_id: settings.client_id,
    redirect_uri: settings.redirect_uri,
    scope: settings.scope,
    automaticSilentRenew: false,
    revokeTokenTypes: ['refresh_token'],
    stateStore: store(),
    userStore: store(),
  },
  browser,
)

await manager.signinRedirect()
const first = await manager.signinRedirectCallback(back.href)
granted('authorization_code', told(first))

const second = await manager.signinSilent()
granted('refresh_token', told(second))

const { refresh_token } = second
await manager.revokeTokens()
second.refresh_token = refresh_token
await manager.storeUser(second)
try {
  granted('refresh_token', told(await manager.signinSilent()))
} catch (error) {
  refused('refresh_token', error.error)
}
end()

/** The members of the answer that the library keeps. */
function told({ access_token, refresh_token, token_type, scope, expires_at }) {
  return { access_token, refresh_token, token_type, scope, expires_at }
}
