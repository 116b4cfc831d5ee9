// Dex, configured by the words of docs/providers/dex.md: in front of a provider that knows people
// and groups (its connector `oidc`), and with people of its own (`staticPasswords`).
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { answerProvider, exchange } from '../e2e/browser.mjs';
import { freePort } from '../e2e/port.mjs';
import { CLIENT, startProvider as startCompany } from '../e2e/provider.mjs';
import { guideBlock, openDoor, startProvider } from './door.mjs';

const LIMIT_MS = 240_000;
const SECRET = randomBytes(24).toString('base64url');
/** The person of Dex's own, with the word `password` for a password. */
const OWN = 'eve@example.com';
const OWN_HASH = '$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W';

let company;
let dex;
let door;
let folder;
let issuer;

function configuration(port, bridge) {
  const client = guideBlock('dex', 'yaml').replaceAll('https://bridge.example.com', bridge).replace('the client secret', SECRET);
  return `
issuer: ${issuer}
storage: { type: memory }
web: { http: '127.0.0.1:${port}' }
${client}
connectors:
  - type: oidc
    id: company
    name: Company
    config:
      issuer: ${company.issuer}
      clientID: ${CLIENT.id}
      clientSecret: ${CLIENT.secret}
      redirectURI: ${issuer}/callback
      scopes: [profile]
      insecureEnableGroups: true
enablePasswordDB: true
staticPasswords:
  - { email: ${OWN}, hash: '${OWN_HASH}', username: Eve Example, userID: eve-1 }
`;
}

async function answer(page, login) {
  await page.waitForURL(`${issuer}/**`);
  if (login === OWN) {
    await page.getByRole('button', { name: 'Log in with Email' }).click();
    await page.locator('#login').fill(OWN);
    await page.locator('#password').fill('password');
    await page.locator('#submit-login').click();
  } else {
    await page.getByRole('button', { name: 'Log in with Company' }).click();
    await answerProvider(page, company, login);
  }
}

/** What the log says since `start` about refreshes that failed. */
function failures(start = 0) {
  return [...door.log().slice(start).matchAll(/event="(?:refresh_failed|session_ended)".*/g)].map(([line]) => line);
}

before(async () => {
  const port = await freePort();
  issuer = `http://127.0.0.1:${port}/dex`;
  company = await startCompany(issuer, { redirect_uris: [`${issuer}/callback`] });
  company.setGroups('ada', ['example-org:streaming']);
  company.setGroups('vic', ['example-org:viewers']);
  company.setGroups('noor', ['example-org:viewers']);
  const url = `http://127.0.0.1:${await freePort()}`;
  folder = mkdtempSync(join(tmpdir(), 'dex-'));
  const file = join(folder, 'dex.yaml');
  writeFileSync(file, configuration(port, url));
  dex = await startProvider(`${process.env.PROVIDER_HOME}/dex`, ['serve', file], { cwd: folder }, `${issuer}/.well-known/openid-configuration`);
  door = await openDoor({
    guide: 'dex',
    url,
    provider: { issuer, secret: SECRET, answer },
    settings: { BRIDGE_GROUPS_MAX_AGE_SECONDS: '1', BRIDGE_UNREFRESHED_MAX_MINUTES: '1' },
  });
  await door.map(await door.signIn('ada'), 'example-org:viewers', 'lobby');
}, { timeout: LIMIT_MS });
after(async () => {
  await door?.close();
  dex?.stop();
  company?.stop();
  if (folder) rmSync(folder, { recursive: true });
});

test('check finds nothing wrong with what the guide says', { timeout: LIMIT_MS }, (context) => door.check((note) => context.diagnostic(note)));

test('the groups of the connector are in the identity, and what is mapped to one is in the token', { timeout: LIMIT_MS }, async () => {
  const page = await door.signIn('vic');
  const { identity } = await door.session(page);
  assert.equal(identity.username, 'vic');
  assert.equal(identity.name, 'Vic Viewer');
  assert.deepEqual(identity.groups, ['example-org:viewers']);
  const { status, body } = await exchange(page);
  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual(body.rooms, ['lobby']);
});

test('a person of Dex itself has no groups and no user name', { timeout: LIMIT_MS }, async () => {
  const { identity } = await door.session(await door.signIn(OWN));
  assert.equal(identity.name, 'Eve Example');
  assert.deepEqual(identity.groups, []);
  assert.equal(identity.username ?? null, null);
});

test('a group taken away is gone with the next refresh, and one given back is there', { timeout: LIMIT_MS }, async () => {
  const page = await door.signIn('vic');
  company.setGroups('vic', []);
  assert.equal((await door.exchangeUntil(page, 403)).code, 'no_grant');
  assert.deepEqual((await door.session(page)).identity.groups, []);
  company.setGroups('vic', ['example-org:viewers']);
  await door.exchangeUntil(page, 200);
});

test('signing out ends the session here alone, and says so', { timeout: LIMIT_MS }, async () => {
  const page = await door.signIn('vic');
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await page.getByRole('heading', { name: 'You may still be signed in at your identity provider' }).waitFor();
  // The provider behind the connector knows the person still, and asks for no password.
  await page.goto(`${door.url}/`);
  await page.getByRole('link', { name: 'Sign in', exact: true }).click();
  await page.getByRole('button', { name: 'Log in with Company' }).click();
  await page.waitForURL(`${company.issuer}/**`);
  assert.equal(await page.locator('input[name=password]').count(), 0);
  await answerProvider(page, company, 'vic');
  await page.waitForURL(`${door.url}/`);
  assert.equal((await door.session(page)).identity.username, 'vic');
});

test('a sign-in with another account comes to the connector, which knows the same person', { timeout: LIMIT_MS }, async () => {
  const page = await door.signIn('vic');
  await page.getByRole('button', { name: /another account/i }).first().click();
  await page.getByRole('button', { name: 'Log in with Company' }).click();
  await page.waitForURL(`${company.issuer}/**`);
  assert.equal(await page.locator('input[name=password]').count(), 0);
});

test('a second browser takes the refresh token of the first, whose session ends in time', { timeout: LIMIT_MS }, async (context) => {
  const first = await door.signIn('noor');
  await door.exchangeUntil(first, 200);
  const start = door.log().length;
  const second = await door.signIn('noor');
  await door.exchangeUntil(first, 401);
  context.diagnostic(failures(start)[0] ?? 'no refresh failed');
  await door.exchangeUntil(second, 200);
});

test('a person who was removed is out in time, and other people sign in all the while', { timeout: LIMIT_MS }, async (context) => {
  const page = await door.signIn('noor');
  const start = door.log().length;
  company.remove('noor');
  assert.equal((await door.exchangeUntil(page, 503)).code, 'unavailable');
  for (let number = 0; number < 5; number += 1) {
    await exchange(page);
    await door.signIn('vic');
  }
  await door.exchangeUntil(page, 401);
  context.diagnostic(failures(start)[0] ?? 'no refresh failed');
});
