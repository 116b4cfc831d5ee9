// `red5-bridge demo` as somebody meets it who has just typed `make demo`.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exchange, startBrowser } from './browser.mjs';

const LIMIT_MS = 90_000;
const PROGRAM = fileURLToPath(new URL('../../target/debug/red5-bridge', import.meta.url));
const UNPACKED = fileURLToPath(new URL('../../.local/debian', import.meta.url));

const REFUSED = { status: 403, code: 'scope_not_granted' };

let browser;
let folder;

before(async () => {
  browser = await startBrowser();
  // A folder of its own: the developer's demo is left alone.
  folder = mkdtempSync(join(tmpdir(), 'red5-demo-'));
  mkdirSync(join(folder, '.local'));
  if (existsSync(UNPACKED)) symlinkSync(UNPACKED, join(folder, '.local/debian'));
});

after(async () => {
  await browser?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** Starts the demo and waits until the printed address answers. */
async function startDemo(...words) {
  const child = spawn(PROGRAM, ['demo', ...words], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => { said += text; });
  }
  const started = Date.now();
  for (;;) {
    const url = said.match(/Open (http:\S+)/)?.[1];
    if (url && await isReady(url)) {
      return {
        url,
        stop: async () => {
          child.kill('SIGINT');
          return (await ended)[0];
        },
      };
    }
    if (child.exitCode !== null || Date.now() - started > LIMIT_MS / 3) {
      child.kill('SIGINT');
      throw new Error(`the demo does not start:\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function isReady(url) {
  return fetch(`${url}/readyz`).then((answer) => answer.ok, () => false);
}

/** Opens the address, follows "Sign in", clicks on somebody. */
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
  let demo = await startDemo();
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
  demo = await startDemo();
  try {
    await vic.goto(demo.url);
    await vic.getByRole('heading', { name: 'Your access' }).waitFor();
  } finally {
    assert.equal(await demo.stop(), 0);
  }

  // --fresh forgets it.
  demo = await startDemo('--fresh');
  try {
    await vic.goto(demo.url);
    await vic.getByRole('link', { name: 'Sign in' }).waitFor();
  } finally {
    assert.equal(await demo.stop(), 0);
  }
});
