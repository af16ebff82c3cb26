// Stands in for the cloud's accounts: a few people in memory, sessions in cookies, the API's shape of an error.
import { randomBytes } from 'node:crypto';

const DAY_MS = 86_400_000;

/** Accounts as the cloud keeps them; `null` in place of it is a cloud at which everybody here may look. */
export class Accounts {
  constructor() {
    this.first = 'the-first-link';
    this.people = new Map();
    this.sessions = new Map();
    this.invitations = new Map();
    this.tokens = [];
    this.audit = [];
    this.firstBreak = null;
  }

  who(request) {
    const cookie = /(?:^|; )jxz_session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
    const person = this.people.get(this.sessions.get(cookie));
    return person && !person.locked ? { ...person, cookie } : null;
  }

  endSessionsOf(name) {
    for (const [cookie, owner] of this.sessions) if (owner === name) this.sessions.delete(cookie);
  }

  /** Answers a request under `/api/v1/`; null if it is none of ours. */
  async answer(request, path) {
    const body = ['POST', 'PUT', 'PATCH'].includes(request.method) ? await read(request) : {};
    const caller = this.who(request);
    const route = `${request.method} ${path}`;
    const open = this.openRoute(route, caller, body);
    if (open) return open;
    if (!caller) return refuse(401, 'unauthenticated');
    if (request.method !== 'GET' && !request.headers['x-jxz-request']) return refuse(403, 'header_missing');
    const own = this.ownRoute(route, caller, body);
    if (own) return own;
    const [, kind, name, more] = /^(accounts|audit)(?:\/([^/]+))?(\/invitation)?$/.exec(path) ?? [];
    if (!kind) return null;
    if (caller.right !== 'admin') return refuse(403, 'forbidden');
    return this.adminRoute(request.method, kind, name && decodeURIComponent(name), Boolean(more), caller, body);
  }

  openRoute(route, caller, body) {
    switch (route) {
      case 'GET session': {
        const row = caller && { name: caller.name, right: caller.right, by: 'session', ends_ms: Date.now() + DAY_MS, has_password: true };
        return json({ caller: row, first: this.people.size === 0, provider: null });
      }
      case 'POST session': {
        const person = this.people.get(body.name);
        return person && !person.locked && person.password === body.password ? this.begin(body.name) : refuse(401, 'login_refused');
      }
      case 'POST first':
        if (body.token !== this.first || this.people.size > 0) return refuse(403, 'link_refused');
        this.make(body.name, 'admin', body.password);
        return this.begin(body.name);
      case 'POST invitation': {
        const name = this.invitations.get(body.token);
        if (!name) return refuse(403, 'link_refused');
        this.invitations.delete(body.token);
        this.people.get(name).password = body.password;
        return this.begin(name);
      }
      default:
        return null;
    }
  }

  ownRoute(route, caller, body) {
    switch (route) {
      case 'DELETE session':
        this.sessions.delete(caller.cookie);
        return { status: 204 };
      case 'PUT password':
        if (caller.password !== body.present) return refuse(403, 'password_wrong');
        this.people.get(caller.name).password = body.new;
        this.endSessionsOf(caller.name);
        return this.begin(caller.name);
      case 'GET tokens':
        return json({ tokens: this.tokens });
      case 'POST tokens': {
        const made = { id: this.tokens.length + 1, account: caller.name, label: body.label, right: body.right, made_ms: Date.now(), expires_ms: Date.now() + body.days * DAY_MS };
        this.tokens.push(made);
        return json({ token: 'a-token-shown-once', ...made });
      }
      default: {
        const id = /^DELETE tokens\/(\d+)$/.exec(route)?.[1];
        if (!id) return null;
        this.tokens = this.tokens.filter((token) => token.id !== Number(id));
        return { status: 204 };
      }
    }
  }

  adminRoute(method, kind, name, invite, caller, body) {
    if (kind === 'audit') return json({ entries: [...this.audit].reverse(), first_break: this.firstBreak });
    if (!name && method === 'GET') return json({ accounts: [...this.people.values()].map((person) => this.row(person)) });
    if (!name) {
      if (this.people.has(body.name)) return refuse(409, 'name_taken');
      this.make(body.name, body.right, null, caller.name);
      return this.invite(body.name);
    }
    const person = this.people.get(name);
    if (!person) return refuse(404, 'not_found');
    if (invite) return this.invite(name);
    const next = { ...person, ...body };
    const admins = [...this.people.values()].filter((p) => (p === person ? next : p).right === 'admin' && !(p === person ? next : p).locked);
    if (admins.length === 0) return refuse(409, 'last_admin');
    this.people.set(name, next);
    this.endSessionsOf(name);
    this.note(caller.name, body.locked === undefined ? 'account.right' : 'account.lock', { account: name, ...body });
    return json(this.row(next));
  }

  make(name, right, password, by = name) {
    this.people.set(name, { name, right, password, locked: false });
    this.note(by, 'account.make', { account: name, right });
  }

  invite(name) {
    const token = randomBytes(8).toString('hex');
    this.invitations.set(token, name);
    return json({ name, token, expires_ms: Date.now() + 7 * DAY_MS });
  }

  begin(name) {
    const cookie = randomBytes(16).toString('hex');
    this.sessions.set(cookie, name);
    return { ...json({ name }), headers: { 'set-cookie': `jxz_session=${cookie}; Path=/; HttpOnly; SameSite=Strict` } };
  }

  note(who, action, detail) {
    this.audit.push({ number: this.audit.length + 1, at_ms: Date.now(), who, action, detail: JSON.stringify(detail), hash: '' });
  }

  row({ name, right, locked, password }) {
    const sessions = [...this.sessions.values()].filter((owner) => owner === name).length;
    const invited = [...this.invitations.values()].includes(name);
    return { name, right, locked, has_password: password !== null, by_provider: false, made_ms: 0, invited_until_ms: invited ? Date.now() + DAY_MS : null, sessions };
  }
}

/** The answer of a cloud at which everybody on its machine may look. */
export const OPEN = { caller: { name: 'loopback', right: 'viewer', by: 'open_viewing', ends_ms: null, has_password: false }, first: false, provider: null };

const json = (value) => ({ status: 200, body: JSON.stringify(value) });
const refuse = (status, code) => ({ status, body: JSON.stringify({ error: { code, message: `refused: ${code}`, causes: [] } }) });

async function read(request) {
  let text = '';
  for await (const part of request) text += part;
  return text === '' ? {} : JSON.parse(text);
}
