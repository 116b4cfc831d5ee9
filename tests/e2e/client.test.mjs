// The browser module (clients/js) by the session cookie: a page on the bridge's site, in Chromium.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { claimsOf, serveApp, watch } from './app.mjs';
import { answerProvider } from './browser.mjs';
import { openFrontDoor } from './front_door.mjs';

const LIMIT_MS = 90_000;
const MEDIA = 'https://media.example.com';
const MODULE = fileURLToPath(new URL('../../clients/js', import.meta.url));
const MINUTE_MS = 60_000;

const sdk = readFileSync(createRequire(import.meta.url).resolve('red5pro-webrtc-sdk/red5pro-sdk.min.js'), 'utf8');

let app;
let door;

before(async () => {
  app = await serveApp({ added: sdk });
  const origins = `${app.origin},${onAnotherSite(app.origin)}`;
  door = await openFrontDoor({ BRIDGE_ALLOWED_ORIGINS: origins, RED5_SERVER_URL: `${MEDIA}/live` });
  app.use(door.url);
  const ada = await door.signIn('ada');
  await door.map(ada, 'viewers', 'lobby');
  await door.map(ada, 'viewers', 'studio-1');
}, { timeout: LIMIT_MS });

after(async () => {
  await door?.close();
  app?.stop();
});

/** Names of one machine are two sites. */
const onAnotherSite = (origin) => origin.replace('127.0.0.1', 'localhost');

/** A browser in which vic is signed in at the app, and what was seen of it. */
async function signedIn(options) {
  const page = await door.newPage(options);
  const seen = await watch(page.context());
  await page.goto(`${app.origin}/room?n=1#top`);
  assert.deepEqual(await page.evaluate(() => started), { signedIn: false, from: null });
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await answerProvider(page, door.provider, 'vic');
  const address = `${app.origin}/room?n=1#top`;
  await page.waitForURL(address);
  assert.deepEqual(await page.evaluate(() => started), { signedIn: true, from: address });
  return { page, seen };
}

async function anotherTab(page) {
  const tab = await page.context().newPage();
  await tab.goto(app.origin);
  await tab.evaluate(() => started);
  return tab;
}

/** Waits until the page has heard an event, and answers with it. */
const heard = (page, type) => page.waitForFunction((wanted) => window.heard.find((event) => event.type === wanted), type).then((event) => event.jsonValue());

