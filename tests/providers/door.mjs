// A bridge before a real provider, set up with exactly the variables of its guide.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { freshDatabase, startBridge } from '../e2e/bridge.mjs';
import { addMapping, exchange, newPage, startBrowser } from '../e2e/browser.mjs';

const START_LIMIT_MS = 240_000;
const CHANGE_LIMIT_MS = 150_000;

/** The blocks of a guide whose first line is one of `titles`, joined. */
export function guideBlock(name, ...titles) {
  const text = readFileSync(new URL(`../../docs/providers/${name}.md`, import.meta.url), 'utf8');
  return [...text.matchAll(/^```([^`\n]+)\n([^]*?)^```$/gm)]
    .filter(([, title]) => titles.includes(title))
    .map(([, , lines]) => lines)
    .join('');
}

/** Its blocks ` ```env ` and ` ```env CASE `. */
function guideVariables(name, scenario) {
  const lines = guideBlock(name, 'env', `env ${scenario}`).matchAll(/^(\w+)=(?:'(.*)'|(.*))$/gm);
  return Object.fromEntries([...lines].map(([, variable, quoted, plain]) => [variable, quoted ?? plain]));
}

/** Starts a provider's program; answers once `ready` is. Its log is told when it is not. */
export async function startProvider(program, args, options, ready) {
  const child = spawn(program, args, { ...options, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => { log += text; });
  }
  const until = Date.now() + START_LIMIT_MS;
  while (!(await fetch(ready).catch(() => undefined))?.ok) {
    assert.ok(child.exitCode === null && Date.now() < until, `${program} does not answer at ${ready}:\n${log}`);
    await sleep(500);
  }
  return {
    log: () => log,
    // The whole group: a starting script leaves its program behind.
    stop: () => { if (child.exitCode === null) process.kill(-child.pid); },
  };
}

/**
 * `provider`: `issuer`, `answer(page, login)` for its pages, and the client's `secret`.
 * `settings` come on top of the guide's variables.
 */
export async function openDoor({ guide, scenario, url, provider, settings = {} }) {
  const variables = {
    ...guideVariables(guide, scenario),
    OIDC_ISSUER_URL: provider.issuer,
    OIDC_CLIENT_SECRET: provider.secret,
    ...settings,
  };
  const browser = await startBrowser();
  const bridge = await startBridge({ url, issuer: provider.issuer, database: await freshDatabase(), settings: variables });
  while (!(await fetch(`${url}/readyz`)).ok) await sleep(50);

  const signInAt = async (page, login) => {
    await page.goto(`${url}/`);
    await page.getByRole('link', { name: 'Sign in', exact: true }).click();
    await provider.answer(page, login);
    await page.waitForURL(`${url}/`).catch(async (error) => {
      throw new Error(`${error.message}\n${page.url()}\n${await page.locator('body').innerText()}\n${bridge.log()}`);
    });
  };
  return {
    url,
    variables,
    log: () => bridge.log(),
    report: () => bridge.check(),
    /** Whether `red5-bridge check` is content; its notes go to `tell`. */
    async check(tell) {
      const { code, report } = await bridge.check();
      assert.equal(code, 0, report);
      for (const [note] of report.matchAll(/^ *(?:note|NOTE) .*$/gm)) tell(note.trim());
    },
    newPage: () => newPage(browser),
    signInAt,
    async signIn(login) {
      const page = await newPage(browser);
      await signInAt(page, login);
      return page;
    },
    async session(page) {
      return page.evaluate(async () => (await fetch('/api/session', { headers: { 'X-Red5-Bridge': '1' } })).json());
    },
    map: (page, group, room) => addMapping(page, url, group, room),
    /** Asks for a token again and again until the answer is `status`; answers with its body. */
    async exchangeUntil(page, status, limit = CHANGE_LIMIT_MS) {
      const until = Date.now() + limit;
      for (;;) {
        const answer = await exchange(page);
        if (answer.status === status) return answer.body;
        assert.ok(Date.now() < until, `still ${answer.status} ${answer.body.code}, not ${status}:\n${bridge.log()}`);
        await sleep(500);
      }
    },
    async close() {
      await browser.close();
      await bridge.stop();
    },
  };
}
