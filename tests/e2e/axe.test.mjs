// axe-core finds nothing: on the pages as they are served, and on every state of every
// page as `cargo test` writes them (`scripts/e2e` has them written to target/pages).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { NARROW, NARROWEST_TABLES, WIDE, everyWay, findings, overflow } from './axe.mjs';
import { openFrontDoor } from './front_door.mjs';

const LIMIT_MS = 300_000;
const PAGES = fileURLToPath(new URL('../../target/pages', import.meta.url));
const TYPES = { css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml', html: 'text/html; charset=utf-8' };

let door;

before(async () => { door = await openFrontDoor(); }, { timeout: LIMIT_MS });
after(async () => { await door?.close(); });

test('axe finds nothing on the pages that people meet', { timeout: LIMIT_MS }, async () => {
  const ada = await door.signIn('ada');
  const found = [];
  await door.map(ada, 'viewers', 'r'.repeat(128));
  for (const path of ['/', '/admin/mappings', '/admin/mappings/new', '/admin/mappings/1', '/admin/mappings/1/delete', '/nowhere']) {
    await ada.goto(door.url + path);
    found.push(...(await everyWay(ada, path)));
  }

  // A hundred groups, and a name that is written from right to left and holds a tag.
  const zoe = await door.newPage();
  for (const path of ['/', '/admin/mappings', '/auth/signed-out', '/auth/callback?state=x&code=y']) {
    await zoe.goto(door.url + path);
    found.push(...(await everyWay(zoe, `signed out, ${path}`)));
  }
  await door.signInAt(zoe, 'zoe');
  found.push(...(await everyWay(zoe, 'portal')));
  await zoe.getByText(/Show all 102/).click();
  await zoe.getByRole('button', { name: 'Get a token' }).click();
  found.push(...(await everyWay(zoe, 'token')));
  assert.equal(await zoe.locator('img[src=x]').count(), 0);

  await zoe.goto(`${door.url}/sessions`);
  found.push(...(await everyWay(zoe, '/sessions')));

  const noor = await door.signIn('noor');
  found.push(...(await everyWay(noor, 'no grant')));
  assert.deepEqual(found, []);
});

test('axe finds nothing on the pages by which people are stopped', { timeout: LIMIT_MS }, async () => {
  const ada = await door.signIn('ada');
  await door.signIn('zoe');
  const found = [];
  const look = async (name) => found.push(...(await everyWay(ada, name)));

  await ada.goto(`${door.url}/admin/sessions`);
  await look('/admin/sessions');
  await ada.getByLabel('Subject, user name or name').fill('zoe');
  await ada.getByRole('button', { name: 'Find' }).click();
  await look('/admin/sessions, found');
  await ada.getByRole('link', { name: /^Stop/ }).first().click();
  await ada.getByRole('heading', { name: /^Stop/ }).waitFor();
  await look('stop');

  await ada.getByRole('link', { name: 'Block the person' }).click();
  await look('/admin/blocks/new');
  await ada.getByRole('textbox', { name: 'Why' }).fill('');
  await ada.getByRole('button', { name: /^Block/ }).click();
  await look('/admin/blocks, refused');
  await ada.getByRole('textbox', { name: 'Why' }).fill(`</td><img src=x> ${'w'.repeat(900)}`);
  await ada.getByRole('button', { name: /^Block/ }).click();
  await ada.getByText('The person is blocked').waitFor();
  await look('/admin/blocks');
  await ada.getByRole('link', { name: /^Lift/ }).click();
  await look('/admin/blocks/lift');
  assert.equal(await ada.locator('img[src=x]').count(), 0);

  const zoe = await door.newPage();
  await door.signInAt(zoe, 'zoe');
  await zoe.getByRole('heading', { name: 'Your access is blocked' }).waitFor();
  found.push(...(await everyWay(zoe, 'blocked')));
  assert.deepEqual(found, []);
});

test('axe finds nothing on any state of any page', { timeout: LIMIT_MS }, async () => {
  const pages = readdirSync(PAGES).filter((name) => name.endsWith('.html'));
  assert.ok(pages.length > 60, `${pages.length} pages in ${PAGES}: run scripts/e2e`);
  const page = await door.newPage({ viewport: NARROW, colorScheme: 'dark' });
  await page.route('http://pages.invalid/**', (route) => {
    const { pathname } = new URL(route.request().url());
    const contentType = TYPES[pathname.split('.').pop()];
    return route.fulfill({ contentType, body: readFileSync(PAGES + pathname, 'utf8') });
  });
  // Pages that lead on by themselves are looked at where they are.
  await page.route('**/auth/**', (route) => route.abort());
  await page.route('https://**', (route) => route.abort());
  const found = [];
  for (const name of pages) {
    for (const [viewport, colorScheme] of [[NARROW, 'dark'], [WIDE, 'light']]) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const html = readFileSync(`${PAGES}/${name}`, 'utf8').replace(/<meta http-equiv="refresh"[^>]*>/, '');
      await page.route(`http://pages.invalid/${name}`, (route) => route.fulfill({ contentType: TYPES.html, body: html }));
      await page.goto(`http://pages.invalid/${name}`);
      found.push(...(await findings(page, `${name}, ${colorScheme}`)));
      await page.unroute(`http://pages.invalid/${name}`);
    }
    await page.setViewportSize(NARROWEST_TABLES);
    found.push(...(await overflow(page, name)));
  }
  assert.deepEqual(found, []);
});
