// Keycloak, registered in its console by the words of docs/providers/keycloak.md.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newPage, startBrowser } from '../e2e/browser.mjs';
import { startProvider } from './door.mjs';
import { testProvider, testsSignOut } from './frame.mjs';
import { ADMIN, registerInConsole, registerKeyInConsole, setUpRealm } from './keycloak_admin.mjs';

let base;
let realm;

const frame = testProvider({
  guide: 'keycloak',
  scenario: 'groups',
  settings: { BRIDGE_GROUPS_MAX_AGE_SECONDS: '1' },
  limit: 400_000,
  start,
  group: '/streaming/viewers',
  identity: { username: 'vic', name: 'vic Example', groups: ['/streaming/viewers'] },
  leave: () => realm.leave('vic', 'viewers'),
  join: () => realm.join('vic', 'viewers'),
});

async function answer(page, login) {
  await page.waitForURL(`${realm.issuer}/**`);
  await page.locator('#username').fill(login);
  await page.locator('#password').fill(`${login}-password`);
  await page.locator('#kc-login').click();
}

async function inConsole(register, ...args) {
  const browser = await startBrowser();
  try {
    return await register(await newPage(browser), base, ...args);
  } finally {
    await browser.close();
  }
}

async function start({ port, url }) {
  base = `http://127.0.0.1:${port}`;
  const keycloak = await startProvider(`${process.env.PROVIDER_HOME}/bin/kc.sh`, ['start-dev', '--http-host=127.0.0.1', `--http-port=${port}`, '--db=dev-mem'], {
    env: {
      ...process.env,
      KC_BOOTSTRAP_ADMIN_USERNAME: ADMIN.username,
      KC_BOOTSTRAP_ADMIN_PASSWORD: ADMIN.password,
    },
  }, `${base}/realms/master`);
  realm = await setUpRealm(base);
  await realm.addPerson('ada', 'admins');
  for (const name of ['vic', 'wes', 'zoe', 'rex', 'sam']) await realm.addPerson(name, 'viewers');
  const secret = await inConsole(registerInConsole, url);
  return { provider: { issuer: realm.issuer, secret, answer }, stop: keycloak.stop };
}

testsSignOut(frame, 'zoe', async () => assert.deepEqual(await realm.sessions('zoe'), []));

frame.test('a session that an administrator ends there is ended here by the back channel', async (door) => {
  const page = await door.signIn('wes');
  const [session] = await realm.sessions('wes');
  await realm.endSession(session.id);
  await door.exchangeUntil(page, 401);
  assert.match(door.log(), /event="logged_out" by="sid" sessions=1/);
});

frame.test('all sessions of a person, ended there, are ended here', async (door, context) => {
  const pages = [await door.signIn('wes'), await door.signIn('wes')];
  const before = door.log().length;
  await realm.signOut('wes');
  for (const page of pages) await door.exchangeUntil(page, 401);
  const news = door.log().slice(before);
  context.diagnostic(`${news.match(/event="logged_out"/g)?.length ?? 0} logout tokens; ${news.match(/token_invalid_grant/g)?.length ?? 0} sessions ended by their refresh`);
});

frame.test('a person who was removed is out with the next refresh', async (door) => {
  const page = await door.signIn('rex');
  await realm.remove('rex');
  await door.exchangeUntil(page, 401);
  assert.match(door.log(), /token_invalid_grant/);
});

frame.test('signing out in one browser leaves the session in another', async (door) => {
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

frame.test('a hundred and twenty groups arrive, and signing out works with them', async (door, context) => {
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

frame.test('with a key instead of the secret a person signs in, and the groups are read again', async (door, context) => {
  const key = join(frame.folder, 'client-key.pem');
  const keys = join(frame.folder, 'jwks.json');
  writeFileSync(key, generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey.export({ type: 'pkcs8', format: 'pem' }));
  door = await frame.reopen({ ...frame.started.provider, secret: undefined }, { OIDC_CLIENT_KEY_FILE: key });
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
