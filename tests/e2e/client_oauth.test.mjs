// The browser module (clients/js) by authorization code and PKCE: a page on another site than the bridge, in a
// Chromium that blocks the cookies of third parties.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { claimsOf, serveApp, watch } from './app.mjs';
import { answerProvider } from './browser.mjs';
import { openFrontDoor } from './front_door.mjs';

const LIMIT_MS = 90_000;
const MINUTE_MS = 60_000;
const HOST = 'app.example.org';
const CLIENT = 'studio';

let app;
let door;

before(async () => {
  app = await serveApp({ host: HOST, options: () => ({ clientId: CLIENT }) });
  door = await openFrontDoor({ RED5_SERVER_URL: 'https://media.example.com/live' }, {}, [
    `--host-resolver-rules=MAP ${HOST} 127.0.0.1`, '--test-third-party-cookie-phaseout',
  ]);
  app.use(door.url);
  const ada = await door.signIn('ada');
  await door.map(ada, 'viewers', 'lobby');
  await door.map(ada, 'viewers', 'studio-1');
  const registered = await ada.evaluate(async ([address, client]) => {
    const headers = { 'Content-Type': 'application/json', 'X-Red5-Bridge': '1' };
    return (await fetch(address, { method: 'POST', headers, body: JSON.stringify(client) })).status;
  }, [`${door.url}/api/admin/clients`, {
    id: CLIENT, name: 'Studio App', kind: 'public', grants: ['authorization_code', 'refresh_token'], redirect_uris: [`${app.origin}/`],
  }]);
  assert.equal(registered, 201);
}, { timeout: LIMIT_MS });

after(async () => {
  await door?.close();
  app?.stop();
});

/** A browser at the app, and what is seen of it. */
async function openApp() {
  const page = await door.newPage({ ignoreHTTPSErrors: true });
  const seen = await watch(page.context());
  const requests = [];
  page.context().on('request', (request) => {
    if (request.url() === `${door.url}/oauth2/token`) requests.push(request);
  });
  /** What went to the token endpoint, and what came back. */
  const tokenRequests = () => Promise.all(requests.map(async (request) => ({
    sent: new URLSearchParams(request.postData()), headers: await request.allHeaders(), answer: await (await request.response()).json(),
  })));
  await page.goto(`${app.origin}/?n=1#top`);
  assert.deepEqual(await page.evaluate(() => started), { signedIn: false, from: null });
  return { page, seen, tokenRequests };
}

const isConsent = (url) => url.href.startsWith(`${door.url}/oauth2/authorize`);

/** Signs vic in at the provider, and decides at the bridge's question, which comes once for each person and app. */
async function goThrough(page, decision = 'Allow') {
  const done = (url) => isConsent(url) || url.origin === app.origin;
  await page.waitForURL(`${door.provider.issuer}/**`);
  await answerProvider(page, door.provider, 'vic');
  await page.waitForURL(done);
  if (isConsent(new URL(page.url()))) await page.getByRole('button', { name: decision, exact: true }).click();
}

async function signedIn() {
  const opened = await openApp();
  const { page } = opened;
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await goThrough(page);
  await page.waitForURL(`${app.origin}/`);
  assert.deepEqual(await page.evaluate(() => started), { signedIn: true, from: `${app.origin}/?n=1#top` });
  return opened;
}

async function anotherTab(page) {
  const tab = await page.context().newPage();
  await tab.goto(`${app.origin}/`);
  assert.equal((await tab.evaluate(() => started)).signedIn, true);
  return tab;
}

const heard = (page, type) => page.waitForFunction((wanted) => window.heard.find((event) => event.type === wanted), type).then((event) => event.jsonValue());

const refusal = (page, ask) => page.evaluate((wanted) => bridge.token(wanted).catch(({ code }) => code), ask);

const LOBBY = { roles: ['red5-subscriber'], rooms: ['lobby'], transports: ['WHEP'] };

test('who does not allow the app is sent back to it, and it is told', { timeout: LIMIT_MS }, async () => {
  const { page, seen } = await openApp();
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await goThrough(page, 'Do not allow');
  await page.waitForURL(`${app.origin}/`);
  assert.equal(await page.evaluate(() => started), 'access_denied');
  assert.equal(seen.requests('/oauth2/token'), 0);
  assert.equal(await refusal(page, LOBBY), 'not_signed_in');
});

