// A proxy as small as can be: it passes every path on as it is.
import { once } from 'node:events';
import { createServer, request } from 'node:http';

/** Listens on `port` and passes everything on to `target` (host:port). */
export async function startProxy(port, target) {
  const [host, targetPort] = target.split(':');
  const server = createServer((incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    const onward = request({ host, port: targetPort, method, path, headers: { ...headers, host: target } }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
