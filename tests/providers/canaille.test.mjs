// Canaille, registered by the command in docs/providers/canaille.md.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { exchange } from '../e2e/browser.mjs';
import { freePort } from '../e2e/port.mjs';
import { guideBlock, openDoor, startProvider } from './door.mjs';

const LIMIT_MS = 240_000;
const PROGRAM = `${process.env.PROVIDER_HOME}/bin/canaille`;
const SECRET = randomBytes(24).toString('hex');

let canaille;
let door;
let folder;
let issuer;

function run(...args) {
  return execFileSync(PROGRAM, args, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' });
}

function addPerson(name) {
  run('create', 'user', '--user-name', name, '--display-name', name, '--formatted-name', `${name} Example`, '--family-name', 'Example',
    '--emails', `${name}@example.com`, '--password', `${name}-password`);
}

async function answer(page, login) {
  await page.waitForURL(`${issuer}/**`);
  const other = page.getByText(/another account|not .*\?|other account/i).first();
  if (await page.locator('input[name=login]').count() === 0 && await other.count() > 0) await other.click();
  await page.locator('input[name=login]').fill(login);
  await page.locator('button[type=submit], input[type=submit]').first().click();
  await page.locator('input[name=password]').fill(`${login}-password`);
  await page.locator('button[type=submit], input[type=submit]').first().click();
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'canaille-'));
  const port = await freePort();
  issuer = `http://127.0.0.1:${port}`;
  const url = `http://127.0.0.1:${await freePort()}`;
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(join(folder, 'canaille.toml'), `
SECRET_KEY = "only-here"
SERVER_NAME = "127.0.0.1:${port}"
PREFERRED_URL_SCHEME = "http"
[CANAILLE]
DATABASE = "sql"
[CANAILLE_SQL]
DATABASE_URI = "sqlite:///${folder}/canaille.sqlite"
[CANAILLE_OIDC]
ACTIVE_JWKS = ['''${privateKey.export({ type: 'pkcs8', format: 'pem' })}''']
`);
  run('install');
  for (const name of ['ada', 'vic', 'rex']) addPerson(name);
  run('create', 'group', '--display-name', 'streaming-admins', '--members', 'ada');
  run('create', 'group', '--display-name', 'viewers', '--members', 'vic', '--members', 'rex');
  const command = guideBlock('canaille', 'sh').replaceAll('https://bridge.example.com', url).replace('the client secret', SECRET);
  execFileSync('sh', ['-c', command], { cwd: folder, stdio: 'ignore', env: { ...process.env, PATH: `${process.env.PROVIDER_HOME}/bin:${process.env.PATH}` } });
  canaille = await startProvider(PROGRAM, ['run', '--bind', `127.0.0.1:${port}`], { cwd: folder }, `${issuer}/.well-known/openid-configuration`);
  door = await openDoor({
    guide: 'canaille',
    url,
    provider: { issuer, secret: SECRET, answer },
    settings: { BRIDGE_GROUPS_MAX_AGE_SECONDS: '1', BRIDGE_UNREFRESHED_MAX_MINUTES: '1' },
  });
  await door.map(await door.signIn('ada'), 'viewers', 'lobby');
}, { timeout: LIMIT_MS });
after(async () => {
  await door?.close();
  canaille?.stop();
  if (folder) rmSync(folder, { recursive: true });
});

test('check finds nothing wrong with what the guide says', { timeout: LIMIT_MS }, (context) => door.check((note) => context.diagnostic(note)));

test('groups are names, and what is mapped to one is in the token', { timeout: LIMIT_MS }, async () => {
  const page = await door.signIn('vic');
  const { identity } = await door.session(page);
  assert.equal(identity.subject, 'vic');
  assert.equal(identity.username, 'vic');
  assert.equal(identity.name, 'vic Example');
  assert.deepEqual(identity.groups, ['viewers']);
  const { status, body } = await exchange(page);
  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual(body.rooms, ['lobby']);
});

test('a group taken away is gone with the next refresh, and one given back is there', { timeout: LIMIT_MS }, async () => {
  const page = await door.signIn('vic');
  run('set', 'group', 'viewers', '--members', 'rex');
  assert.equal((await door.exchangeUntil(page, 403)).code, 'no_grant');
  assert.deepEqual((await door.session(page)).identity.groups, []);
  run('set', 'group', 'viewers', '--members', 'vic', '--members', 'rex');
  await door.exchangeUntil(page, 200);
});

test('signing out leads to Canaille and back, and the next sign-in asks for the password', { timeout: LIMIT_MS }, async () => {
  const page = await door.signIn('vic');
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await page.waitForURL(`${door.url}/auth/signed-out?**`);
  await door.signInAt(page, 'vic');
});

test('another person can sign in where one is signed in', { timeout: LIMIT_MS }, async () => {
  const page = await door.signIn('vic');
  await page.getByRole('button', { name: /another account/i }).first().click();
  await answer(page, 'ada');
  await page.waitForURL(`${door.url}/`);
  assert.equal((await door.session(page)).identity.username, 'ada');
});

test('a person who was removed is out, and other people sign in all the while', { timeout: LIMIT_MS }, async (context) => {
  const page = await door.signIn('rex');
  run('delete', 'user', '--user-name', 'rex', '--noconfirm');
  await door.signIn('vic');
  await door.exchangeUntil(page, 401);
  context.diagnostic(door.log().match(/event="refresh_failed".*/)?.[0] ?? 'no refresh failed');
});
