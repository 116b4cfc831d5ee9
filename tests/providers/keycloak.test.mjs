// Keycloak, registered in its console by the words of docs/providers/keycloak.md.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { exchange, newPage, startBrowser } from '../e2e/browser.mjs';
import { freePort } from '../e2e/port.mjs';
import { openDoor, startProvider } from './door.mjs';
import { ADMIN, registerInConsole, registerKeyInConsole, setUpRealm } from './keycloak_admin.mjs';

const LIMIT_MS = 400_000;

let base;
let door;
let folder;
let keycloak;
let realm;

async function answer(page, login) {
  await page.waitForURL(`${realm.issuer}/**`);
  await page.locator('#username').fill(login);
  await page.locator('#password').fill(`${login}-password`);
  await page.locator('#kc-login').click();
}

/** A bridge at `url` that signs in with this secret, or else with what `settings` say. */
function openAt(url, secret, settings = {}) {
  return openDoor({
    guide: 'keycloak',
    scenario: 'groups',
    url,
    provider: { issuer: realm.issuer, secret, answer },
    settings: { BRIDGE_GROUPS_MAX_AGE_SECONDS: '1', ...settings },
  });
}

async function inConsole(register, ...args) {
  const browser = await startBrowser();
  try {
    return await register(await newPage(browser), base, ...args);
  } finally {
    await browser.close();
  }
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'keycloak-'));
  const port = await freePort();
  base = `http://127.0.0.1:${port}`;
  const url = `http://127.0.0.1:${await freePort()}`;
  keycloak = await startProvider(`${process.env.PROVIDER_HOME}/bin/kc.sh`, ['start-dev', '--http-host=127.0.0.1', `--http-port=${port}`, '--db=dev-mem'], {
    env: {
      ...process.env,
      KC_BOOTSTRAP_ADMIN_USERNAME: ADMIN.username,
      KC_BOOTSTRAP_ADMIN_PASSWORD: ADMIN.password,
    },
  }, `${base}/realms/master`);
  realm = await setUpRealm(base);
  await realm.addPerson('ada', 'admins');
  for (const name of ['vic', 'wes', 'zoe', 'rex', 'sam']) await realm.addPerson(name, 'viewers');

  door = await openAt(url, await inConsole(registerInConsole, url));
  await door.map(await door.signIn('ada'), '/streaming/viewers', 'lobby');
}, { timeout: LIMIT_MS });
after(async () => {
  await door?.close();
  keycloak?.stop();
  if (folder) rmSync(folder, { recursive: true });
});

test('check finds nothing wrong with what the guide says', { timeout: LIMIT_MS }, (context) => door.check((note) => context.diagnostic(note)));

test('groups are paths in the identity, and what is mapped to one is in the token', { timeout: LIMIT_MS }, async () => {
  const page = await door.signIn('vic');
  const { identity } = await door.session(page);
  assert.equal(identity.username, 'vic');
  assert.equal(identity.name, 'vic Example');
  assert.deepEqual(identity.groups, ['/streaming/viewers']);
  const { status, body } = await exchange(page);
  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual(body.rooms, ['lobby']);
});

test('a group taken away is gone with the next refresh, and one given back is there', { timeout: LIMIT_MS }, async () => {
  const page = await door.signIn('vic');
  await realm.leave('vic', 'viewers');
  assert.equal((await door.exchangeUntil(page, 403)).code, 'no_grant');
  assert.deepEqual((await door.session(page)).identity.groups, []);
  await realm.join('vic', 'viewers');
  await door.exchangeUntil(page, 200);
});

test('signing out leads to Keycloak and back, and the next sign-in asks for the password', { timeout: LIMIT_MS }, async () => {
  const page = await door.signIn('zoe');
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await page.waitForURL(`${door.url}/auth/signed-out?**`);
  assert.deepEqual(await realm.sessions('zoe'), []);
  await door.signInAt(page, 'zoe');
});

test('another person can sign in where one is signed in', { timeout: LIMIT_MS }, async () => {
  const page = await door.signIn('vic');
  await page.getByRole('button', { name: /another account/i }).first().click();
  await answer(page, 'ada');
  await page.waitForURL(`${door.url}/`);
  assert.equal((await door.session(page)).identity.username, 'ada');
});

