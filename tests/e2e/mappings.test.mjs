// The table of mappings as an administrator works with it, each time with scripts and without.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openFrontDoor } from './front_door.mjs';
import { ADMIN_GROUP } from './provider.mjs';

const LIMIT_MS = 120_000;
const ROWS = 2_000;
const HOSTILE = '"><img src=x onerror=alert(1)> ‮ '.padEnd(200, 'w');

/** With scripts and without. */
const WAYS = [
  { way: 'with scripts', javaScriptEnabled: true },
  { way: 'without scripts', javaScriptEnabled: false },
];

let door;

const groupOf = (n) => `crew-${String(n).padStart(4, '0')}`;

/** Sends `body` as an automation does it. */
async function post(page, path, body) {
  const answer = await page.evaluate(async ({ address, text }) => {
    const sent = await fetch(address, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Red5-Bridge': '1' },
      body: text,
    });
    return { ok: sent.ok, text: await sent.text() };
  }, { address: door.url + path, text: JSON.stringify(body) });
  assert.ok(answer.ok, answer.text.slice(0, 500));
}

/** Creates mappings in one change set. */
async function create(page, mappings) {
  await post(page, '/api/admin/mappings/changes', {
    changes: mappings.map((mapping) => ({
      op: 'create',
      mapping: { match: 'exact', roles: ['red5-subscriber'], transports: ['WHEP'], ...mapping },
    })),
  });
}

before(async () => {
  door = await openFrontDoor();
  door.provider.setGroups('vic', WAYS.map((_, way) => groupOf(1234 + way)));
  await door.signIn('vic');
  door.provider.setGroups('noor', [ADMIN_GROUP]);
  await create(await door.signIn('ada'), [
    ...Array.from({ length: ROWS }, (_, n) => ({
      group: groupOf(n),
      rooms: n % 50 === 0 ? Array.from({ length: 9 }, (_room, room) => `hall-${n}-${room}`) : [`hall-${n}`],
    })),
    { group: HOSTILE, rooms: ['r'.repeat(64)], note: HOSTILE },
  ]);
}, { timeout: LIMIT_MS });
after(async () => { await door?.close(); });

/** The row of a group, in the list that is open. */
const rowOf = (page, group) => page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: group }) });

/** Opens the list with what `text` finds. */
async function find(page, text) {
  await page.goto(`${door.url}/admin/mappings`);
  await page.getByLabel('Group, room or note').fill(text);
  await page.getByRole('button', { name: 'Find' }).click();
  await page.waitForURL(`**/admin/mappings?q=${text}&**`);
}

/** The first mapping that `text` finds, open for an edit. */
async function open(page, text) {
  await find(page, text);
  await rowOf(page, text).getByRole('link', { name: /^Edit/ }).click();
  await page.getByRole('heading', { name: /^Edit mapping/ }).waitFor();
}

/** What the query of the page's address says. */
const askedFor = (page) => Object.fromEntries(new URL(page.url()).searchParams);

/** Whether a person sees the element without scrolling. */
const isInView = (locator) => locator.evaluate((element) => {
  const { top, bottom } = element.getBoundingClientRect();
  return top >= 0 && bottom <= innerHeight;
});

