// Stands in for the cloud's management of nodes: switches act after a moment, roll-outs go forward or are taken back.
const APPLICATIONS = ['fcw', 'icw', 'lta', 'bsw', 'dnpw', 'ebw', 'avw', 'clw', 'vrucw', 'slw', 'lead_speed', 'hlw', 'tjw', 'wrong_way', 'road_works', 'ivs', 'svw', 'glosa', 'evw', 'guidance'];
const APPLY_MS = 1500;
const DAY_MS = 86_400_000;

export class Fleet {
  constructor(sites, { right = 'admin', enrolment = true } = {}) {
    this.right = right;
    this.enrolment = enrolment;
    this.rollouts = [];
    /** Lines of the log, and how often somebody looked. */
    this.written = [];
    this.looks = 0;
    this.start = Date.now();
    /** While it is set, no node takes anything on. */
    this.hold = false;
    this.nodes = new Map(sites.map((site) => [site.id, { ...site, on: new Set(APPLICATIONS), wanted: new Map(), revision: 0, applied: 0, due: 0, connected: true, degraded: false, serial: '4f0c2a9be1d37755', revoked: 0 }]));
  }

  /** Answers a request; null: not one of the management's. */
  answer(method, path, body, query) {
    const now = Date.now();
    this.advance(now);
    const parts = path.replace('/api/v1/', '').split('/');
    if (method === 'GET' && path === '/api/v1/fleet') {
      return [200, { nodes: [...this.nodes.values()].map((node) => this.row(node, now)), enrolment: this.enrolment, right: this.right }];
    }
    if (method === 'GET' && parts[0] === 'fleet' && this.nodes.has(parts[1])) return [200, this.row(this.nodes.get(parts[1]), now)];
    if (parts[0] === 'nodes' && parts.length > 1) return this.ofNode(method, parts, body, now, query);
    if (method === 'GET' && path === '/api/v1/rollouts') return [200, { rollouts: [...this.rollouts].reverse() }];
    if (method === 'POST' && path === '/api/v1/rollouts') return this.begin(body, now);
    if (method === 'POST' && parts[0] === 'rollouts' && parts[2] === 'abort') {
      const rollout = this.rollouts.find((row) => String(row.number) === parts[1] && !row.over);
      if (!rollout) return refuse(409, 'conflict', `roll-out ${parts[1]} is not on its way`);
      this.takeBack(rollout, 'called off by loopback');
      return [202, { number: rollout.number }];
    }
    return null;
  }

  ofNode(method, [, site, what, name], body, now, query) {
    const node = this.nodes.get(site);
    if (!node) return refuse(404, 'not_found', `there is no site ${site}`);
    if (method === 'PUT' && what === 'applications' && APPLICATIONS.includes(name)) {
      this.want(node, name, body.on, now);
      return [202, { site, revision: node.revision }];
    }
    if (method === 'POST' && what === 'revoke') {
      node.connected = false;
      node.revoked = now;
      return [200, { site, certificates: 1 }];
    }
    if (method === 'POST' && what === 'join-tokens') {
      const token = `jxz1/cloud.example:7400/${'ab'.repeat(32)}/${'0f'.repeat(16)}`;
      return [201, { site, token, expires_at_ms: now + DAY_MS, command: `jxz-edge join --config /etc/jiangxin/edge.toml ${token}` }];
    }
    if (method === 'GET' && what === 'log') return this.log(node, query);
    return refuse(404, 'not_found', 'there is no such request');
  }

  /** Lines after the one asked for; a node writes one at each look, and some that are hostile at first. */
  log(node, query) {
    if (!node.connected) return refuse(409, 'conflict', `${node.id} is not connected: its log is on the unit itself`);
    const after = Number(query.get('boot')) === this.start ? Number(query.get('after') ?? 0) : 0;
    this.looks += 1;
    const say = (level, text) => this.written.push({ number: this.written.length + 1, at_ms: Date.now(), level, target: 'jxz_edged::node', text });
    if (this.written.length === 0) {
      say('info', 'edge node is up site=north');
      say('warn', '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>');
    }
    say('error', `look ${this.looks} \ufffd[31m${'x'.repeat(1000)}`);
    return [200, { site: node.id, boot: this.start, lost: this.looks === 2 ? 7 : 0, lines: this.written.slice(after) }];
  }

  want(node, application, on, now) {
    node.wanted.set(application, on);
    node.revision += 1;
    node.due = now + APPLY_MS;
  }