test('a session that an administrator ends there is ended here by the back channel', { timeout: LIMIT_MS }, async () => {
  const page = await door.signIn('wes');
  const [session] = await realm.sessions('wes');
  await realm.endSession(session.id);
  await door.exchangeUntil(page, 401);
  assert.match(door.log(), /event="logged_out" by="sid" sessions=1/);
});

test('all sessions of a person, ended there, are ended here', { timeout: LIMIT_MS }, async (context) => {
  const pages = [await door.signIn('wes'), await door.signIn('wes')];
  const before = door.log().length;
  await realm.signOut('wes');
  for (const page of pages) await door.exchangeUntil(page, 401);
  const news = door.log().slice(before);
  context.diagnostic(`${news.match(/event="logged_out"/g)?.length ?? 0} logout tokens; ${news.match(/token_invalid_grant/g)?.length ?? 0} sessions ended by their refresh`);
});

test('a person who was removed is out with the next refresh', { timeout: LIMIT_MS }, async () => {
  const page = await door.signIn('rex');
  await realm.remove('rex');
  await door.exchangeUntil(page, 401);
  assert.match(door.log(), /token_invalid_grant/);
});

test('signing out in one browser leaves the session in another', { timeout: LIMIT_MS }, async () => {
  const stays = await door.signIn('sam');
  const leaves = await door.signIn('sam');
  await leaves.getByRole('button', { name: 'Sign out', exact: true }).click();
  await leaves.waitForURL(`${door.url}/auth/signed-out?**`);
  assert.equal((await realm.sessions('sam')).length, 1);
  // Its refreshes go on, though the other session's refresh token was revoked.
  await realm.leave('sam', 'viewers');
  await door.exchangeUntil(stays, 403);
  await realm.join('sam', 'viewers');
  await door.exchangeUntil(stays, 200);
});

test('a hundred and twenty groups arrive, and signing out works with them', { timeout: LIMIT_MS }, async (context) => {
  await realm.addPerson('max', 'viewers');
  for (let number = 0; number < 120; number += 1) {
    await realm.addGroup(`department-${number}-of-the-company`);
    await realm.join('max', `department-${number}-of-the-company`);
  }
  const page = await door.signIn('max');
  assert.equal((await door.session(page)).identity.groups.length, 121);
  let longest = 0;
  page.on('request', (request) => { longest = Math.max(longest, request.url().length); });
  // The session at Keycloak belongs to another application too: the bridge's revoking of its
  // own refresh token does not end it.
  await page.goto(`${realm.issuer}/account`);
  await page.getByText('Personal info').first().waitFor();
  await page.goto(`${door.url}/`);
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  // Without the ID token Keycloak asks first.
  await page.locator('#kc-logout').click();
  await page.waitForURL(`${door.url}/auth/signed-out?**`);
  assert.deepEqual(await realm.sessions('max'), []);

  // Where it is the only application, the session ends with the refresh token, mostly before
  // the browser arrives: there is nothing left to ask.
  await door.signInAt(page, 'max');
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await page.waitForURL((url) => url.href.startsWith(realm.issuer) || url.href.startsWith(`${door.url}/auth/signed-out?`));
  const asked = page.url().startsWith(realm.issuer);
  if (asked) await page.locator('#kc-logout').click();
  await page.waitForURL(`${door.url}/auth/signed-out?**`);
  assert.deepEqual(await realm.sessions('max'), []);
  context.diagnostic(`the longest address had ${longest} characters; Keycloak ${asked ? 'asked' : 'did not ask'} the second time`);
});

test('with a key instead of the secret a person signs in, and the groups are read again', { timeout: LIMIT_MS }, async (context) => {
  const { url } = door;
  await door.close();
  const key = join(folder, 'client-key.pem');
  const keys = join(folder, 'jwks.json');
  writeFileSync(key, generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey.export({ type: 'pkcs8', format: 'pem' }));
  door = await openAt(url, undefined, { OIDC_CLIENT_KEY_FILE: key });
  const { report } = await door.report();
  writeFileSync(keys, `{"keys":[${report.match(/\{"[^]*?"\}/)[0]}]}`);
  await inConsole(registerKeyInConsole, keys);
  await door.check((note) => context.diagnostic(note));
  await door.map(await door.signIn('ada'), '/streaming/viewers', 'lobby');
  const page = await door.signIn('vic');
  await realm.leave('vic', 'viewers');
  assert.equal((await door.exchangeUntil(page, 403)).code, 'no_grant');
  await realm.join('vic', 'viewers');
  await door.exchangeUntil(page, 200);
});
