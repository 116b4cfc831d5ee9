// A page that uses the browser module, on an origin of its own.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { freePort } from './port.mjs';
import { certificate } from './certificate.mjs';

const EVENTS = ['signedin', 'signedout', 'token', 'refused', 'waiting'];

/** `bridge`, `started` and `heard` are for the tests: the module, what `start` answers, and its events. */
const script = (url, options, start) => `
  import * as client from '${url}/client/red5-bridge.js'
  const bridge = new client.Red5Bridge(${JSON.stringify({ bridge: url, ...options })})
  const heard = []
  for (const type of ${JSON.stringify(EVENTS)}) bridge.addEventListener(type, ({ detail }) => heard.push({ type, ...detail }))
  const code = (error) => error.code ?? String(error)
  const started = bridge.start(${JSON.stringify(start)}).catch(code)
  Object.assign(window, client, { bridge, heard, started })
  for (const id of ['redirect', 'popup']) {
    document.getElementById(id).onclick = () => {
      document.title = 'signing in'
      bridge.signIn({ popup: id === 'popup' }).then(() => { document.title = 'done' }, (error) => { document.title = code(error) })
    }
  }`;

const PAGE = `<!doctype html><html lang="en"><title>App</title><link rel="icon" href="data:,">
  <button id="redirect">Sign in</button><button id="popup">Sign in here</button>
  <video id="red5pro-publisher" autoplay muted playsinline></video><video id="red5pro-subscriber"></video>
  <script src="/added.js"></script><script type="module" src="/script.js"></script>`;

/**
 * Serves the page for the bridge at `url()`. The query of its address may have `silent`. `host`: https under that
 * name, with a certificate that no browser knows. `added`: a script that runs before the module.
 */
export async function serveApp({ host, added = '', options = () => ({}) }) {
  const port = await freePort();
  const origin = host ? `https://${host}:${port}` : `http://127.0.0.1:${port}`;
  let url;
  const answer = (request, response) => {
    const { pathname } = new URL(request.url, origin);
    const silent = /[?&]silent/.test(request.headers.referer ?? '');
    const [type, content] = {
      '/added.js': ['text/javascript', added],
      '/script.js': ['text/javascript', script(url, options(origin), { silent })],
    }[pathname] ?? ['text/html; charset=utf-8', PAGE];
    response.writeHead(200, {
      'Content-Type': type,
      'Cache-Control': 'no-store',
      // All that docs/apps.md says a policy needs.
      'Content-Security-Policy': `default-src 'self'; img-src data:; script-src 'self' ${new URL(url).origin}; connect-src ${new URL(url).origin} https://media.example.com`,
    }).end(content);
  };
  const server = host ? createSecureServer(certificate(host), answer) : createServer(answer);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin,
    /** From now on for this bridge. */
    use(bridge) { url = bridge; },
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The claims of a token that Red5 reads. */
export function claimsOf(token) {
  const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
  return [claims.roles, claims['red5-transport'], claims['red5-room']];
}

/**
 * Watches all pages of a context: `found()` says where anything like one of its tokens was seen that is not memory:
 * an address, the console, or a storage that scripts have. `requests(path)`: how many went to a path of the bridge.
 */
export async function watch(context) {
  const said = [];
  const addresses = [];
  const requests = [];
  context.on('console', (message) => said.push(message.text()));
  context.on('weberror', (error) => said.push(String(error.error())));
  context.on('request', (request) => {
    addresses.push(request.url(), request.headers().referer ?? '');
    requests.push(`${request.method()} ${new URL(request.url()).pathname}`);
  });
  const follow = (page) => page.on('framenavigated', (frame) => addresses.push(frame.url()));
  context.pages().forEach(follow);
  context.on('page', follow);
  const stored = (page) => page.evaluate(async () => [
    ...Object.entries(localStorage).flat(), ...Object.entries(sessionStorage).flat(), document.cookie, location.href, JSON.stringify(history.state),
    ...(await indexedDB.databases()).map(({ name }) => name), ...(await caches.keys()), window.name,
  ]);
  return {
    requests: (path) => requests.filter((request) => request.endsWith(path)).length,
    async places(pages, secrets) {
      const storage = (await Promise.all(pages.map(stored))).flat();
      const all = { console: said, address: addresses, storage };
      return Object.entries(all).filter(([, texts]) => texts.some((text) => secrets.some((secret) => text.includes(secret)))).map(([place]) => place);
    },
  };
}
