// An administrator registers apps, and people take them away again: with scripts and without.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { everyWay, findings } from './axe.mjs';
import { answerProvider } from './browser.mjs';
import { openFrontDoor } from './front_door.mjs';

const LIMIT_MS = 180_000;

const WAYS = [
  { way: 'with scripts', name: 'on', javaScriptEnabled: true },
  { way: 'without scripts', name: 'off', javaScriptEnabled: false },
];

const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';

let door;

before(async () => {
  door = await openFrontDoor();
  await door.map(await door.signIn('ada'), 'viewers', 'lobby');
}, { timeout: LIMIT_MS });
after(async () => { await door?.close(); });

/** Nothing is wrong with this page, also at 320 px and at 200 % of a common screen. */
async function assertAccessible(page, name) {
  const before = page.viewportSize();
  const found = await everyWay(page, name);
  for (const viewport of [{ width: 320, height: 640 }, { width: 640, height: 360 }]) {
    await page.setViewportSize(viewport);
    found.push(...(await findings(page, name)));
  }
  await page.setViewportSize(before);
  assert.deepEqual(found, []);
}

/** Fills in the form of a new client. */
async function register(page, { id, name, kind = 'Public', address }) {
  await page.goto(`${door.url}/admin/clients`);
  await page.getByRole('link', { name: 'Register a client' }).click();
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Id', { exact: true }).fill(id);
  await page.getByRole('radio', { name: new RegExp(`^${kind}`) }).check();
  await page.getByLabel('Redirect addresses, one to a line').fill(address);
  await page.getByRole('button', { name: 'Register it' }).click();
}

for (const { way, name, javaScriptEnabled } of WAYS) {
  // axe itself is a script.
  const look = async (page, what) => { if (javaScriptEnabled) await assertAccessible(page, what); };

  test(`${way}: a confidential client is registered, gets a second secret, and is switched off and deleted`, { timeout: LIMIT_MS }, async () => {
    const ada = await door.signIn('ada', { javaScriptEnabled });
    const id = `studio-${name}`;
    await register(ada, { id, name: '"><img src=x> Studio', kind: 'Confidential', address: 'http://studio.example/done' });
    const wrong = ada.getByRole('alert');
    await wrong.getByText('https, http to a loopback host').waitFor();
    await look(ada, 'refused');
    await wrong.getByRole('link', { name: 'Redirect addresses' }).click();
    const addresses = ada.getByLabel('Redirect addresses, one to a line');
    assert.equal(await addresses.evaluate((field) => field === document.activeElement), true);
    assert.equal(await addresses.inputValue(), 'http://studio.example/done');
    await addresses.fill('https://studio.example/done');
    await ada.getByRole('button', { name: 'Register it' }).click();

    await ada.getByText('The client is registered').waitFor();
    const shown = ada.getByLabel('client_secret');
    const first = await shown.inputValue();
    assert.match(first, /^[\w-]{43}$/);
    assert.equal(await shown.isEditable(), false);
    assert.equal(await ada.locator('img[src=x]').count(), 0);
    await look(ada, 'registered');

    await ada.getByRole('button', { name: 'Make another' }).click();
    await ada.getByText('Two are valid').waitFor();
    assert.notEqual(await ada.getByLabel('client_secret').inputValue(), first);
    assert.equal(await ada.getByRole('button', { name: 'Make another' }).count(), 0);
    await ada.getByRole('button', { name: /^End it: the secret/ }).first().click();
    await ada.getByText('The secret is over').waitFor();
    assert.equal(await ada.getByLabel('client_secret').count(), 0, 'a secret is shown once');
    assert.equal(await ada.getByRole('button', { name: /^End it: the secret/ }).count(), 1);
    await look(ada, 'secrets');
    // Nor does going back show it: the browser has kept no answer to a form.
    for (let steps = 0; steps < 2; steps += 1) await ada.goBack().catch(() => {});
    let seen = null;
    while (seen === null) {
      // Chromium goes on to a page of its own, which says that the form would have to be sent again.
      seen = await ada.content().catch(() => null);
      if (seen === null) await ada.waitForTimeout(100);
    }
    assert.ok(!seen.includes(first));

    await ada.goto(`${door.url}/admin/clients`);
    await look(ada, 'list');
    await ada.getByLabel('Id or name').fill(id.toUpperCase());
    await ada.getByRole('button', { name: 'Find' }).click();
    await ada.getByRole('link', { name: `Edit ${id}` }).click();
    await look(ada, 'edit');
    await ada.getByRole('checkbox', { name: /^Enabled/ }).uncheck();
    await ada.getByRole('button', { name: 'Save' }).click();
    await ada.getByText('The client was saved').waitFor();
    await ada.getByText('Off', { exact: true }).waitFor();
    await ada.getByRole('link', { name: `Delete ${id}` }).click();
    await ada.getByText('What ends with it').waitFor();
    await look(ada, 'delete');
    await ada.getByRole('button', { name: 'Delete it' }).click();
    await ada.getByText('The client was deleted').waitFor();
    await ada.goto(`${door.url}/admin/clients/${id}/edit`);
    await ada.getByText('That client is not there any more').waitFor();
    await ada.context().close();
  });

  test(`${way}: a person allows an app, sees it, and takes it away`, { timeout: LIMIT_MS }, async () => {
    const id = `wall-${name}`;
    const ada = await door.signIn('ada');
    await register(ada, { id, name: `Wall ${name}`, address: 'http://127.0.0.1/done' });
    await ada.getByText('The client is registered').waitFor();

    const vic = await door.signIn('vic', { javaScriptEnabled });
    const back = 'http://127.0.0.1:49999/done';
    await vic.route(`${back}**`, (route) => route.fulfill({ contentType: 'text/plain', body: 'back at the app' }));
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: id,
      redirect_uri: back,
      state: 'a state',
      code_challenge: createHash('sha256').update(VERIFIER).digest('base64url'),
      code_challenge_method: 'S256',
    });
    const authorize = `${door.url}/oauth2/authorize?${query}`;
    await vic.goto(authorize);
    await vic.getByRole('heading', { name: `Wall ${name} asks for a streaming token` }).waitFor();
    await look(vic, 'consent');
    await vic.getByRole('button', { name: 'Allow', exact: true }).click();
    await vic.waitForURL(`${back}**`);
    const { searchParams } = new URL(vic.url());
    assert.ok(searchParams.get('code'));
    assert.equal(searchParams.get('state'), 'a state');

    await vic.goto(`${door.url}/`);
    await vic.getByRole('link', { name: 'Your apps' }).click();
    await vic.getByRole('rowheader', { name: `Wall ${name}` }).waitFor();
    await look(vic, 'apps');
    await vic.getByRole('button', { name: `Take away Wall ${name}` }).click();
    await vic.getByText('That app gets no new token any more').waitFor();
    await look(vic, 'apps, none');
    await vic.goto(authorize);
    await vic.getByRole('heading', { name: `Wall ${name} asks for a streaming token` }).waitFor();
    await vic.getByRole('button', { name: 'Do not allow' }).click();
    await vic.waitForURL(`${back}**`);
    assert.equal(new URL(vic.url()).searchParams.get('error'), 'access_denied');
    await vic.context().close();
  });
}

