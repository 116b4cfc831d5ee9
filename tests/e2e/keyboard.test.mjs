// The whole path with a keyboard alone, in the order of the page, each stop visible.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openFrontDoor } from './front_door.mjs';

const LIMIT_MS = 90_000;

let door;

before(async () => {
  door = await openFrontDoor();
  await door.map(await door.signIn('ada'), 'viewers', 'lobby');
}, { timeout: LIMIT_MS });
after(async () => { await door?.close(); });

/** What has the focus: its name, where it stands in the document, and whether one sees that. */
async function focused(page) {
  return page.evaluate(() => {
    const element = document.activeElement;
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    const all = [...document.querySelectorAll('*')];
    return {
      name: (element.ariaLabel ?? element.labels?.[0]?.textContent ?? element.textContent).trim().replace(/\s+/g, ' '),
      tag: element.tagName,
      at: all.indexOf(element),
      seen: element.matches(':focus-visible') && style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
        && box.width > 0 && box.bottom > 0 && box.top < innerHeight,
    };
  });
}

/** Presses Tab until `name` has the focus; every stop on the way is seen and further down. */
async function tabTo(page, name) {
  let last = -1;
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab');
    const stop = await focused(page);
    // Behind the last stop the page begins anew.
    if (stop.tag === 'BODY' || stop.name === 'Skip to the content') last = -1;
    if (stop.tag === 'BODY') continue;
    assert.ok(stop.seen, `the focus on "${stop.name}" is not seen at ${page.url()}`);
    assert.ok(stop.at > last, `"${stop.name}" comes before what stands above it`);
    last = stop.at;
    if (stop.name === name) return;
  }
  assert.fail(`no Tab reaches "${name}" at ${page.url()}`);
}

async function typeAtTheProvider(page, login) {
  await page.waitForURL(`${door.provider.issuer}/**`);
  await page.locator('input[name=login]').focus();
  await page.keyboard.type(login);
  await page.keyboard.press('Tab');
  await page.keyboard.type('any');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: /continue/i }).focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(`${door.url}/**`);
}

test('sign in, get a token, sign out: with Tab, Enter and Space', { timeout: LIMIT_MS }, async () => {
  const page = await door.newPage({ viewport: { width: 1000, height: 700 } });
  await page.goto(`${door.url}/`);
  await page.keyboard.press('Tab');
  assert.equal((await focused(page)).name, 'Skip to the content');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  assert.equal((await focused(page)).name, 'Sign in', 'the skip link leads past the bar');
  await page.keyboard.press('Enter');
  await typeAtTheProvider(page, 'vic');

  await tabTo(page, 'Get a token');
  await page.keyboard.press('Space');
  await page.getByLabel('Token', { exact: true }).waitFor();

  await tabTo(page, 'Sign out');
  await page.keyboard.press('Enter');
  await door.leaveTheProvider(page);
  await tabTo(page, 'Sign in with another account');
  await page.keyboard.press('Enter');
  await page.waitForURL(`${door.provider.issuer}/**`);
});

test('a mapping is added and deleted with a keyboard', { timeout: LIMIT_MS }, async () => {
  const page = await door.signIn('ada', { viewport: { width: 1000, height: 700 } });
  await tabTo(page, 'Mappings');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/admin/mappings');
  await tabTo(page, 'Add a mapping');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/admin/mappings/new');
  await tabTo(page, 'Group');
  await page.keyboard.type('keyboards');
  await page.locator('#roles-red5-subscriber').focus();
  await page.keyboard.press('Space');
  await page.getByLabel('One to a line').focus();
  await page.keyboard.type('attic');
  await page.getByRole('checkbox', { name: /WHEP/ }).focus();
  await page.keyboard.press('Space');
  await page.getByRole('button', { name: 'Add it' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('row', { name: /keyboards/ }).waitFor();

  // The menu of the row opens with a key, and Escape closes it where it was opened.
  await page.locator('summary[aria-label*="keyboards"]').focus();
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'Duplicate' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'Duplicate' }).waitFor({ state: 'hidden' });
  await page.keyboard.press('Space');
  await tabTo(page, 'Delete');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Delete it' }).focus();
  await page.keyboard.press('Enter');
  await page.getByText(/was deleted|deleted/).first().waitFor();
  assert.equal(await page.getByRole('row', { name: /keyboards/ }).count(), 0);
});
