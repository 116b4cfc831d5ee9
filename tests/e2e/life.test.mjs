// What the provider does to a session while it lasts: it ends it, takes groups away, goes down.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { everyWay } from './axe.mjs';
import { exchange as exchangeBelow } from './browser.mjs';
import { openFrontDoor } from './front_door.mjs';

const LIMIT_MS = 180_000;
const PATIENCE_MS = 30_000;
const MAX_AGE_MS = 1000;

let door;

before(async () => {
  // One test asks for tokens faster than a person may.
  door = await openFrontDoor({ BRIDGE_GROUPS_MAX_AGE_SECONDS: '1', BRIDGE_RATE_LIMITS: 'off' });
  await door.map(await door.signIn('ada'), 'viewers', 'lobby');
}, { timeout: LIMIT_MS });
after(async () => { await door?.close(); });

const exchange = (page) => exchangeBelow(page, {}, '/bridge');

/** Asks for tokens until one is answered with `status`; each before it with 200. */
async function exchangeUntil(page, status) {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await exchange(page);
    if (answer.status === status) return answer.body;
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    assert.ok(Date.now() < until, `no ${status} within ${PATIENCE_MS} ms`);
    await sleep(100);
  }
}

test('a session is refreshed again and again and stays, and a group taken away shows', { timeout: LIMIT_MS }, async () => {
  const vic = await door.signIn('vic');
  const before = door.provider.refreshes();
  const until = Date.now() + 8 * MAX_AGE_MS;
  while (Date.now() < until) {
    const { status, body } = await exchange(vic);
    assert.equal(status, 200, JSON.stringify(body));
    await sleep(200);
  }
  // Beyond twice the age it waits for the groups of now.
  await sleep(2 * MAX_AGE_MS + 200);
  assert.equal((await exchange(vic)).status, 200);
  assert.ok(door.provider.refreshes() - before >= 3, `${door.provider.refreshes() - before} refreshes`);
  await vic.goto(door.url);
  await vic.getByRole('heading', { name: 'Your access' }).waitFor();

  door.provider.setGroups('vic', ['accounting']);
  assert.equal((await exchangeUntil(vic, 403)).code, 'no_grant');
  await vic.goto(door.url);
  await vic.getByRole('heading', { name: /nothing is granted/ }).waitFor();
  await vic.getByText('accounting').waitFor();
  door.provider.setGroups('vic', ['viewers']);
  await sleep(2 * MAX_AGE_MS + 200);
  assert.equal((await exchange(vic)).status, 200);
});

test('signing out at the provider ends the session here, by the back channel', { timeout: LIMIT_MS }, async () => {
  const vic = await door.signIn('vic');
  const elsewhere = await door.signIn('vic');
  assert.equal((await exchange(vic)).status, 200);
  assert.ok(!door.log().includes('logged_out'), door.log());

  const provider = await vic.context().newPage();
  await provider.goto(`${door.provider.issuer}/session/end`);
  await provider.getByRole('button', { name: /yes/i }).click();
  await provider.waitForURL(/success/);

  assert.match(door.log(), /event="logged_out" by="sid" sessions=1/);
  assert.equal((await exchange(vic)).status, 401);
  await vic.goto(door.url);
  await vic.getByRole('link', { name: 'Sign in', exact: true }).waitFor();
  // Another browser has a session of its own at the provider.
  assert.equal((await exchange(elsewhere)).status, 200);
});

test('while the provider is away no session ends, and the page says so', { timeout: LIMIT_MS }, async () => {
  const vic = await door.signIn('vic');
  door.provider.stop();
  assert.equal((await exchangeUntil(vic, 503)).code, 'unavailable');
  const answer = await vic.goto(door.url);
  assert.equal(answer.status(), 503);
  await vic.getByRole('heading', { name: 'Your groups cannot be confirmed' }).waitFor();
  assert.deepEqual(await everyWay(vic, 'groups not confirmed'), []);
  assert.equal((await vic.context().cookies()).filter(({ name }) => name.startsWith('bridge_session')).length, 1);
});
