// `make demo` in a folder of its own: the developer's demo is left alone.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const START_LIMIT_MS = 30_000;
const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const UNPACKED = join(PROJECT, '.local/debian');

/** A folder for the demo, and how to remove it. */
export function demoFolder() {
  const path = mkdtempSync(join(tmpdir(), 'red5-demo-'));
  mkdirSync(join(path, '.local'));
  if (existsSync(UNPACKED)) symlinkSync(UNPACKED, join(path, '.local/debian'));
  // Postgres's account cannot reach this folder, so its data lies elsewhere, behind a link.
  const data = join(path, '.local/demo/postgres');
  const remove = () => {
    for (const folder of [existsSync(data) ? realpathSync(data) : data, path]) {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  return { path, remove };
}

/** What `make demo VARIABLES` runs once everything is built. */
function demoCommand(variables) {
  const lines = execFileSync('make', ['--no-print-directory', '--dry-run', 'demo', ...variables], { cwd: PROJECT, encoding: 'utf8' });
  return lines.trimEnd().split('\n').pop().replace('target/', `'${PROJECT}'/target/`);
}

export async function isReady(url) {
  return fetch(`${url}/readyz`).then((answer) => answer.ok, () => false);
}

/** Starts the demo and waits until the printed address answers. */
export async function startDemo(folder, ...variables) {
  const child = spawn('bash', ['-c', demoCommand(variables)], { cwd: folder.path, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => { said += text; });
  }
  const started = Date.now();
  for (;;) {
    const url = said.match(/Open (http:\S+)/)?.[1];
    const app = said.match(/A sample app .* is at (http:[\w.:/]+\d)/)?.[1];
    if (url && app && await isReady(url)) {
      return {
        url,
        app,
        stop: async () => {
          child.kill('SIGINT');
          return (await ended)[0];
        },
      };
    }
    if (child.exitCode !== null || Date.now() - started > START_LIMIT_MS) {
      child.kill('SIGINT');
      throw new Error(`the demo does not start:\n${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
