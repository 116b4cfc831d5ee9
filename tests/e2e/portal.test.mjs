// A token on the portal: finished lines to copy, and nothing to copy once it has ended.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { everyWay } from './axe.mjs';
import { openFrontDoor } from './front_door.mjs';

const LIMIT_MS = 90_000;

let door;

before(async () => {
  door = await openFrontDoor({ RED5_SERVER_URL: 'https://media.example.com/live' });
  await door.map(await door.signIn('ada'), 'viewers', 'lobby');
}, { timeout: LIMIT_MS });
after(async () => { await door?.close(); });

/** Gets a token for the lobby, with lines for the stream `show-1`. */
async function getToken(page) {
  await page.getByLabel('Room').selectOption('lobby');
  await page.getByLabel('Stream name').fill('show-1');
  await page.getByRole('button', { name: 'Get a token' }).click();
  await page.getByLabel('Token', { exact: true }).waitFor();
}

test('a token that has ended is not offered for copying, and the page says so', { timeout: LIMIT_MS }, async () => {
  const page = await door.newPage();
  await page.clock.install();
  await door.signInAt(page, 'vic');
  await getToken(page);
  const copies = page.getByRole('button', { name: /^Copy/ });
  assert.ok(await copies.count() >= 3);
  const line = await page.getByRole('textbox', { name: 'WHEP address' }).inputValue();
  assert.match(line, /^https:\/\/media\.example\.com\/live\/lobby\/whep\/endpoint\/show-1\?username=jwt&password=jwt&token=ey[\w.-]+$/);
  await page.getByRole('button', { name: 'Copy the token' }).focus();

  await page.clock.fastForward('04:50');
  assert.ok(await copies.first().isVisible());
  await page.clock.fastForward('00:15');

  await page.getByText('This token has ended').waitFor();
  assert.equal(await copies.count(), 0);
  assert.equal(await page.getByLabel('Token', { exact: true }).isVisible(), false);
  assert.equal(await page.getByRole('textbox', { name: 'WHEP address' }).count(), 0);
  await page.getByText('The token has ended. Get another one.').waitFor();
  // The focus stays where the page says so, and what was chosen is kept for the next one.
  assert.match(await page.evaluate(() => document.activeElement.textContent), /This token has ended/);
  assert.equal(await page.getByLabel('Stream name').inputValue(), 'show-1');
  assert.deepEqual(await everyWay(page, 'ended token'), []);
});

test('an address can be shown as a QR code, which ends with the token', { timeout: LIMIT_MS }, async () => {
  const page = await door.newPage();
  await page.clock.install();
  await door.signInAt(page, 'vic');
  await getToken(page);
  const code = page.getByRole('img', { name: 'QR code of the WHEP address' });
  assert.equal(await code.isVisible(), false);
  await page.getByText('QR code of the WHEP address').click();
  assert.ok(await code.isVisible());
  const { width, height } = await code.boundingBox();
  assert.ok(width > 200 && Math.abs(width - height) < 2, `${width} x ${height}`);
  const look = await code.evaluate(svg => [getComputedStyle(svg).backgroundColor, getComputedStyle(svg).fill]);
  assert.deepEqual(look, ['rgb(255, 255, 255)', 'rgb(0, 0, 0)']);
  assert.deepEqual(await everyWay(page, 'token with a QR code'), []);
  await page.clock.fastForward('05:05');
  await page.getByText('This token has ended').waitFor();
  assert.equal(await code.isVisible(), false);
});

test('without a script the page says until when the token is good, and has no copy buttons', { timeout: LIMIT_MS }, async () => {
  const page = await door.newPage({ javaScriptEnabled: false });
  await door.signInAt(page, 'vic');
  await getToken(page);
  await page.getByText(/until \d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC/).waitFor();
  assert.equal(await page.getByRole('button', { name: /^Copy/ }).count(), 0);
  assert.match(await page.getByRole('textbox', { name: 'WHEP address' }).inputValue(), /show-1\?username=jwt/);
  // Asked for again by its address, the page that showed it says so.
  await page.goto(`${door.url}/portal/token`);
  await page.getByText('A token is shown only once').waitFor();
  assert.equal(page.url(), `${door.url}/?done=shown-once`);
});

test('where a person is signed in shows the browser and the address', { timeout: LIMIT_MS }, async () => {
  const page = await door.signIn('vic');
  await page.goto(`${door.url}/sessions`);
  const row = page.getByRole('row', { name: /This browser/ });
  await row.getByText(/^Chrom(e|ium) on Linux/).waitFor();
  await row.getByText('from 127.0.0.1').waitFor();
});
