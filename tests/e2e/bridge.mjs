// The bridge's own program, with a database of its own.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { ADMIN_GROUP, CLIENT } from './provider.mjs';

const PROGRAM = fileURLToPath(new URL('../../target/debug/red5-bridge', import.meta.url));

/** The secret that issued tokens are verified with. */
export const RED5_SECRET = randomBytes(32).toString('hex');

const START_LIMIT_MS = 30_000;

/** An empty database on the server of DATABASE_URL (`red5-bridge-demo with-postgres` sets it). */
export async function freshDatabase() {
  const base = process.env.DATABASE_URL;
  if (!base) throw new Error('DATABASE_URL is not set: run `make test`');
  const name = `e2e_${randomBytes(6).toString('hex')}`;
  const client = new pg.Client({ connectionString: base });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  const url = new URL(base);
  url.pathname = `/${name}`;
  return url.href;
}

/** Starts `red5-bridge serve` for `url`, listening there unless told otherwise. */
export async function startBridge({ url, listen = new URL(url).host, issuer, database, settings = {} }) {
  const env = {
    PATH: process.env.PATH,
    DATABASE_URL: database,
    BRIDGE_PUBLIC_URL: url,
    BRIDGE_LISTEN: listen,
    BRIDGE_SECRET_KEYS: randomBytes(32).toString('base64'),
    BRIDGE_ADMIN_GROUPS: ADMIN_GROUP,
    OIDC_ISSUER_URL: issuer,
    OIDC_CLIENT_ID: CLIENT.id,
    OIDC_CLIENT_SECRET: CLIENT.secret,
    RED5_JWT_SECRET: RED5_SECRET,
    ...settings,
  };
  const child = spawn(PROGRAM, ['serve'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  let log = '';
  const listening = new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        log += text;
        if (log.includes('listening on http://')) resolve('listening');
      });
    }
  });
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, START_LIMIT_MS, 'late');
  });
  const first = await Promise.race([listening, ended, late]);
  clearTimeout(timer);
  if (first !== 'listening') {
    child.kill('SIGKILL');
    throw new Error(`the bridge does not listen:\n${log}`);
  }
  return {
    log: () => log,
    /** What `red5-bridge check` says of the same settings, some of them changed. */
    check: (changes = {}) => new Promise((resolve) => {
      execFile(PROGRAM, ['check'], { env: { ...env, ...changes } }, (error, report) => resolve({ code: error?.code ?? 0, report }));
    }),
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
