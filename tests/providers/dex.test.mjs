// Dex, configured by the words of docs/providers/dex.md: in front of a provider that knows people
// and groups (its connector `oidc`), and with people of its own (`staticPasswords`).
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answerProvider, exchange } from '../e2e/browser.mjs';
import { CLIENT, startProvider as startCompany } from '../e2e/provider.mjs';
import { guideBlock, startProvider } from './door.mjs';
import { testProvider } from './frame.mjs';

const SECRET = randomBytes(24).toString('base64url');
/** The person of Dex's own, with the word `password` for a password. */
const OWN = 'eve@example.com';
const OWN_HASH = '$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W';

let company;

const frame = testProvider({
  guide: 'dex',
  limit: 240_000,
  start,
  group: 'example-org:viewers',
  identity: { username: 'vic', name: 'Vic Viewer', groups: ['example-org:viewers'] },
  leave: () => company.setGroups('vic', []),
  join: () => company.setGroups('vic', ['example-org:viewers']),
});

function configuration(issuer, port, bridge) {
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

/** What the log says since `start` about refreshes that failed. */
function failures(start = 0) {
  return [...frame.door.log().slice(start).matchAll(/event="(?:refresh_failed|session_ended)".*/g)].map(([line]) => line);
}

async function start({ folder, port, url }) {
  const issuer = `http://127.0.0.1:${port}/dex`;
  company = await startCompany(issuer, { redirect_uris: [`${issuer}/callback`] });
  company.setGroups('ada', ['example-org:streaming']);
  company.setGroups('vic', ['example-org:viewers']);
  company.setGroups('noor', ['example-org:viewers']);
  const file = join(folder, 'dex.yaml');
  writeFileSync(file, configuration(issuer, port, url));
  const dex = await startProvider(`${process.env.PROVIDER_HOME}/dex`, ['serve', file], { cwd: folder }, `${issuer}/.well-known/openid-configuration`);
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
  return {
    provider: { issuer, secret: SECRET, answer },
    stop() {
      dex.stop();
      company.stop();
    },
  };
}

frame.test('a person of Dex itself has no groups and no user name', async (door) => {
  const { identity } = await door.session(await door.signIn(OWN));
  assert.equal(identity.name, 'Eve Example');
  assert.deepEqual(identity.groups, []);
  assert.equal(identity.username ?? null, null);
});

frame.test('signing out ends the session here alone, and says so', async (door) => {
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

frame.test('a sign-in with another account comes to the connector, which knows the same person', async (door) => {
  const page = await door.signIn('vic');
  await page.getByRole('button', { name: /another account/i }).first().click();
  await page.getByRole('button', { name: 'Log in with Company' }).click();
  await page.waitForURL(`${company.issuer}/**`);
  assert.equal(await page.locator('input[name=password]').count(), 0);
});

frame.test('a second browser takes the refresh token of the first, whose session ends in time', async (door, context) => {
  const first = await door.signIn('noor');
  await door.exchangeUntil(first, 200);
  const start = door.log().length;
  const second = await door.signIn('noor');
  await door.exchangeUntil(first, 401);
  context.diagnostic(failures(start)[0] ?? 'no refresh failed');
  await door.exchangeUntil(second, 200);
});

frame.test('a person who was removed is out in time, and other people sign in all the while', async (door, context) => {
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