for (const [number, { way, ...options }] of WAYS.entries()) {
  test(`a row among ${ROWS} is found, edited with its effect in view, and come back to, ${way}`, { timeout: LIMIT_MS }, async () => {
    const ada = await door.signIn('ada', { ...options, viewport: { width: 1000, height: 700 } });
    const group = groupOf(1234 + number);
    await find(ada, 'crew-1');
    await ada.getByText('1 to 50 of 1000 that fit').first().waitFor();
    await ada.getByLabel('Page', { exact: true }).first().fill('5');
    await ada.keyboard.press('Enter');
    await ada.getByText('201 to 250 of 1000 that fit').first().waitFor();

    await rowOf(ada, group).getByRole('link', { name: /^Edit/ }).click();
    const rooms = ada.getByLabel('Rooms, one to a line');
    assert.equal(await rooms.inputValue(), `hall-${1234 + number}`);
    await rooms.fill(`attic-${number}`);
    // Enter looks first; nothing is saved by it.
    await ada.getByLabel('Longest token, in seconds').press('Enter');
    const effect = ada.getByRole('region', { name: 'What saving would do' });
    await effect.getByText(/Of \d+ people .+, 1 can/).waitFor();
    const vic = effect.getByRole('listitem').filter({ has: ada.getByRole('link', { name: 'vic' }) });
    await vic.getByText('Signed in').waitFor();
    assert.match(await vic.innerText(), /Gains: .*attic-[\s\S]*Loses: .*hall-/);
    await effect.getByRole('button', { name: 'Save' }).click();

    await ada.waitForURL('**/admin/mappings?**done=saved**');
    const { q, offset, id } = askedFor(ada);
    assert.deepEqual([q, offset], ['crew-1', '200']);
    assert.equal(new URL(ada.url()).hash, `#mapping-${id}`);
    const row = rowOf(ada, group);
    await row.getByText('saved', { exact: true }).waitFor();
    assert.match(await row.innerText(), /attic/);
    assert.ok(await isInView(row), 'the row is seen');
    assert.equal(await ada.getByLabel('Group, room or note').inputValue(), 'crew-1');

    // A look without a change comes back to the row too.
    await row.getByRole('link', { name: /^Edit/ }).click();
    await ada.getByRole('link', { name: 'Back to the list' }).click();
    await ada.waitForURL((url) => url.hash === `#mapping-${id}`);
    assert.deepEqual([askedFor(ada).q, askedFor(ada).offset], ['crew-1', '200']);
    assert.equal(await ada.locator('tr.is-told').getAttribute('id'), `mapping-${id}`);
    assert.ok(await isInView(row), 'the row is seen again');
  });

  test(`a switch from the menu of a row keeps the place, ${way}`, { timeout: LIMIT_MS }, async () => {
    const ada = await door.signIn('ada', options);
    const group = groupOf(170 + number);
    await find(ada, 'crew-01');
    await ada.getByRole('link', { name: 'Next' }).first().click();
    await rowOf(ada, group).locator('summary', { hasText: 'More' }).click();
    await rowOf(ada, group).getByRole('button', { name: 'Switch off' }).click();
    await ada.waitForURL('**done=off**');
    assert.deepEqual([askedFor(ada).q, askedFor(ada).offset], ['crew-01', '50']);
    await rowOf(ada, group).getByText('switched off').waitFor();
    assert.ok(await isInView(rowOf(ada, group)));
  });

  test(`of two administrators the second sees three columns, and loses nothing, ${way}`, { timeout: LIMIT_MS }, async () => {
    const [ada, noor] = [await door.signIn('ada', options), await door.signIn('noor', options)];
    const group = groupOf(501 + number);
    await Promise.all([ada, noor].map((page) => open(page, group)));
    await noor.getByLabel('Note').fill('for the matinee');
    await noor.getByRole('button', { name: 'Save' }).click();
    await noor.waitForURL('**done=saved**');

    await ada.getByLabel('Rooms, one to a line').fill('balcony');
    await ada.getByRole('button', { name: 'Save' }).click();
    await ada.getByRole('alert').getByText(/^noor saved this mapping/).waitFor();
    const compared = ada.getByRole('table', { name: /As you opened it/ });
    const cells = async (field) => (await compared.getByRole('row', { name: field }).getByRole('cell').allInnerTexts()).map((text) => text.trim());
    assert.deepEqual(await cells(/^Rooms/), [`hall-${501 + number}`, `hall-${501 + number}`, 'balcony']);
    assert.deepEqual((await cells(/^Note/)).slice(0, 2), ['empty', 'for the matinee']);
    // The form has her rooms, and the note of the other.
    assert.equal(await ada.getByLabel('Rooms, one to a line').inputValue(), 'balcony');
    assert.equal((await ada.getByLabel('Note').inputValue()).trim(), 'for the matinee');
    await ada.getByRole('button', { name: 'Save' }).click();
    await ada.waitForURL('**done=saved**');
    assert.equal(askedFor(ada).q, group);
    assert.match(await rowOf(ada, group).innerText(), /for the matinee[\s\S]*balcony/);
  });
}

