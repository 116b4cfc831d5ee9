// A certified OpenID provider (npm `oidc-provider`) on a free loopback port,
// with a few people whose groups are in the ID token. Its own development
// pages ask for a name (any password will do) and then for consent. It gives refresh
// tokens, each good once, and says by the back channel when a session is over.
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import Provider from 'oidc-provider';
import { freePort } from './port.mjs';

export const CLIENT = { id: 'red5-bridge', secret: randomBytes(24).toString('base64url') };

/** What the bridge is told to take as its administrators' group. */
export const ADMIN_GROUP = 'streaming-admins';

const PEOPLE = {
  ada: { name: 'Ada Admin', groups: [ADMIN_GROUP, 'producers'] },
  vic: { name: 'Vic Viewer', groups: ['viewers'] },
  noor: { name: 'Noor Nogroup', groups: ['accounting'] },
  zoe: {
    name: '‮"><img src=x onerror=alert(1)> زوي',
    groups: [...Array.from({ length: 100 }, (_, n) => `team-${n}-${'long'.repeat(n % 20)}`), 'שלום', 'viewers'],
  },
};

function account(people, id) {
  const person = people[id];
  return person && {
    accountId: id,
    claims: () => ({ sub: id, preferred_username: id, name: person.name, groups: person.groups }),
  };
}

/** Starts the provider for a bridge at `bridgeUrl`. `client`: what is registered otherwise than usual. */
export async function startProvider(bridgeUrl, client = {}) {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const people = structuredClone(PEOPLE);
  const provider = new Provider(issuer, {
    clients: [{
      client_id: CLIENT.id,
      client_secret: CLIENT.secret,
      redirect_uris: [`${bridgeUrl}/auth/callback`],
      post_logout_redirect_uris: [`${bridgeUrl}/auth/signed-out`],
      grant_types: ['authorization_code', 'refresh_token'],
      backchannel_logout_uri: `${bridgeUrl}/auth/backchannel-logout`,
      backchannel_logout_session_required: true,
      ...client,
    }],
    features: { backchannelLogout: { enabled: true } },
    // Its own fetch refuses every address of the loopback.
    fetch: (url, { dispatcher: _refusing, ...options }) => fetch(url, options),
    // Without `offline_access`; the second use of one ends the grant.
    issueRefreshToken: (_context, registered) => registered.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    claims: { openid: ['sub'], profile: ['name', 'preferred_username', 'groups'] },
    conformIdTokenClaims: false,
    cookies: { keys: [randomBytes(24).toString('base64url')] },
    findAccount: (_context, id) => account(people, id),
  });
  if (client.token_endpoint_auth_method === 'client_secret_post') {
    // It would take the secret by both methods; some providers do not.
    provider.use(async (context, next) => {
      if (!context.path.startsWith('/token') || !context.headers.authorization) return next();
      context.status = 401;
      context.body = { error: 'invalid_client' };
      return undefined;
    });
  }
  let tokenRequests = 0;
  let refreshes = 0;
  provider.on('grant.success', ({ oidc }) => {
    tokenRequests += 1;
    if (oidc.params.grant_type === 'refresh_token') refreshes += 1;
  });
  provider.on('grant.error', () => { tokenRequests += 1; });
  const server = provider.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    issuer,
    /** How often its token endpoint was asked. */
    tokenRequests: () => tokenRequests,
    /** How often it gave tokens for a refresh token. */
    refreshes: () => refreshes,
    /** From now on these are the groups of `login`. */
    setGroups(login, groups) { people[login].groups = groups; },
    remove(login) { delete people[login]; },
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
