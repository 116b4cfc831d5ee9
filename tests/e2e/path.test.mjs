// The whole path in a browser: sign in, edit, exchange, sign out.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createHmac } from 'node:crypto';
import { RED5_SECRET, freshDatabase, startBridge } from './bridge.mjs';
import { exchange, startBrowser } from './browser.mjs';
import { freePort } from './port.mjs';
import { startProvider } from './provider.mjs';

const LIMIT_MS = 60_000;

let url;
let provider;
let bridge;
let browser;

before(async () => {
  url = `http://127.0.0.1:${await freePort()}`;
  [browser, provider] = await Promise.all([startBrowser(), startProvider(url)]);
  bridge = await startBridge({ url, issuer: provider.issuer, database: await freshDatabase() });
}, { timeout: LIMIT_MS });

after(async () => {
  await browser?.close();
  await bridge?.stop();
  provider?.stop();
});

/** A person with a browser of their own, signed in by a real redirect. */
async function signIn(login) {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  await page.goto(`${url}/`);
  await page.getByRole('link', { name: 'Sign in' }).click();
  await page.fill('input[name=login]', login);
  await page.fill('input[name=password]', 'any');
  await page.click('button[type=submit]');
  await page.click('button[type=submit]'); // consent
  await page.waitForURL((at) => at.origin === url);
  return page;
}

/** After signing out here: the page leads on to the provider, which asks, and back. */
async function leaveTheProvider(page) {
  await page.waitForURL(`${provider.issuer}/**`);
  await page.getByRole('button', { name: /yes/i }).click();
  await page.waitForURL((at) => at.origin === url);
}

/** The claims of a token whose signature fits the secret. */
function claimsOf(token) {
  const [header, claims, signature] = token.split('.');
  const expected = createHmac('sha256', RED5_SECRET).update(`${header}.${claims}`).digest('base64url');
  assert.equal(signature, expected);
  assert.deepEqual(JSON.parse(Buffer.from(header, 'base64url')), { alg: 'HS256', typ: 'JWT' });
  return JSON.parse(Buffer.from(claims, 'base64url'));
}

function claimsIssued({ status, body }) {
  assert.equal(status, 200, JSON.stringify(body));
  const { exp, ...claims } = claimsOf(body.access_token);
  assert.ok(Math.abs(exp - (Date.now() / 1000 + 300)) < 30, `exp ${exp}`);
  return claims;
}

test('an edit in the browser decides the next token of a session from before it', { timeout: LIMIT_MS }, async () => {
  const vic = await signIn('vic');
  const before = await exchange(vic);
  assert.deepEqual([before.status, before.body.code], [403, 'no_grant']);

  const ada = await signIn('ada');
  await ada.getByRole('link', { name: 'Mappings', exact: true }).click();
  await ada.getByRole('link', { name: 'Add a mapping' }).click();
  await ada.getByLabel('Group', { exact: true }).fill('viewers');
  await ada.locator('#roles-red5-subscriber').check();
  await ada.getByLabel('One to a line').fill('lobby');
  await ada.getByRole('checkbox', { name: /WHEP/ }).check();
  await ada.getByRole('button', { name: 'Add it' }).click();
  await ada.getByRole('row', { name: /viewers/ }).waitFor();

  assert.deepEqual(claimsIssued(await exchange(vic)), {
    sub: 'vic', name: 'Vic Viewer', roles: 'red5-subscriber', 'red5-transport': 'WHEP', 'red5-room': 'lobby',
  });

  await ada.getByRole('link', { name: /^Edit/ }).click();
  await ada.getByLabel('One to a line').fill('studio-1');
  await ada.getByRole('button', { name: 'Save' }).click();
  await ada.getByRole('row', { name: /studio-1/ }).waitFor();

  assert.equal(claimsIssued(await exchange(vic))['red5-room'], 'studio-1');
  const gone = await exchange(vic, { rooms: ['lobby'] });
  assert.deepEqual([gone.status, gone.body.code, gone.body.refused], [403, 'scope_not_granted', ['lobby']]);

  // A person at the portal gets the same as an app.
  await vic.goto(`${url}/`);
  await vic.getByLabel('Room', { exact: true }).selectOption('studio-1');
  await vic.getByRole('button', { name: 'Get a token' }).click();
  const shown = await vic.getByLabel('Token', { exact: true }).inputValue();
  assert.equal(claimsOf(shown)['red5-room'], 'studio-1');

  // Signed out here and at the provider: the next sign-in asks for the name again.
  await vic.getByRole('button', { name: 'Sign out' }).click();
  await leaveTheProvider(vic);
  assert.equal((await exchange(vic)).status, 401);
  await vic.goto(`${url}/auth/login`);
  await vic.locator('input[name=login]').waitFor();
});

test('a person without a grant is told so with the groups seen, and can leave', { timeout: LIMIT_MS }, async () => {
  const noor = await signIn('noor');
  const answer = await noor.goto(`${url}/`);
  assert.equal(answer.status(), 403);
  assert.equal(new URL(noor.url()).pathname, '/');
  await noor.getByText('accounting').waitFor();
  await noor.locator('main').getByRole('button', { name: 'Sign out' }).click();
  await leaveTheProvider(noor);
  assert.equal((await noor.goto(`${url}/api/session`)).status(), 401);
});

test('a viewer does not get into the mappings', { timeout: LIMIT_MS }, async () => {
  const vic = await signIn('vic');
  assert.equal((await vic.goto(`${url}/admin/mappings`)).status(), 403);
});