/** Ticks the rows of these groups. */
async function select(page, groups) {
  for (const group of groups) await rowOf(page, group).getByRole('checkbox').check();
}

/** The words of state in the rows of these groups. */
const statesOf = (page, groups) => Promise.all(groups.map((group) => rowOf(page, group).locator('.state').innerText()));

for (const [number, { way, ...options }] of WAYS.entries()) {
  test(`several rows are switched off together, and switched on again by Undo, ${way}`, { timeout: LIMIT_MS }, async () => {
    const ada = await door.signIn('ada', options);
    const groups = [1, 2, 3].map((n) => groupOf(800 + 10 * number + n));
    await find(ada, 'crew-08');
    await select(ada, groups);
    await ada.getByRole('button', { name: 'Switch off' }).click();
    await ada.getByRole('heading', { name: 'Switch off 3 mappings?' }).waitFor();
    const effect = ada.getByRole('region', { name: 'What it would do' });
    await effect.getByText('It takes away').waitFor();
    assert.equal(await ada.getByRole('rowheader').count(), 3);
    await ada.getByRole('button', { name: 'Switch off' }).click();

    await ada.getByRole('status').getByText('3 mappings are off.').waitFor();
    assert.equal(askedFor(ada).q, 'crew-08');
    assert.deepEqual(await statesOf(ada, groups), ['Off', 'Off', 'Off']);
    await ada.getByRole('link', { name: 'Undo' }).click();
    await ada.getByRole('heading', { name: /^Undo change set/ }).waitFor();
    await ada.getByRole('button', { name: 'Undo it' }).click();
    await ada.waitForURL((url) => !url.pathname.endsWith('/restore'));

    await find(ada, 'crew-08');
    assert.deepEqual(await statesOf(ada, groups), ['On', 'On', 'On']);
  });

  test(`of several rows none is deleted where one was changed meanwhile or a test fails, ${way}`, { timeout: LIMIT_MS }, async () => {
    const [ada, noor] = [await door.signIn('ada', options), await door.signIn('noor')];
    const groups = [1, 2].map((n) => groupOf(900 + 10 * number + n));
    await find(ada, 'crew-09');
    await select(ada, groups);
    await ada.getByRole('button', { name: 'Delete' }).click();
    await ada.getByRole('heading', { name: 'Delete 2 mappings?' }).waitFor();
    await open(noor, groups[1]);
    await noor.getByLabel('Note').fill('still needed');
    await noor.getByRole('button', { name: 'Save' }).click();
    await noor.waitForURL('**done=saved**');
    await ada.getByRole('button', { name: 'Delete' }).click();
    await ada.getByRole('alert').getByText('Nothing was done').waitFor();

    await post(noor, '/api/admin/tests', {
      name: `${groups[0]} can watch`,
      given: { groups: [groups[0]] },
      can: [{ role: 'red5-subscriber', room: `hall-${901 + 10 * number}`, transport: 'WHEP' }],
    });
    await ada.getByRole('button', { name: 'Delete' }).click();
    await ada.getByRole('alert').getByText('A mapping test would fail').waitFor();
    await ada.getByText(`${groups[0]} can watch`).first().waitFor();
    await ada.getByRole('link', { name: 'Back to the list' }).click();
    assert.equal(askedFor(ada).q, 'crew-09');
    for (const group of groups) assert.equal(await rowOf(ada, group).count(), 1, group);
  });
}

test('with a script one box selects the page; without one there is none', { timeout: LIMIT_MS }, async () => {
  for (const { javaScriptEnabled } of WAYS) {
    const ada = await door.signIn('ada', { javaScriptEnabled });
    await find(ada, 'crew-07');
    const all = ada.getByRole('checkbox', { name: 'Select all on this page' });
    assert.equal(await all.count(), javaScriptEnabled ? 1 : 0);
    if (!javaScriptEnabled) continue;
    await all.check();
    await ada.getByText('50 selected').waitFor();
    await ada.getByRole('button', { name: 'Switch off' }).click();
    await ada.getByRole('heading', { name: 'Switch off 50 mappings?' }).waitFor();
    await ada.goBack();
    await ada.getByText('50 selected').waitFor();
  }
});

