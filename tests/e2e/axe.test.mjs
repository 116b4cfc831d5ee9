// axe-core finds nothing: on the pages as they are served, and on every state of every
// page as `cargo test` writes them (`scripts/e2e` has them written to target/pages).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { openFrontDoor } from './front_door.mjs';

const LIMIT_MS = 300_000;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const PAGES = fileURLToPath(new URL('../../target/pages', import.meta.url));
const TYPES = { css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml', html: 'text/html; charset=utf-8' };

const NARROW = { width: 360, height: 740 };
const WIDE = { width: 1280, height: 800 };

let door;

before(async () => { door = await openFrontDoor(); }, { timeout: LIMIT_MS });
after(async () => { await door?.close(); });

/** What axe finds on the page as it is now, and whether it is wider than the window. */
async function findings(page, name) {
  // Under the pages' own policy a script element would not run; this is the debugger's way.
  const found = await page.evaluate(`${AXE}; axe.run(document, { resultTypes: ['violations'] })
    .then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 160)).join(' | ')))`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) found.push(`${wide} px wider than the window`);
  return found.map((finding) => `${name} (${page.viewportSize().width} px): ${finding}`);
}

/** The same in light and dark, narrow and wide. */
async function everyWay(page, name) {
  const all = [];
  for (const viewport of [NARROW, WIDE]) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark']) {
      // Without transitions: colours half-way from light to dark are nobody's.
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      all.push(...(await findings(page, `${name}, ${colorScheme}`)));
    }
  }
  return all;
}

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

  const noor = await door.signIn('noor');
  found.push(...(await everyWay(noor, 'no grant')));
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
  }
  assert.deepEqual(found, []);
});
