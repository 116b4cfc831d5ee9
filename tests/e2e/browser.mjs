// Debian's Chromium, headless.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const PATIENCE_MS = 15_000;

const UNPACKED = fileURLToPath(new URL('../../.local/debian/chromium/bin', import.meta.url));

function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function program() {
  const found = [...process.env.PATH.split(delimiter), UNPACKED]
    .map((folder) => join(folder, 'chromium'))
    .find(isProgram);
  if (!found) throw new Error('no chromium: run `scripts/provide chromium`');
  return found;
}

/** `args`: further words for its command line. */
export async function startBrowser(...args) {
  return chromium.launch({
    executablePath: program(),
    // Its sandbox refuses root and needs a setting of the kernel that a
    // container may lack; only our own pages on the loopback are opened.
    args: ['--no-sandbox', ...args],
  });
}

/** A page in a browser of its own, with what `options` of a context say. */
export async function newPage(browser, options = {}) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(PATIENCE_MS);
  return context.newPage();
}

/** Answers the provider's questions as `login` until it sends the browser back. */
export async function answerProvider(page, provider, login) {
  const isThere = () => page.url().startsWith(provider.issuer);
  await page.waitForURL(`${provider.issuer}/**`);
  while (isThere()) {
    const name = page.locator('input[name=login]');
    if (await name.count() > 0) {
      await name.fill(login);
      await page.fill('input[name=password]', 'any');
    }
    const before = page.url();
    await page.locator('button[type=submit]').first().click();
    await page.waitForURL((url) => url.href !== before);
  }
}

/** `POST /api/token`, below `base`, as an app on the bridge's own origin sends it. */
export async function exchange(page, ask = {}, base = '') {
  return page.evaluate(async ({ body, address }) => {
    const answer = await fetch(address, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-Red5-Bridge': '1' },
      body: JSON.stringify(body),
    });
    return { status: answer.status, body: await answer.json() };
  }, { body: ask, address: `${base}/api/token` });
}

/** Grants `group` watching in `room`, as an administrator does it in this page; the bridge is at `url`. */
export async function addMapping(page, url, group, room) {
  await page.goto(`${url}/admin/mappings/new`);
  await page.getByLabel('Group', { exact: true }).fill(group);
  await page.locator('#roles-red5-subscriber').check();
  await page.getByLabel('One to a line').fill(room);
  await page.getByRole('checkbox', { name: /WHEP/ }).check();
  await page.getByRole('button', { name: 'Add it' }).click();
  await page.waitForURL(`${url}/admin/mappings?**`);
}