test('a page on another site signs in and gets a token for a room, without any cookie', { timeout: LIMIT_MS }, async () => {
  const { page, seen, tokenRequests } = await signedIn();
  const handed = await page.evaluate(() => bridge.init(toWatch('lobby'), { streamName: 'camera-1' }));
  assert.deepEqual(claimsOf(handed.connectionParams.token), ['red5-subscriber', 'WHEP', 'lobby']);
  assert.equal(handed.app, 'live/lobby');
  assert.equal(await refusal(page, { ...LOBBY, rooms: ['green-room'] }), 'scope_not_granted');
  const asked = await tokenRequests();
  const grants = asked.map(({ sent }) => sent.get('grant_type'));
  assert.deepEqual(grants, ['authorization_code', 'refresh_token', 'refresh_token']);
  for (const { headers } of asked) assert.equal(headers.cookie, undefined);

  const secrets = asked.flatMap(({ sent, answer }) => [sent.get('code_verifier'), answer.refresh_token, answer.access_token]);
  assert.deepEqual(await seen.places([page], [...secrets, 'eyJ'].filter(Boolean)), []);
  // The code was in the address on the way, and is in none that remains.
  const code = asked[0].sent.get('code');
  assert.deepEqual(await seen.places([page], [code]), ['address']);
  assert.equal(await page.evaluate(() => sessionStorage.length + localStorage.length), 0);
  await page.goBack();
  await page.goForward();
  assert.equal(page.url(), `${app.origin}/`);
});

test('each sign-in has a verifier of its own, whose digest went ahead', { timeout: LIMIT_MS }, async () => {
  const drawn = new Set();
  for (let signIns = 1; signIns <= 2; signIns += 1) {
    const { page, tokenRequests } = await openApp();
    const begun = page.waitForRequest((request) => request.url().startsWith(`${door.url}/oauth2/authorize`));
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    const asked = new URL((await begun).url()).searchParams;
    await goThrough(page);
    await page.waitForURL(`${app.origin}/`);
    await page.evaluate(() => started);
    const [{ sent }] = await tokenRequests();
    const verifier = sent.get('code_verifier');
    assert.equal(asked.get('code_challenge_method'), 'S256');
    assert.equal(asked.get('code_challenge'), createHash('sha256').update(verifier).digest('base64url'));
    assert.equal(sent.get('redirect_uri'), `${app.origin}/`);
    for (const text of [verifier, asked.get('state')]) {
      assert.match(text, /^[\w-]{43}$/);
      drawn.add(text);
    }
    assert.equal(drawn.size, signIns * 2);
  }
});

test('an answer that was not asked for, or is another server’s, is never redeemed', { timeout: LIMIT_MS }, async () => {
  const { page, seen } = await openApp();
  const comes = async (parameters) => {
    await page.goto(`${app.origin}/?n=1&${new URLSearchParams(parameters)}`);
    return page.evaluate(() => started);
  };
  assert.equal(await comes({ code: 'planted', state: 'forged', iss: door.url }), 'unknown_state');
  assert.equal(page.url(), `${app.origin}/?n=1`);
  // That of another library is left to it.
  assert.deepEqual(await comes({ code: 'another', state: 'forged', iss: 'https://other.example' }), { signedIn: false, from: null });
  assert.match(page.url(), /code=another/);

  for (const iss of ['https://evil.example', `${door.url}/`, undefined]) {
    await page.goto(`${app.origin}/`);
    await page.evaluate(() => started);
    await page.route(`${door.url}/oauth2/authorize?**`, (route) => {
      const state = new URL(route.request().url()).searchParams.get('state');
      const back = new URLSearchParams({ code: 'planted', state, ...(iss && { iss }) });
      return route.fulfill({ status: 303, headers: { Location: `${app.origin}/?${back}` } });
    }, { times: 1 });
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.waitForURL(`${app.origin}/`);
    await page.waitForFunction(() => document.title === 'App' && window.started);
    assert.equal(await page.evaluate(() => started), 'wrong_issuer');
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  }
  assert.equal(seen.requests('/oauth2/token'), 0);
});

