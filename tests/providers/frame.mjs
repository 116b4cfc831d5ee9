// What the tests of every provider share: a folder, the provider, a bridge before it, and the
// tests that each provider has to pass.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { exchange } from '../e2e/browser.mjs';
import { freePort } from '../e2e/port.mjs';
import { openDoor } from './door.mjs';

/** With these the groups are read again within a second, and a session whose groups cannot be read ends soon. */
export const SHORT_AGES = { BRIDGE_GROUPS_MAX_AGE_SECONDS: '1', BRIDGE_UNREFRESHED_MAX_MINUTES: '1' };

/**
 * `start({ folder, port, url })` starts the provider with the bridge at `url` registered. It answers with
 * `provider`, as `openDoor` wants it, and `stop()`; `ada` is an administrator and `vic` is in `group`.
 * `identity` is what the session says of Vic; `leave()` takes Vic out of the group and `join()` brings Vic back.
 * `door()` is the bridge, once it is there.
 */
export function testProvider({ guide, scenario, settings = SHORT_AGES, limit, start, group, identity, leave, join: joins }) {
  const frame = { limit };
  const openAt = (url, provider, more = {}) => openDoor({ guide, scenario, url, provider, settings: { ...settings, ...more } });

  before(async () => {
    frame.folder = mkdtempSync(join(tmpdir(), `${guide}-`));
    const url = `http://127.0.0.1:${await freePort()}`;
    frame.started = await start({ folder: frame.folder, port: await freePort(), url });
    frame.door = await openAt(url, frame.started.provider);
    await frame.door.map(await frame.door.signIn('ada'), group, 'lobby');
  }, { timeout: limit });
  after(async () => {
    await frame.door?.close();
    frame.started?.stop();
    if (frame.folder) rmSync(frame.folder, { recursive: true });
  });

  frame.test = (name, run) => test(name, { timeout: limit }, (context) => run(frame.door, context));
  /** The bridge is started again with other settings. */
  frame.reopen = async (provider, more) => {
    await frame.door.close();
    frame.door = await openAt(frame.door.url, provider, more);
    return frame.door;
  };

  frame.test('check finds nothing wrong with what the guide says', (door, context) => door.check((note) => context.diagnostic(note)));

  frame.test('the groups are in the identity, and what is mapped to one is in the token', async (door) => {
    const page = await door.signIn('vic');
    const told = (await door.session(page)).identity;
    assert.deepEqual(Object.fromEntries(Object.keys(identity).map((name) => [name, told[name]])), identity);
    const { status, body } = await exchange(page);
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(body.rooms, ['lobby']);
  });

  frame.test('a group taken away is gone with the next refresh, and one given back is there', async (door) => {
    const page = await door.signIn('vic');
    await leave();
    assert.equal((await door.exchangeUntil(page, 403)).code, 'no_grant');
    assert.deepEqual((await door.session(page)).identity.groups, []);
    await joins();
    await door.exchangeUntil(page, 200);
  });

  return frame;
}

/** For a provider that ends its session with ours: `person` is asked for the password again. */
export function testsSignOut(frame, person, check = () => {}) {
  frame.test('signing out leads to the provider and back, and the next sign-in asks for the password', async (door) => {
    const page = await door.signIn(person);
    await page.getByRole('button', { name: 'Sign out', exact: true }).click();
    await page.waitForURL(`${door.url}/auth/signed-out?**`);
    await check();
    await door.signInAt(page, person);
  });

  frame.test('another person can sign in where one is signed in', async (door) => {
    const page = await door.signIn('vic');
    await page.getByRole('button', { name: /another account/i }).first().click();
    await frame.started.provider.answer(page, 'ada');
    await page.waitForURL(`${door.url}/`);
    assert.equal((await door.session(page)).identity.username, 'ada');
  });
}