  begin(body, now) {
    if (this.rollouts.some((row) => !row.over)) return refuse(409, 'conflict', 'a roll-out is on its way: one at a time');
    const connected = [...this.nodes.values()].filter((node) => node.connected);
    const canary = body.canary ?? connected[0]?.id;
    if (this.nodes.get(canary)?.degraded) return refuse(409, 'unfit_canary', `${canary} cannot be first: it falls short: sensor_silent (radar-1)`);
    const sites = connected.map((node) => ({ site: node.id, step: 'waiting', revision: null, note: null, canary: node.id === canary }));
    const rollout = { number: this.rollouts.length + 1, at_ms: now, who: 'loopback', change: body.change, phase: 'applying', over: false, why: null, canary, soak_s: body.soak_s ?? 600, batch: 4, sites, since: now };
    this.rollouts.push(rollout);
    return [201, { number: rollout.number }];
  }

  takeBack(rollout, why) {
    Object.assign(rollout, { phase: 'rolled_back', over: true, why });
    for (const site of rollout.sites) if (site.step !== 'waiting') site.step = 'restored';
  }

  advance(now) {
    for (const node of this.nodes.values()) {
      if (this.hold || !node.connected || node.applied === node.revision || now < node.due) continue;
      node.applied = node.revision;
      for (const [name, on] of node.wanted) on ? node.on.add(name) : node.on.delete(name);
    }
    for (const rollout of this.rollouts.filter((row) => !row.over)) {
      const first = rollout.sites.find((site) => site.canary);
      if (this.nodes.get(rollout.canary)?.degraded) {
        first.step = 'applied';
        this.takeBack(rollout, `${rollout.canary}: it falls short: sensor_silent (radar-1)`);
      } else if (now - rollout.since > 500 && first.step === 'waiting') Object.assign(first, { step: 'applied', revision: 1 });
      else if (first.step === 'applied') {
        rollout.phase = 'soaking';
        if (now - rollout.since > Math.min(rollout.soak_s, 3) * 1000) {
          for (const site of rollout.sites) Object.assign(site, { step: 'applied', revision: 1 });
          Object.assign(rollout, { phase: 'done', over: true });
        }
      }
    }
  }

  row(node, now) {
    const revision = (n) => ({ revision: n, digest: (n * 0x9e3779b1).toString(16).padStart(16, '0') });
    const live = node.connected;
    const applications = APPLICATIONS.map((name) => {
      const wanted = node.wanted.get(name) ?? null;
      const on = live ? node.on.has(name) : null;
      const state = on === null ? 'unknown' : wanted !== null && wanted !== on ? 'pending' : on ? 'on' : 'off';
      return { name, on, wanted, state };
    });
    const desired = node.revision > 0 ? { ...revision(node.revision), document: {}, at_ms: this.start, who: 'loopback', why: 'tjw switched off' } : null;
    const certificate = { serial: node.serial, not_before_ms: this.start - 10 * DAY_MS, not_after_ms: this.start + 20 * DAY_MS };
    return {
      site: node.id,
      name_zh: node.name_zh,
      name_en: node.name_en,
      connected: live,
      freshness: live ? 'fresh' : 'lost',
      last_heard_ms: now,
      service: live ? { level: node.degraded ? 'degraded' : 'full', shortfalls: node.degraded ? [{ name: 'sensor_silent', subject: 'radar-1' }] : [] } : null,
      health: live
        ? {
            at_ms: now,
            uptime_s: 86_400 * 3 + 4_000,
            tracks: 31,
            warnings: 2,
            subscribers: 12,
            latencies: [{ stage: 'fuse', p50_ms: 0.41, p99_ms: 2.2, count: 9000 }, { stage: 'predict', p50_ms: 0.9, p99_ms: 3.4, count: 9000 }],
            sensors: [{ id: 'radar-1', kind: 'radar', freshness: node.degraded ? 'lost' : 'fresh', scans_per_s: node.degraded ? 0 : 10 }, { id: 'camera-1', kind: 'camera', freshness: 'fresh', scans_per_s: 9.9 }],
            dropped: { sensor_stale: 3, radio_out_of_range: 210 },
          }
        : null,
      configuration: { state: desired === null ? 'none' : node.applied === node.revision ? 'applied' : 'pending', reason: null, desired, actual: live && node.applied > 0 ? revision(node.applied) : null },
      applications,
      software: { desired: '0.2.0', actual: live ? '0.1.0' : null },
      map: { desired: '3f9c1d20aa41', actual: live ? '3f9c1d20aa41' : null },
      managed: true,
      certificate: live ? { ...certificate, renew_at_ms: this.start + 10 * DAY_MS } : null,
      certificates: [{ ...certificate, issued_for: 'join', revoked_at_ms: node.revoked || null }],
    };
  }
}

const refuse = (status, code, message) => [status, { error: { code, message, causes: [] } }];
