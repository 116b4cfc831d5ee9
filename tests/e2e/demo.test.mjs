// `red5-bridge-demo` as a developer meets it after typing `make demo`.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { exchange, startBrowser } from './browser.mjs';
import { demoFolder, isReady, startDemo } from './demo.mjs';

const LIMIT_MS = 90_000;

const REFUSED = { status: 403, code: 'scope_not_granted' };

let browser;
let folder;

before(async () => {
  browser = await startBrowser();
  folder = demoFolder();
});

after(async () => {
  await browser?.close();
  folder?.remove();
});

/** Opens the address, follows "Sign in", clicks on a person. */
async function signIn(url, name) {
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(10_000);
  await page.goto(url);
  await page.getByRole('link', { name: 'Sign in' }).click();
  await page.getByRole('link', { name }).click();
  await page.waitForURL((at) => at.origin === url);
  return page;
}

/** The scope that is granted, or why there is none. */
async function ask(page, wanted) {
  const { status, body } = await exchange(page, wanted);
  const { roles, rooms, transports, code } = body;
  return status === 200 ? { roles, rooms, transports } : { status, code };
}

test('everybody of the demo meets what the sign-in page says, and a restart goes on', { timeout: LIMIT_MS }, async () => {
  let demo = await startDemo(folder);
  const ada = await signIn(demo.url, 'Ada Admin');
  await ada.getByRole('link', { name: 'Mappings', exact: true }).click();
  await ada.getByRole('row', { name: /stage-crew/ }).waitFor();

  const vic = await signIn(demo.url, 'Vic Viewer');
  assert.deepEqual(await ask(vic, {}), {
    roles: ['red5-subscriber'], rooms: ['lobby', 'studio-1'], transports: ['WHEP'],
  });

  // Mia's two groups are two grants: each room gives exactly its own.
  const mia = await signIn(demo.url, 'Mia Mixed');
  assert.deepEqual(await ask(mia, { rooms: ['stage'] }), {
    roles: ['red5-publisher'], rooms: ['stage'], transports: ['WHIP'],
  });
  assert.deepEqual(await ask(mia, { rooms: ['green-room'] }), {
    roles: ['red5-subscriber'], rooms: ['green-room'], transports: ['WHEP'],
  });
  assert.deepEqual(await ask(mia, { roles: ['red5-publisher'], rooms: ['green-room'] }), REFUSED);
  assert.deepEqual(await ask(mia, { rooms: ['green-room', 'stage'] }), REFUSED);

  const noor = await signIn(demo.url, 'Noor Nogroup');
  await noor.getByText('accounting').waitFor();

  assert.equal(await demo.stop(), 0);
  assert.equal(await isReady(demo.url), false);

  // The same browser is still signed in after a restart.
  demo = await startDemo(folder);
  try {
    await vic.goto(demo.url);
    await vic.getByRole('heading', { name: 'Your access' }).waitFor();
  } finally {
    assert.equal(await demo.stop(), 0);
  }

  // FRESH=1 forgets it.
  demo = await startDemo(folder, 'FRESH=1');
  try {
    await vic.goto(demo.url);
    await vic.getByRole('link', { name: 'Sign in' }).waitFor();
  } finally {
    assert.equal(await demo.stop(), 0);
  }
});
