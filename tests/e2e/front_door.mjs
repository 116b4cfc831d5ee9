// One bridge below a base path, behind a proxy, for all tests of a file.
import { setTimeout as sleep } from 'node:timers/promises';
import { freshDatabase, startBridge } from './bridge.mjs';
import { addMapping, answerProvider, newPage, startBrowser } from './browser.mjs';
import { freePort } from './port.mjs';
import { startProvider } from './provider.mjs';
import { startProxy } from './proxy.mjs';

/** `settings`: variables of the bridge beside the usual ones; `client`: its registration likewise; `args`: words for the browser. */
export async function openFrontDoor(settings = {}, client = {}, args = []) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/bridge`;
  const listen = `127.0.0.1:${await freePort()}`;
  const [browser, provider, proxy] = await Promise.all([startBrowser(...args), startProvider(url, client), startProxy(port, listen)]);
  const bridge = await startBridge({ url, listen, issuer: provider.issuer, database: await freshDatabase(), settings });
  while (!(await fetch(`${url}/readyz`)).ok) await sleep(50);

  /** Signs `login` in by the start page, in this page. */
  async function signInAt(page, login) {
    await page.goto(`${url}/`);
    await page.getByRole('link', { name: 'Sign in', exact: true }).click();
    await answerProvider(page, provider, login);
  }

  return {
    url,
    provider,
    log: () => bridge.log(),
    /** What `red5-bridge check` says, in one line. */
    check: async (changes) => (await bridge.check(changes)).report.replace(/\s+/g, ' '),
    signInAt,
    newPage: (options) => newPage(browser, options),
    async signIn(login, options) {
      const page = await newPage(browser, options);
      await signInAt(page, login);
      return page;
    },
    /** The provider's sign-out: it asks, and comes back. */
    async leaveTheProvider(page) {
      await page.waitForURL(`${provider.issuer}/**`);
      await page.getByRole('button', { name: /yes/i }).click();
      await page.waitForURL(`${url}/auth/signed-out**`);
    },
    map: (page, group, room) => addMapping(page, url, group, room),
    async close() {
      await browser.close();
      await bridge.stop();
      proxy.stop();
      provider.stop();
    },
  };
}
