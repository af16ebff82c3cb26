// Stands in for the cloud daemon: the built console, a map, and a WebSocket with real protobuf frames.
//   node test/mock/server.mjs [--port N] [--map FILE] [--count N] [--accounts]
import { createReadStream, existsSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { WebSocketServer } from 'ws';
import { Accounts, OPEN } from './accounts.mjs';
import { Fleet } from './fleet.mjs';
import { Changes } from './changes.mjs';
import { Conditions } from './conditions.mjs';
import { islandMap } from './island.mjs';
import { Past } from './past.mjs';
import { Traffic } from './traffic.mjs';

const DIST = fileURLToPath(new URL('../../dist', import.meta.url));
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const PERIOD_MS = 100;

/** Starts it; `stop` closes the door and every connection, `start` opens it again on the same port. */
export async function startMock({ port = 0, map: file, count, accounts: closed = false } = {}) {
  const map = islandMap(file);
  const traffic = new Traffic(map, { count });
  const accounts = closed ? new Accounts() : null;
  const fleet = new Fleet(traffic.sites);
  const conditions = new Conditions(traffic.sites, fleet);
  const past = new Past(map, traffic);
  const http = createServer((request, response) => (!accounts && past.answer(request, response)) || void serve(request, response, map, fleet, accounts, conditions));
  const sockets = new WebSocketServer({ noServer: true });
  let refusing = false;
  http.on('upgrade', (request, socket, head) => {
    if (refusing || request.url !== '/ws/v1' || (accounts && !accounts.who(request))) socket.destroy();
    else {
      sockets.handleUpgrade(request, socket, head, (client) => {
        client.changes = new Changes(traffic.types);
        client.on('message', (bytes) => client.changes.hear(bytes));
      });
    }
  });
  const timer = setInterval(() => {
    if (sockets.clients.size === 0) return;
    const message = traffic.message();
    const { Frame } = traffic.types;
    past.keep(Date.now(), Frame.encode(Frame.create(message)).finish());
    for (const client of sockets.clients) {
      const bytes = client.bufferedAmount < 1 << 20 ? client.changes?.next(message) : null;
      if (bytes) client.send(bytes);
    }
  }, PERIOD_MS);
  await new Promise((done) => http.listen(port, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${http.address().port}/`,
    map,
    traffic,
    accounts,
    fleet,
    conditions,
    past,
    interrupt: () => {
      refusing = true;
      for (const client of sockets.clients) client.terminate();
    },
    resume: () => {
      refusing = false;
    },
    close: () => {
      clearInterval(timer);
      for (const client of sockets.clients) client.terminate();
      http.closeAllConnections();
      return new Promise((done) => http.close(done));
    },
  };
}

async function serve(request, response, map, fleet, accounts, conditions) {
  const path = new URL(request.url, 'http://localhost').pathname;
  // What the cloud daemon sends too.
  response.setHeader('content-security-policy', "frame-ancestors 'none'; object-src 'none'; base-uri 'self'");
  if (path === '/api/v1/session' && !accounts) {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ ...OPEN, caller: { ...OPEN.caller, right: fleet.right } }));
    return;
  }
  const answer = path.startsWith('/api/v1/') ? await accounts?.answer(request, path.slice('/api/v1/'.length)) : null;
  if (answer) {
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers }).end(answer.body);
    return;
  }
  if (path === '/api/v1/map.geojson') {
    response.setHeader('content-type', 'application/geo+json');
    response.end(JSON.stringify(map));
    return;
  }
  if (path.startsWith('/api/v1/conditions') || path.startsWith('/api/v1/fleet') || path.startsWith('/api/v1/nodes') || path.startsWith('/api/v1/rollouts')) {
    let text = '';
    for await (const part of request) text += part;
    const asked = text ? JSON.parse(text) : {};
    const query = new URL(request.url, 'http://localhost').searchParams;
    const [status, body] = conditions.answer(request.method, path, asked) ?? fleet.answer(request.method, path, asked, query) ?? [404, {}];
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    return;
  }
  const name = join(DIST, normalize(path === '/' ? '/index.html' : path));
  if (!name.startsWith(DIST) || !existsSync(name) || !statSync(name).isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.setHeader('content-type', TYPES[extname(name)] ?? 'application/octet-stream');
  createReadStream(name).pipe(response);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { port: { type: 'string' }, map: { type: 'string' }, count: { type: 'string' }, accounts: { type: 'boolean' } } });
  const mock = await startMock({ port: Number(values.port ?? 8080), map: values.map, count: values.count ? Number(values.count) : undefined, accounts: values.accounts });
  process.stdout.write(`${mock.url}\n`);
  if (mock.accounts) process.stdout.write(`first account: ${mock.url}#/first?token=${mock.accounts.first}\n`);
}