test('times are shown in the zone of the browser, with UTC beside them', { timeout: LIMIT_MS }, async () => {
  const ada = await door.signIn('ada', { timezoneId: 'Asia/Kolkata' });
  await open(ada, groupOf(601));
  const time = ada.locator('main time').first();
  const [, utc] = /^\d{4}-\d\d-\d\d \d\d:\d\d \((.* UTC)\)$/.exec(await time.innerText());
  assert.equal(`${(await time.getAttribute('datetime')).slice(0, 10)}`, utc.slice(0, 10));
  await ada.getByLabel('Valid until (UTC)').fill('2027-01-01 20:00');
  await ada.getByText('2027-01-02 01:30 in your time zone.').waitFor();
  await ada.getByLabel('Valid until (UTC)').fill('tomorrow');
  await ada.getByText('in your time zone.').waitFor({ state: 'detached' });
});

test('the menu of a row closes on Escape and on a click elsewhere, one being open at a time', { timeout: LIMIT_MS }, async () => {
  const ada = await door.signIn('ada', { viewport: { width: 1000, height: 700 } });
  await find(ada, 'crew-1');
  const menus = ada.locator('details.menu');
  const open = ada.locator('details.menu[open]');
  await menus.nth(0).locator('summary').click();
  await menus.nth(2).locator('summary').click();
  assert.equal(await open.count(), 1);
  await ada.keyboard.press('Escape');
  assert.equal(await open.count(), 0);
  assert.ok(await menus.nth(2).locator('summary').evaluate((element) => element === document.activeElement));
  await ada.keyboard.press('Enter');
  assert.equal(await open.count(), 1);
  await ada.getByRole('heading', { name: 'Mappings' }).click();
  assert.equal(await open.count(), 0);
});

for (const viewport of [{ width: 1280, height: 700 }, { width: 320, height: 640 }]) {
  test(`what has the focus is covered by no bar, ${viewport.width} px wide`, { timeout: LIMIT_MS }, async () => {
    const ada = await door.signIn('ada', { viewport });
    await find(ada, 'crew-06');
    const boxes = ada.locator('td.cell-pick input');
    await boxes.first().check();
    const covered = [];
    for (const key of [...Array(24).fill('Tab'), ...Array(24).fill('Shift+Tab')]) {
      await ada.keyboard.press(key);
      const hidden = await ada.evaluate(() => {
        const element = document.activeElement;
        const { left, right, top, bottom } = element.getBoundingClientRect();
        const seen = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
        return element.contains(seen) || seen?.contains(element) ? null : element.outerHTML.slice(0, 120);
      });
      if (hidden) covered.push(`${key}: ${hidden}`);
    }
    assert.deepEqual(covered, []);
  });
}

test('a hostile name is text in the list, in its menu and in the review', { timeout: LIMIT_MS }, async () => {
  const ada = await door.signIn('ada', { viewport: { width: 320, height: 640 } });
  ada.on('dialog', () => assert.fail('a script of a name ran'));
  await open(ada, 'onerror');
  await ada.getByLabel('Rooms, one to a line').fill('attic');
  await ada.getByRole('button', { name: 'Review' }).first().click();
  await ada.getByRole('heading', { name: 'What saving would do' }).waitFor();
  for (const path of [ada.url(), `${door.url}/admin/mappings?q=onerror`]) {
    if (path !== ada.url()) await ada.goto(path);
    assert.equal(await ada.locator('img[src=x]').count(), 0);
    assert.ok(await ada.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${path} is wider than 320 px`);
  }
  await ada.locator('summary', { hasText: 'More' }).click();
  await ada.getByRole('link', { name: 'Duplicate' }).waitFor();
  assert.ok(await ada.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the menu is wider than 320 px');
});
