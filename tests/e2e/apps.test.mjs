// docs/apps.md followed literally, with the sample app that it shows: the demo serves that app on
// an origin of its own.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { claimsOf } from './app.mjs';
import { everyWay } from './axe.mjs';
import { newPage, startBrowser } from './browser.mjs';
import { demoFolder, startDemo } from './demo.mjs';

const LIMIT_MS = 90_000;
const EXAMPLE = 'https://bridge.example.com';
const MEDIA = 'https://media.example.com';

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const scriptsOf = (page) => [...page.matchAll(/^```js\n([^]*?)^```$/gm)].map(([, script]) => script);

const isOfTheSdk = (script) => script.includes("'red5pro-webrtc-sdk'");
const [BEGIN, ...SCRIPTS] = scriptsOf(read('docs/apps.md'));

let browser;
let folder;
let demo;
let elsewhere;

/** The files of the sample app once more, at another port, beside `added`: type and content by path. */
async function serveElsewhere() {
  const added = new Map();
  const server = createServer(async (request, response) => {
    if (added.has(request.url)) {
      const [type, content] = added.get(request.url);
      response.writeHead(200, { 'Content-Type': type }).end(content);
    } else {
      const file = await fetch(demo.app + request.url);
      response.writeHead(file.status, Object.fromEntries(file.headers)).end(await file.text());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  return { added, at: (host) => `http://${host}:${port}`, stop: () => server.close() };
}

before(async () => {
  // A camera and a microphone that need no permission.
  browser = await startBrowser('--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream');
  folder = demoFolder();
  elsewhere = await serveElsewhere();
  demo = await startDemo(folder, `ORIGINS=${elsewhere.at('127.0.0.1')},${elsewhere.at('localhost')}`);
}, { timeout: LIMIT_MS });

after(async () => {
  await browser?.close();
  await demo?.stop();
  elsewhere?.stop();
  folder?.remove();
});

/** Opens the sample app, follows "Sign in", clicks on a person, and is back at the app. */
async function signIn(page, name, app = demo.app) {
  await page.goto(app);
  await page.getByText('You are not signed in.').waitFor();
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('link', { name }).click();
  await page.getByText('You are signed in.').waitFor();
  assert.equal(page.url(), `${app}/`);
}

async function getToken(page, { what, room, stream = 'camera-1' }) {
  await page.getByLabel(what).check();
  await page.getByLabel('Room').fill(room);
  await page.getByLabel('Stream name').fill(stream);
  await page.getByRole('button', { name: 'Get a token' }).click();
}

test('every script of the page for authors is in the sample app, or calls the SDK', () => {
  const sample = read('docs/sample-app/page.js').split('\n').map((line) => line.trim());
  const shown = SCRIPTS.filter((script) => !isOfTheSdk(script)).flatMap((script) => script.trimEnd().split('\n'));
  assert.ok(shown.length >= 4 && SCRIPTS.some(isOfTheSdk));
  for (const line of shown) assert.ok(sample.includes(line.trim()), line);
  assert.ok(sample.includes(BEGIN.split('\n')[0]));
});

test('an app on its own origin signs in, shows what it hands to the SDK, and signs out', { timeout: LIMIT_MS }, async () => {
  const page = await newPage(browser);
  for (const app of [demo.app, elsewhere.at('127.0.0.1')]) {
    await signIn(page, 'Ada Admin', app);
    await page.getByRole('heading', { name: 'Ada Admin' }).waitFor();
    await page.getByText('red5-publisher, red5-subscriber over RTMP, WHEP, WHIP in studio-1, studio-2').waitFor();

    await getToken(page, { what: 'publish, over WHIP', room: 'studio-1', stream: 'camera-7' });
    await page.getByText('A new WHIPClient gets this').waitFor();
    const call = await page.locator('pre').innerText();
    const handed = JSON.parse(call.match(/^await client\.init\((\{[^]*\})\)$/)[1]);
    const { token } = handed.connectionParams;
    assert.deepEqual(handed, {
      protocol: 'https', host: 'media.example.com', port: 443, app: 'live/studio-1', streamName: 'camera-7',
      connectionParams: { username: 'jwt', password: 'jwt', token },
    });
    assert.deepEqual(claimsOf(token), ['red5-publisher', 'WHIP', 'studio-1']);

    await getToken(page, { what: 'watch, over WHEP', room: 'green-room' });
    await page.getByRole('alert').getByText('(scope_not_granted)').waitFor();
    assert.equal(await page.locator('pre').isVisible(), false);
    await getToken(page, { what: 'watch, over WHEP', room: 'studio-2' });
    await page.getByText('A new WHEPClient gets this').waitFor();
    assert.match(await page.locator('pre').innerText(), /"live\/studio-2"/);

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
    await page.goto(app);
    await page.getByText('You are not signed in.').waitFor();
  }
});

test('the same app on another site is an OAuth client, by a redirect and by a window', { timeout: LIMIT_MS }, async () => {
  const page = await newPage(browser);
  const app = demo.app.replace('127.0.0.1', 'localhost');
  await page.goto(app);
  await page.getByText('You are not signed in.').waitFor();
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('link', { name: 'Ada Admin' }).click();
  await page.getByRole('button', { name: 'Do not allow' }).click();
  await page.getByRole('alert').getByText('(access_denied)').waitFor();
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('button', { name: 'Allow', exact: true }).click();
  await page.getByText('You are signed in.').waitFor();
  assert.equal(page.url(), `${app}/`);
  await page.getByText('red5-publisher, red5-subscriber over RTMP, WHEP, WHIP in studio-1, studio-2').waitFor();
  await getToken(page, { what: 'publish, over WHIP', room: 'studio-1' });
  await page.getByText('A new WHIPClient gets this').waitFor();
  assert.match(await page.locator('pre').innerText(), /"live\/studio-1"/);

  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByText('You are not signed in.').waitFor();
  const opened = page.waitForEvent('popup');
  await page.getByRole('button', { name: 'Sign in in a window' }).click();
  await (await opened).waitForEvent('close');
  await page.getByText('You are signed in.').waitFor();
  await getToken(page, { what: 'watch, over WHEP', room: 'studio-2' });
  await page.getByText('A new WHEPClient gets this').waitFor();
});

test('an app whose session ended meanwhile offers to sign in again', { timeout: LIMIT_MS }, async () => {
  const page = await newPage(browser);
  await signIn(page, 'Vic Viewer');
  await page.context().clearCookies();
  await getToken(page, { what: 'watch, over WHEP', room: 'lobby' });
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('link', { name: 'Vic Viewer' }).click();
  await page.getByText('red5-subscriber over WHEP in lobby, studio-1').waitFor();
});

test('an app whose origin is not allowed cannot read a word, and says what may be wrong', { timeout: LIMIT_MS }, async () => {
  const page = await newPage(browser);
  await signIn(page, 'Vic Viewer');
  const stranger = await serveElsewhere();
  try {
    await page.goto(stranger.at('127.0.0.1'));
    await page.getByRole('alert').getByText(`${stranger.at('127.0.0.1')} is not among the origins that it allows`).waitFor();
    assert.equal(await page.getByRole('button').count(), 0);
  } finally {
    stranger.stop();
  }
});

/** Runs `script` in a page with the SDK, put together as by a bundler: what it asks of the streaming server. */
async function askedBy(page, script) {
  const sdk = createRequire(import.meta.url).resolve('red5pro-webrtc-sdk/red5pro-sdk.min.js');
  elsewhere.added.set('/player', ['text/html', `<!doctype html><title>Player</title>
    <video id="red5pro-publisher" autoplay muted playsinline></video><video id="red5pro-subscriber"></video>
    <script src="/sdk.js"></script>
    <script type="importmap">{"imports":{"red5pro-webrtc-sdk":"/sdk-module.js"}}</script>
    <script type="module" src="/script.js"></script>`]);
  elsewhere.added.set('/sdk.js', ['text/javascript', readFileSync(sdk)]);
  elsewhere.added.set('/sdk-module.js', ['text/javascript', 'export const { WHIPClient, WHEPClient } = window.red5prosdk']);
  elsewhere.added.set('/script.js', ['text/javascript', `${BEGIN.replaceAll(EXAMPLE, demo.url)}\n${script}`]);
  // There is no streaming server here: what the SDK asks of it is what counts.
  await page.route(`${MEDIA}/**`, (route) => {
    const status = route.request().method() === 'OPTIONS' ? 200 : 503;
    return route.fulfill({ status, headers: { 'Access-Control-Allow-Origin': '*' } });
  });
  const offer = page.waitForRequest((request) => request.url().startsWith(MEDIA) && request.method() === 'POST');
  await page.goto(`${elsewhere.at('127.0.0.1')}/player`);
  const { pathname, searchParams } = new URL((await offer).url());
  assert.deepEqual([searchParams.get('username'), searchParams.get('password')], ['jwt', 'jwt']);
  return [pathname, ...claimsOf(searchParams.get('token'))];
}

test('the Red5 SDK, called as the page for authors says, asks for the stream with the token', { timeout: LIMIT_MS }, async () => {
  const page = await newPage(browser);
  await signIn(page, 'Ada Admin');
  const asked = [];
  for (const script of SCRIPTS.filter(isOfTheSdk)) asked.push(await askedBy(page, script));
  assert.deepEqual(asked, [
    ['/live/studio-1/whip/endpoint/camera-1', 'red5-publisher', 'WHIP', 'studio-1'],
    ['/live/studio-1/whep/endpoint/camera-1', 'red5-subscriber', 'WHEP', 'studio-1'],
    ['/live/studio-2/whep/endpoint/camera-1', 'red5-subscriber', 'WHEP', 'studio-1,studio-2'],
  ]);
});

test('the lines of the portal for the SDK ask for the stream too', { timeout: LIMIT_MS }, async () => {
  const page = await newPage(browser);
  await signIn(page, 'Ada Admin');
  const asked = [];
  for (const [role, transport, line] of [['publisher', 'WHIP', 'publishing'], ['subscriber', 'WHEP', 'watching']]) {
    await page.goto(demo.url);
    await page.getByLabel('Room', { exact: true }).fill('studio-1');
    await page.getByLabel('Stream name').fill('show-1');
    await page.locator(`input[name=roles][value=red5-${role}]`).check();
    await page.locator(`input[name=transports][value=${transport}]`).check();
    await page.getByRole('button', { name: 'Get a token' }).click();
    const script = await page.getByRole('textbox', { name: `Red5 HTML5 SDK, ${line}` }).inputValue();
    asked.push(await askedBy(page, `import { WHIPClient, WHEPClient } from 'red5pro-webrtc-sdk'\n${script}`));
  }
  assert.deepEqual(asked, [
    ['/live/studio-1/whip/endpoint/show-1', 'red5-publisher', 'WHIP', 'studio-1'],
    ['/live/studio-1/whep/endpoint/show-1', 'red5-subscriber', 'WHEP', 'studio-1'],
  ]);
});

test('the script of the README gets a token', { timeout: LIMIT_MS }, async () => {
  const page = await newPage(browser);
  await signIn(page, 'Ada Admin');
  const [script, ...others] = scriptsOf(read('README.md'));
  assert.equal(others.length, 0);
  const red5 = await page.evaluate(`(async () => { ${script.replaceAll(EXAMPLE, demo.url)}; return red5 })()`);
  assert.equal(red5.app, 'live/studio-1');
});

test('axe finds nothing on the sample app', { timeout: LIMIT_MS }, async () => {
  const page = await newPage(browser);
  const found = [];
  await page.goto(demo.app);
  await page.getByText('You are not signed in.').waitFor();
  found.push(...(await everyWay(page, 'signed out')));
  await signIn(page, 'Ada Admin');
  await getToken(page, { what: 'watch, over WHEP', room: 'nowhere' });
  await page.getByText('(scope_not_granted)').waitFor();
  found.push(...(await everyWay(page, 'refused')));
  await getToken(page, { what: 'watch, over WHEP', room: 'studio-1' });
  await page.locator('pre').waitFor();
  found.push(...(await everyWay(page, 'token')));
  assert.deepEqual(found, []);
});
