// What browsers do to a sign-in: tabs, the back button, no cookies, no scripts;
// all of it below a base path, behind a proxy.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { answerProvider } from './browser.mjs';
import { openFrontDoor } from './front_door.mjs';

const LIMIT_MS = 90_000;

let door;

before(async () => {
  door = await openFrontDoor();
  await door.map(await door.signIn('ada'), 'viewers', 'lobby');
}, { timeout: LIMIT_MS });
after(async () => { await door?.close(); });

const pathOf = (page) => page.url().slice(new URL(door.url).origin.length);

test('below the base path everything is there, and health at the root too', { timeout: LIMIT_MS }, async () => {
  const { origin } = new URL(door.url);
  for (const path of ['/livez', '/readyz', '/bridge/livez', '/bridge/readyz']) {
    assert.equal((await fetch(origin + path)).status, 200, path);
  }
  for (const path of ['/', '/auth/login', '/admin/mappings']) {
    assert.equal((await fetch(origin + path, { redirect: 'manual' })).status, 404, path);
  }
  const refused = await (await fetch(`${door.url}/api/session`)).json();
  assert.equal(refused.login_url, `${door.url}/auth/login`);

  const page = await door.newPage();
  const missing = [];
  page.on('response', (answer) => { if (answer.status() >= 400) missing.push(answer.url()); });
  await page.goto(door.url);
  assert.equal(pathOf(page), '/bridge/');
  await door.signInAt(page, 'ada');
  assert.equal(pathOf(page), '/bridge/');
  await page.getByRole('link', { name: 'Mappings', exact: true }).click();
  await page.getByRole('row', { name: /viewers/ }).waitFor();
  const names = (await page.context().cookies()).map(({ name }) => name);
  assert.ok(names.some((name) => /^bridge_session_[0-9a-f]{8}$/.test(name)), names.join());
  assert.deepEqual(missing, []);
});

for (const order of ['first', 'second']) {
  test(`two tabs: the ${order} finishes first, and both come where they wanted`, { timeout: LIMIT_MS }, async () => {
    const one = await door.newPage();
    const other = await one.context().newPage();
    for (const [number, tab] of [one, other].entries()) {
      await tab.goto(`${door.url}/auth/login?return_to=${encodeURIComponent(`/bridge/?tab=${number}`)}`);
    }
    for (const tab of order === 'first' ? [one, other] : [other, one]) {
      await answerProvider(tab, door.provider, 'ada');
    }
    for (const [number, tab] of [one, other].entries()) {
      assert.equal(pathOf(tab), `/bridge/?tab=${number}`);
      await tab.reload();
      await tab.getByRole('heading', { name: 'Your access' }).waitFor();
    }
  });
}

test('the back button after a sign-in leads to no error and to no second question', { timeout: LIMIT_MS }, async () => {
  const page = await door.newPage();
  let callback;
  page.on('request', (request) => {
    if (request.url().includes('/auth/callback?')) callback = request.url();
  });
  await door.signInAt(page, 'ada');
  const asked = door.provider.tokenRequests();

  const answer = await page.goto(callback);
  assert.equal(answer.status(), 200);
  assert.equal(pathOf(page), '/bridge/');
  await page.getByRole('heading', { name: 'Your access' }).waitFor();
  await page.goBack();
  await page.goForward();
  await page.getByRole('heading', { name: 'Your access' }).waitFor();
  assert.equal(door.provider.tokenRequests(), asked);
});

test('without the cookie one is told, with what helps, and not sent round', { timeout: LIMIT_MS }, async () => {
  const page = await door.newPage();
  await page.goto(`${door.url}/auth/login`);
  await page.waitForURL(`${door.provider.issuer}/**`);
  await page.context().clearCookies({ name: /^bridge_/ });
  await answerProvider(page, door.provider, 'ada');
  await page.getByRole('heading', { name: 'Your browser did not send our cookie back' }).waitFor();
  await page.getByText('Allow cookies for this site').waitFor();
  // The provider knows Ada by now, and sends her straight back.
  await page.getByRole('link', { name: 'Sign in again' }).click();
  await page.getByRole('heading', { name: 'Your access' }).waitFor();
});

test('what the provider answers with an error is said in words, with a way on', { timeout: LIMIT_MS }, async () => {
  const page = await door.newPage();
  await page.goto(`${door.url}/auth/login`);
  await page.getByRole('link', { name: /cancel/i }).click();
  await page.getByRole('heading', { name: 'Your identity provider did not let you in' }).waitFor();
  await page.getByRole('link', { name: 'Sign in again' }).click();
  await answerProvider(page, door.provider, 'ada');
  await page.getByRole('heading', { name: 'Your access' }).waitFor();
});

test('a form sent after another sign-in keeps what was typed', { timeout: LIMIT_MS }, async () => {
  const page = await door.signIn('ada');
  await page.goto(`${door.url}/admin/mappings/new`);
  await page.getByLabel('Group', { exact: true }).fill('crew');
  await page.locator('#roles-red5-subscriber').check();
  await page.getByLabel('One to a line').fill('hall');
  await page.getByRole('checkbox', { name: /WHEP/ }).check();

  const other = await page.context().newPage();
  await other.goto(`${door.url}/auth/login`);
  await other.getByRole('heading', { name: 'Your access' }).waitFor();

  await page.getByRole('button', { name: 'Add it' }).click();
  await page.getByText('You signed in again since this form was opened').waitFor();
  assert.equal(await page.getByLabel('Group', { exact: true }).inputValue(), 'crew');
  await page.getByRole('button', { name: 'Add it' }).click();
  await page.getByRole('row', { name: /crew/ }).waitFor();
});

test('without scripts the whole path works, to the provider’s sign-out and back', { timeout: LIMIT_MS }, async () => {
  const page = await door.signIn('vic', { javaScriptEnabled: false });
  await page.getByLabel('Room', { exact: true }).selectOption('lobby');
  await page.getByRole('button', { name: 'Get a token' }).click();
  assert.match(await page.getByLabel('Token', { exact: true }).inputValue(), /^eyJ/);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await door.leaveTheProvider(page);
  await page.getByRole('heading', { name: 'You are signed out' }).waitFor();

  // The way back is a page like any other: it can be opened again, with whatever state.
  for (const query of ['', '?state=junk', '?state=a&state=b&return_to=//evil.example']) {
    const answer = await page.goto(`${door.url}/auth/signed-out${query}`);
    assert.equal(answer.status(), 200);
    assert.equal(new URL(page.url()).pathname, '/bridge/auth/signed-out');
  }
  await page.getByRole('link', { name: 'Sign in', exact: true }).click();
  await page.locator('input[name=login]').waitFor();
});

test('another person can sign in, from the page that grants nothing and from the portal', { timeout: LIMIT_MS }, async () => {
  const page = await door.signIn('noor');
  await page.getByRole('heading', { name: /nothing is granted/ }).waitFor();
  await page.getByRole('button', { name: 'Sign in with another account' }).click();
  // The provider cannot ask who it is, so its own sign-out comes first.
  await page.getByRole('button', { name: /yes/i }).click();
  await page.locator('input[name=login]').waitFor();
  await answerProvider(page, door.provider, 'vic');
  await page.getByRole('heading', { name: 'Your access' }).waitFor();
  await page.locator('aside').getByText('Vic Viewer').waitFor();

  await page.getByRole('button', { name: 'Sign in with another account' }).click();
  await page.getByRole('button', { name: /yes/i }).click();
  await page.locator('input[name=login]').waitFor();
  const left = await page.context().newPage();
  assert.equal((await left.goto(`${door.url}/api/session`)).status(), 401);
});