test('a person finds the form for devices from the start page, and connects one', { timeout: LIMIT_MS }, async () => {
  const ada = await door.signIn('ada');
  await register(ada, { id: 'encoder', name: 'Field Encoder', address: '' });
  await ada.getByRole('alert').waitFor();
  await ada.getByRole('checkbox', { name: /^People sign in/ }).uncheck();
  await ada.getByRole('checkbox', { name: /^People approve it/ }).check();
  await ada.getByRole('button', { name: 'Register it' }).click();
  await ada.getByText('The client is registered').waitFor();
  const asked = await fetch(`${door.url}/oauth2/device_authorization`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: 'encoder', device_name: 'Camera "><img src=x> 3' }),
  });
  const { user_code: code } = await asked.json();

  const vic = await door.signIn('vic');
  await vic.getByRole('link', { name: 'Connect a device' }).click();
  await assertAccessible(vic, 'code');
  await vic.getByLabel('Code on the device').fill('bbbb cccc');
  await vic.getByRole('button', { name: 'Go on' }).click();
  await vic.getByText('No device waits with this code').waitFor();
  await assertAccessible(vic, 'wrong code');
  await vic.getByLabel('Code on the device').fill(code.toLowerCase());
  await vic.getByRole('button', { name: 'Go on' }).click();
  const [approve, deny] = [vic.getByRole('button', { name: 'Approve' }), vic.getByRole('button', { name: 'I did not start this' })];
  const look = (button) => button.evaluate((element) => {
    const { color, backgroundColor, borderColor, fontWeight } = getComputedStyle(element);
    return [color, backgroundColor, borderColor, fontWeight, element.offsetWidth, element.offsetHeight];
  });
  assert.deepEqual(await look(approve), await look(deny));
  await assertAccessible(vic, 'device');
  await approve.click();
  const isBack = (url) => url.searchParams.get('done') === 'device-connected';
  await vic.waitForURL((url) => isBack(url) || url.href.startsWith(door.provider.issuer));
  if (!isBack(new URL(vic.url()))) await answerProvider(vic, door.provider, 'vic');
  await vic.getByText('The device is connected').waitFor();
  await vic.getByRole('link', { name: 'Your devices' }).click();
  await vic.getByRole('button', { name: /^Revoke Camera/ }).waitFor();
  await assertAccessible(vic, 'devices');
  assert.equal(await vic.locator('img[src=x]').count(), 0);
});

test('what is written into a limit chooses it', { timeout: LIMIT_MS }, async () => {
  const ada = await door.signIn('ada');
  await ada.goto(`${door.url}/admin/clients/new`);
  const stated = ada.getByRole('radio', { name: /^No more of it/ });
  assert.equal(await stated.isChecked(), false);
  await ada.getByLabel('Rooms by name').fill('lobby');
  assert.equal(await stated.isChecked(), true);
  await ada.getByLabel('Origins, one to a line').fill('https://studio.example');
  assert.equal(await ada.getByRole('radio', { name: 'These, or none' }).isChecked(), true);
});

test('the errors have one page, and each code its place on it', { timeout: LIMIT_MS }, async () => {
  const page = await door.newPage();
  await page.goto(`${door.url}/docs/errors#invalid_grant`);
  const row = page.locator('#invalid_grant');
  assert.equal(await row.evaluate((element) => element.matches(':target')), true);
  await assertAccessible(page, 'errors');
});
