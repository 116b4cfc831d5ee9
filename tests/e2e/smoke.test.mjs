// What the path test stands on: the provider, the browser, a database.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { createHash, randomBytes } from 'node:crypto';
import pg from 'pg';
import { freshDatabase } from './bridge.mjs';
import { startBrowser } from './browser.mjs';
import { freePort } from './port.mjs';
import { CLIENT, startProvider } from './provider.mjs';

let browser;
before(async () => { browser = await startBrowser(); });
after(() => browser.close());

test('a person signs in at the provider and the ID token has the groups', async () => {
  const url = `http://127.0.0.1:${await freePort()}`;
  const provider = await startProvider(url);
  const callback = createServer((_request, response) => response.end('back'));
  callback.listen(new URL(url).port, '127.0.0.1');
  await once(callback, 'listening');
  try {
    const verifier = randomBytes(32).toString('base64url');
    const authorize = new URL(`${provider.issuer}/auth`);
    authorize.search = new URLSearchParams({
      client_id: CLIENT.id,
      redirect_uri: `${url}/auth/callback`,
      response_type: 'code',
      scope: 'openid profile',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    });
    const page = await browser.newPage();
    await page.goto(authorize.href);
    await page.fill('input[name=login]', 'vic');
    await page.fill('input[name=password]', 'any');
    await page.click('button[type=submit]');
    await page.click('button[type=submit]');
    await page.waitForURL(`${url}/auth/callback**`);
    const answer = await fetch(`${provider.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${CLIENT.id}:${CLIENT.secret}`).toString('base64')}` },
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code: new URL(page.url()).searchParams.get('code'),
        redirect_uri: `${url}/auth/callback`,
        code_verifier: verifier,
      }),
    });
    const { id_token: idToken } = await answer.json();
    const claims = JSON.parse(Buffer.from(idToken.split('.')[1], 'base64url'));
    assert.equal(claims.sub, 'vic');
    assert.deepEqual(claims.groups, ['viewers']);
  } finally {
    callback.closeAllConnections();
    callback.close();
    provider.stop();
  }
});

test('each bridge gets a database of its own', async () => {
  const [one, other] = [await freshDatabase(), await freshDatabase()];
  assert.notEqual(one, other);
  const client = new pg.Client({ connectionString: one });
  await client.connect();
  const { rows } = await client.query("SELECT count(*)::int AS tables FROM pg_tables WHERE schemaname = 'public'");
  await client.end();
  assert.equal(rows[0].tables, 0);
});
