// Clients that the provider takes by one method of authentication alone.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openFrontDoor } from './front_door.mjs';

const LIMIT_MS = 180_000;
const MAX_AGE_MS = 1000;

/** Signs in, and again reads the groups with the refresh token. */
async function signInAndRefresh(door) {
  const page = await door.signIn('ada');
  await page.getByText('Ada Admin').first().waitFor();
  // Beyond twice their age the page waits for the groups of now.
  await sleep(2 * MAX_AGE_MS + 200);
  await page.goto(door.url);
  await page.getByText('Ada Admin').first().waitFor();
  assert.ok(door.provider.refreshes() >= 1, door.log());
}

test('client_secret_post alone, although the provider announces both', { timeout: LIMIT_MS }, async () => {
  const method = 'client_secret_post';
  const settings = { OIDC_TOKEN_AUTH_METHOD: method, BRIDGE_GROUPS_MAX_AGE_SECONDS: '1' };
  const door = await openFrontDoor(settings, { token_endpoint_auth_method: method });
  try {
    const found = await door.check({ OIDC_TOKEN_AUTH_METHOD: 'auto' });
    assert.match(found, /WRONG the token endpoint takes the secret .* Set OIDC_TOKEN_AUTH_METHOD=client_secret_post/);
    assert.match(await door.check(), /ok the token endpoint takes client id and secret/);
    await signInAndRefresh(door);
  } finally {
    await door.close();
  }
});

test('private_key_jwt, with the key that check shows', { timeout: LIMIT_MS }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'client-key-'));
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const file = join(folder, 'client-key.pem');
  await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const { e, kty, n } = publicKey.export({ format: 'jwk' });
  // RFC 7638 section 3.
  const kid = createHash('sha256').update(JSON.stringify({ e, kty, n })).digest('base64url');
  const settings = { OIDC_CLIENT_SECRET: '', OIDC_CLIENT_KEY_FILE: file, BRIDGE_GROUPS_MAX_AGE_SECONDS: '1' };
  const door = await openFrontDoor(settings, {
    client_secret: undefined,
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [{ e, kty, n, kid, alg: 'RS256', use: 'sig' }] },
  });
  try {
    const said = await door.check();
    assert.match(said, /ok the token endpoint takes the client and its key/);
    assert.deepEqual(JSON.parse(/public half is (\{.*?\})/.exec(said)[1]), { e, kty, n, kid, alg: 'RS256', use: 'sig' });
    await signInAndRefresh(door);
  } finally {
    await door.close();
    await rm(folder, { recursive: true });
  }
});