test('the package that npm gets has the module and its types, and they are those of the source', { timeout: LIMIT_MS }, () => {
  const [packed] = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json'], { cwd: MODULE, encoding: 'utf8' }));
  assert.deepEqual(packed.files.map(({ path }) => path).sort(), ['README.md', 'package.json', 'red5-bridge.d.ts', 'red5-bridge.js']);
  const { dependencies, scripts, version } = JSON.parse(readFileSync(join(MODULE, 'package.json'), 'utf8'));
  assert.deepEqual([dependencies, scripts], [undefined, undefined]);
  assert.ok(readFileSync(join(MODULE, '../../Cargo.toml'), 'utf8').includes(`\nversion = "${version}"\n`));

  const folder = mkdtempSync(join(tmpdir(), 'red5-types-'));
  const tsc = createRequire(import.meta.url).resolve('typescript/package.json').replace('package.json', 'bin/tsc');
  const strict = ['--ignoreConfig', '--strict', '--target', 'es2022', '--module', 'nodenext', '--lib', 'es2022,dom,dom.iterable', '--types', ''];
  const compile = (...words) => execFileSync(process.execPath, [tsc, ...strict, ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    compile('--allowJs', '--checkJs', '--declaration', '--emitDeclarationOnly', '--outDir', folder, join(MODULE, 'red5-bridge.js'));
    assert.equal(readFileSync(join(MODULE, 'red5-bridge.d.ts'), 'utf8'), readFileSync(join(folder, 'red5-bridge.d.ts'), 'utf8'));
    const use = (options) => `import { Red5Bridge, toWatch } from './red5-bridge.js'
      const bridge: Red5Bridge = new Red5Bridge(${options})
      const handed: { connectionParams: Record<string, string> } = await bridge.init(toWatch('lobby'), { streamName: 'camera-1' })
      export const length: number = handed.connectionParams.token.length`;
    writeFileSync(join(folder, 'use.mts'), use("{ bridge: 'https://bridge.example.com', clientId: 'studio' }"));
    compile('--noEmit', join(folder, 'use.mts'));
    writeFileSync(join(folder, 'use.mts'), use("{ brigde: 'https://bridge.example.com' }"));
    assert.throws(() => compile('--noEmit', join(folder, 'use.mts')));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a page signs in by a redirect, comes back to its address, and gets what the SDK takes', { timeout: LIMIT_MS }, async () => {
  const { page, seen } = await signedIn();
  assert.equal((await page.evaluate(() => bridge.session())).identity.username, 'vic');
  const handed = await page.evaluate(() => bridge.init(toWatch('lobby'), { streamName: 'camera-1' }));
  const { token } = handed.connectionParams;
  assert.deepEqual(handed, {
    protocol: 'https', host: 'media.example.com', port: 443, app: 'live/lobby', streamName: 'camera-1',
    connectionParams: { username: 'jwt', password: 'jwt', token },
  });
  assert.deepEqual(claimsOf(token), ['red5-subscriber', 'WHEP', 'lobby']);

  const refused = await page.evaluate(() => bridge.token(toPublish('lobby')).catch(({ code, status, members }) => [code, status, members.refused]));
  assert.deepEqual(refused, ['scope_not_granted', 403, ['WHIP', 'lobby', 'red5-publisher']]);
  const asked = seen.requests('/api/token');
  // An empty list, a list of another name and a name of two words would ask for more than was meant.
  for (const ask of [{ rooms: [] }, { room: ['lobby'] }, { rooms: 'lobby' }, { rooms: ['lobby red5-publisher'] }]) {
    assert.equal(await page.evaluate((wrong) => bridge.token(wrong).catch(({ name }) => name), ask), 'TypeError');
  }
  assert.equal(seen.requests('/api/token'), asked);
  assert.deepEqual(await seen.places([page], ['eyJ']), []);
});

test('of a Stream Manager the SDK gets the address of its stream', { timeout: LIMIT_MS }, async () => {
  const { page } = await signedIn();
  await page.route('**/api/token', async (route) => {
    const response = await route.fetch();
    const json = await response.json();
    json.red5.endpoints = { subscribe: `${MEDIA}/as/v1/proxy/whep/live/lobby` };
    json.red5.connectionParams.nodeGroup = 'oslo';
    await route.fulfill({ response, json });
  });
  const { endpoint, endpoints, connectionParams } = await page.evaluate(() => bridge.init(toWatch('lobby'), { streamName: 'camera-1' }));
  assert.deepEqual([endpoint, endpoints], [`${MEDIA}/as/v1/proxy/whep/live/lobby/camera-1`, undefined]);
  assert.equal(connectionParams.nodeGroup, 'oslo');
});

test('on another site the cookie does not come along, and the page is told so', { timeout: LIMIT_MS }, async () => {
  const { page } = await signedIn();
  await page.goto(onAnotherSite(app.origin));
  assert.equal(await page.evaluate(() => started), 'cross_site');
});

test('a page signs in by a window of its own, which closes, and all tabs know it', { timeout: LIMIT_MS }, async () => {
  const page = await door.newPage();
  const seen = await watch(page.context());
  await page.goto(app.origin);
  const other = await anotherTab(page);
  const opened = page.waitForEvent('popup');
  await page.getByRole('button', { name: 'Sign in here' }).click();
  const popup = await opened;
  const closed = popup.waitForEvent('close');
  await answerProvider(popup, door.provider, 'vic');
  await closed;
  await page.waitForFunction(() => document.title === 'done');
  await heard(other, 'signedin');
  assert.equal(await other.evaluate(() => bridge.signedIn), true);
  const { access_token: token } = await page.evaluate(() => bridge.token(toWatch('lobby')));
  assert.deepEqual(await seen.places([page, other], [token]), []);
  assert.equal(page.url(), `${app.origin}/`);
});

test('five tabs make one exchange, and a sixth that opens later makes none', { timeout: LIMIT_MS }, async () => {
  const { page, seen } = await signedIn();
  const tabs = [page];
  while (tabs.length < 5) tabs.push(await anotherTab(page));
  const tokens = await Promise.all(tabs.map((tab) => tab.evaluate(() => bridge.token(toWatch('lobby')))));
  tokens.push(await (await anotherTab(page)).evaluate(() => bridge.token(toWatch('lobby'))));
  assert.equal(new Set(tokens.map((token) => token.access_token)).size, 1);
  assert.equal(seen.requests('/api/token'), 1);
  // Another room is another token.
  await page.evaluate(() => bridge.token(toWatch('studio-1')));
  assert.equal(seen.requests('/api/token'), 2);
});

test('a token is renewed before its end, once for five tabs, and what the SDK holds has the new one', { timeout: LIMIT_MS }, async () => {
  const { page, seen } = await signedIn();
  await page.context().clock.install();
  const tabs = [page];
  await page.reload();
  while (tabs.length < 5) tabs.push(await anotherTab(page));
  const init = () => bridge.init(toWatch('lobby'), { streamName: 'camera-1' }).then((handed) => {
    window.handed = handed;
    return handed.connectionParams.token;
  });
  const [first] = await Promise.all(tabs.map((tab) => tab.evaluate(init)));
  assert.equal(seen.requests('/api/token'), 1);
  // Two tokens of one second are the same.
  await sleep(1100);
  await page.context().clock.fastForward(3 * MINUTE_MS);
  assert.equal(await page.evaluate(() => handed.connectionParams.token), first);
  assert.equal(seen.requests('/api/token'), 1);

  await page.context().clock.fastForward(MINUTE_MS);
  const renewed = await Promise.all(tabs.map((tab) => heard(tab, 'token')));
  const [{ token: { access_token: second } }] = renewed;
  assert.notEqual(second, first);
  for (const tab of tabs) assert.equal(await tab.evaluate(() => handed.connectionParams.token), second);
  assert.equal(seen.requests('/api/token'), 2);
  assert.deepEqual(await seen.places(tabs, [first, second]), []);

  // Released in all tabs, it is left alone.
  for (const tab of tabs) await tab.evaluate(() => bridge.release(handed));
  await page.context().clock.fastForward(10 * MINUTE_MS);
  await page.evaluate(() => bridge.token(toWatch('studio-1')));
  assert.equal(seen.requests('/api/token'), 3);
});

test('the SDK that connects again sends the renewed token', { timeout: LIMIT_MS }, async () => {
  const { page } = await signedIn();
  const sent = [];
  await page.route(`${MEDIA}/**`, (route) => {
    const request = route.request();
    if (request.method() === 'POST') sent.push(new URL(request.url()));
    return route.fulfill({ status: request.method() === 'OPTIONS' ? 200 : 503, headers: { 'Access-Control-Allow-Origin': '*' } });
  });
  await page.context().clock.install();
  await page.reload();
  const connect = () => page.evaluate(async () => {
    window.player = new red5prosdk.WHEPClient();
    await player.init(handed);
    await player.subscribe().catch(() => {});
  });
  await page.evaluate(async () => {
    await started;
    window.handed = await bridge.init(toWatch('lobby'), { streamName: 'camera-1' });
  });
  await connect();
  await sleep(1100);
  await page.context().clock.fastForward(4 * MINUTE_MS);
  const { token: { access_token: renewed } } = await heard(page, 'token');
  // The client that has begun holds the same object.
  assert.equal(await page.evaluate(() => player.getOptions().connectionParams.token), renewed);
  await connect();
  const tokens = sent.map(({ searchParams }) => searchParams.get('token'));
  assert.equal(tokens.length, 2);
  assert.notEqual(tokens[0], renewed);
  assert.equal(tokens[1], renewed);
  assert.equal(sent[1].pathname, '/live/lobby/whep/endpoint/camera-1');
});

for (const [status, headers, seconds] of [[429, { 'Retry-After': '7' }, 7], [503, { 'Retry-After': '20' }, 20], [503, {}, 2]]) {
  test(`a bridge that answers ${status}${headers['Retry-After'] ? ` with Retry-After ${seconds}` : ''} is asked again after ${seconds} seconds, by one tab`, { timeout: LIMIT_MS }, async () => {
    const { page, seen } = await signedIn();
    await page.context().clock.install();
    await page.reload();
    const other = await anotherTab(page);
    const busy = { status, headers: { ...headers, 'Access-Control-Allow-Origin': app.origin, 'Access-Control-Allow-Credentials': 'true', 'Access-Control-Expose-Headers': 'retry-after' }, json: { code: 'busy', detail: 'Later.' } };
    let answered = false;
    await page.context().route('**/api/token', (route) => {
      if (answered || route.request().method() === 'OPTIONS') return route.fallback();
      answered = true;
      return route.fulfill(busy);
    });
    await page.evaluate(() => { window.asked = bridge.token(toWatch('lobby')); });
    const waiting = await heard(page, 'waiting');
    assert.ok(waiting.seconds >= seconds && waiting.seconds <= seconds + 1, waiting.seconds);
    await other.evaluate(() => { window.asked = bridge.token(toWatch('lobby')); });
    await page.context().clock.runFor(seconds * 1000 - 500);
    assert.equal(seen.requests('/api/token'), 1);
    await page.context().clock.runFor(2000);
    const tokens = await Promise.all([page, other].map((tab) => tab.evaluate(() => window.asked)));
    assert.deepEqual(claimsOf(tokens[1].access_token), ['red5-subscriber', 'WHEP', 'lobby']);
    assert.equal(seen.requests('/api/token'), 2);
  });
}

test('while the bridge is away a token that is still good serves, and then the page is told', { timeout: LIMIT_MS }, async () => {
  const { page, seen } = await signedIn();
  await page.context().clock.install();
  await page.reload();
  const first = await page.evaluate(async () => {
    window.handed = await bridge.init(toWatch('lobby'));
    return handed.connectionParams.token;
  });
  await page.context().route('**/api/token', (route) => route.abort());
  await page.context().clock.fastForward(4 * MINUTE_MS + 15_000);
  assert.equal(await page.evaluate(() => bridge.token(toWatch('lobby')).then((token) => token.access_token)), first);
  assert.ok(seen.requests('/api/token') > 1);
  await page.context().clock.fastForward(MINUTE_MS);
  assert.equal(await page.evaluate(() => bridge.token(toWatch('lobby')).catch(({ code }) => code)), 'unreachable');
  assert.equal((await heard(page, 'refused')).ask.rooms[0], 'lobby');
});

test('signing out reaches all tabs, and so does a session that ended elsewhere', { timeout: LIMIT_MS }, async () => {
  for (const end of [
    (page) => page.evaluate(() => bridge.signOut({ stay: true })),
    async (page) => {
      await page.context().clearCookies();
      assert.equal(await page.evaluate(() => bridge.token(toWatch('studio-1')).catch(({ code }) => code)), 'not_signed_in');
    },
  ]) {
    const { page, seen } = await signedIn();
    const tabs = [page, await anotherTab(page), await anotherTab(page)];
    await Promise.all(tabs.map((tab) => tab.evaluate(() => bridge.init(toWatch('lobby')))));
    await end(page);
    for (const tab of tabs) {
      await heard(tab, 'signedout');
      assert.equal(await tab.evaluate(() => bridge.signedIn), false);
    }
    const asked = seen.requests('/api/token');
    // What was in memory is gone: the bridge is asked, and refuses.
    for (const tab of tabs) {
      assert.equal(await tab.evaluate(() => bridge.token(toWatch('lobby')).catch(({ code }) => code)), 'not_signed_in');
    }
    assert.ok(seen.requests('/api/token') > asked);
  }
});

test('a sign-out that meets an exchange on its way wins', { timeout: LIMIT_MS }, async () => {
  const { page } = await signedIn();
  const other = await anotherTab(page);
  let release;
  const released = new Promise((resolve) => { release = resolve; });
  const arrived = page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/api/token'));
  await page.route('**/api/token', async (route) => {
    const answer = await route.fetch();
    await released;
    await route.fulfill({ response: answer });
  });
  await page.evaluate(() => { window.asked = bridge.token(toWatch('lobby')).catch(({ code }) => code); });
  await arrived;
  await other.evaluate(() => bridge.signOut({ stay: true }));
  await heard(page, 'signedout');
  release();
  assert.equal(await page.evaluate(() => window.asked), 'not_signed_in');
  for (const tab of [page, other]) assert.equal(await tab.evaluate(() => bridge.signedIn), false);
});

test('signing out leads on to the provider’s sign-out', { timeout: LIMIT_MS }, async () => {
  const { page } = await signedIn();
  await page.evaluate(() => { bridge.signOut(); });
  await door.leaveTheProvider(page);
  await page.goto(app.origin);
  assert.deepEqual(await page.evaluate(() => started), { signedIn: false, from: null });
});

test('who signs in in one tab is who the other tabs get tokens for', { timeout: LIMIT_MS }, async () => {
  const { page } = await signedIn();
  const other = await anotherTab(page);
  const subject = () => bridge.init(toWatch('lobby')).then(({ connectionParams }) => JSON.parse(atob(connectionParams.token.split('.')[1])).sub);
  assert.equal(await other.evaluate(subject), 'vic');
  // The same page signs in again, as the other person.
  await page.context().clearCookies();
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await answerProvider(page, door.provider, 'zoe');
  await page.waitForURL(`${app.origin}/**`);
  const { token } = await heard(other, 'token');
  assert.equal(JSON.parse(Buffer.from(token.access_token.split('.')[1], 'base64url')).sub, 'zoe');
});