test('a page on another site signs in by a window, which closes', { timeout: LIMIT_MS }, async () => {
  const { page, seen, tokenRequests } = await openApp();
  const opened = page.waitForEvent('popup');
  await page.getByRole('button', { name: 'Sign in here' }).click();
  const popup = await opened;
  const closed = popup.waitForEvent('close');
  await goThrough(popup);
  await closed;
  await page.waitForFunction(() => document.title === 'done');
  assert.equal(page.url(), `${app.origin}/?n=1#top`);
  const { access_token: token } = await page.evaluate((ask) => bridge.token(ask), LOBBY);
  assert.deepEqual(await seen.places([page], [token, (await tokenRequests())[0].answer.refresh_token]), []);
});

test('a page that was reloaded signs in again without a question, and once', { timeout: LIMIT_MS }, async () => {
  const { page, seen } = await signedIn();
  await page.goto(`${app.origin}/?silent`);
  await page.waitForURL(`${app.origin}/`);
  assert.deepEqual(await page.evaluate(() => started), { signedIn: true, from: `${app.origin}/?silent` });
  assert.equal(seen.requests('/oauth2/authorize'), 3);

  // Who is signed out at the bridge stays where they are.
  await page.context().clearCookies();
  await page.goto(`${app.origin}/?silent`);
  await page.waitForURL(`${app.origin}/`);
  assert.deepEqual(await page.evaluate(() => started), { signedIn: false, from: `${app.origin}/?silent` });
  assert.equal(seen.requests('/oauth2/authorize'), 4);
});

test('five tabs share one refresh token and one exchange, and renew once', { timeout: LIMIT_MS }, async () => {
  const { page, seen, tokenRequests } = await signedIn();
  await page.context().clock.install();
  const tabs = [page];
  while (tabs.length < 5) tabs.push(await anotherTab(page));
  const asked = seen.requests('/oauth2/token');
  const tokens = await Promise.all(tabs.map((tab) => tab.evaluate((ask) => bridge.init(ask).then((handed) => {
    window.handed = handed;
    return handed.connectionParams.token;
  }), LOBBY)));
  assert.equal(new Set(tokens).size, 1);
  assert.equal(seen.requests('/oauth2/token'), asked + 1);
  // Each tab has the newest refresh token.
  const { roles, rooms, transports } = LOBBY;
  for (const [n, ask] of [{ roles }, { rooms }, { transports }, { roles, rooms }, { rooms, transports }].entries()) {
    assert.deepEqual((await tabs[n].evaluate((wanted) => bridge.token(wanted), ask)).roles, roles);
  }
  const used = (await tokenRequests()).map(({ sent }) => sent.get('refresh_token')).filter(Boolean);
  assert.deepEqual([used.length, new Set(used).size], [6, 6]);

  const before = seen.requests('/oauth2/token');
  await sleep(1100);
  await page.context().clock.fastForward(4 * MINUTE_MS);
  const renewed = await Promise.all(tabs.map((tab) => heard(tab, 'token')));
  assert.equal(new Set(renewed.map(({ token }) => token.access_token)).size, 1);
  assert.notEqual(renewed[0].token.access_token, tokens[0]);
  for (const tab of tabs) assert.equal(await tab.evaluate(() => handed.connectionParams.token), renewed[0].token.access_token);
  assert.equal(seen.requests('/oauth2/token'), before + 1);
  const secrets = (await tokenRequests()).flatMap(({ answer }) => [answer.refresh_token, answer.access_token]);
  assert.deepEqual(await seen.places(tabs, secrets), []);
});

test('signing out revokes the refresh token and reaches all tabs', { timeout: LIMIT_MS }, async () => {
  const { page, seen, tokenRequests } = await signedIn();
  const tabs = [page, await anotherTab(page), await anotherTab(page)];
  await tabs[1].evaluate((ask) => bridge.init(ask), LOBBY);
  await tabs[2].evaluate(() => bridge.signOut());
  for (const tab of tabs) {
    await heard(tab, 'signedout');
    assert.equal(await refusal(tab, LOBBY), 'not_signed_in');
  }
  assert.equal(seen.requests('/oauth2/revoke'), 1);
  const { refresh_token: token } = (await tokenRequests()).at(-1).answer;
  const body = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token, client_id: CLIENT });
  const answer = await fetch(`${door.url}/oauth2/token`, { method: 'POST', body });
  assert.equal((await answer.json()).error, 'invalid_grant');
});
