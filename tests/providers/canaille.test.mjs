// Canaille, registered by the command in docs/providers/canaille.md.
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { guideBlock, startProvider } from './door.mjs';
import { testProvider, testsSignOut } from './frame.mjs';

const PROGRAM = `${process.env.PROVIDER_HOME}/bin/canaille`;
const SECRET = randomBytes(24).toString('hex');

const frame = testProvider({
  guide: 'canaille',
  limit: 240_000,
  start,
  group: 'viewers',
  identity: { subject: 'vic', username: 'vic', name: 'vic Example', groups: ['viewers'] },
  leave: () => run('set', 'group', 'viewers', '--members', 'rex'),
  join: () => run('set', 'group', 'viewers', '--members', 'vic', '--members', 'rex'),
});

function run(...args) {
  return execFileSync(PROGRAM, args, { cwd: frame.folder, stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' });
}

function addPerson(name) {
  run('create', 'user', '--user-name', name, '--display-name', name, '--formatted-name', `${name} Example`, '--family-name', 'Example',
    '--emails', `${name}@example.com`, '--password', `${name}-password`);
}

async function start({ folder, port, url }) {
  const issuer = `http://127.0.0.1:${port}`;
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
  const program = await startProvider(PROGRAM, ['run', '--bind', `127.0.0.1:${port}`], { cwd: folder }, `${issuer}/.well-known/openid-configuration`);
  async function answer(page, login) {
    await page.waitForURL(`${issuer}/**`);
    const other = page.getByText(/another account|not .*\?|other account/i).first();
    if (await page.locator('input[name=login]').count() === 0 && await other.count() > 0) await other.click();
    await page.locator('input[name=login]').fill(login);
    await page.locator('button[type=submit], input[type=submit]').first().click();
    await page.locator('input[name=password]').fill(`${login}-password`);
    await page.locator('button[type=submit], input[type=submit]').first().click();
  }
  return { provider: { issuer, secret: SECRET, answer }, stop: program.stop };
}

testsSignOut(frame, 'vic');

frame.test('a person who was removed is out, and other people sign in all the while', async (door, context) => {
  const page = await door.signIn('rex');
  run('delete', 'user', '--user-name', 'rex', '--noconfirm');
  await door.signIn('vic');
  await door.exchangeUntil(page, 401);
  context.diagnostic(door.log().match(/event="refresh_failed".*/)?.[0] ?? 'no refresh failed');
});
