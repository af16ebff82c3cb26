// Stands in for the cloud's road conditions: the site nearest to each takes it on after a moment.
const APPLY_MS = 1200;

export class Conditions {
  constructor(sites, fleet) {
    this.sites = sites;
    this.fleet = fleet;
    this.rows = [];
  }

  /** Answers a request; null: not one of these. */
  answer(method, path, body) {
    if (!path.startsWith('/api/v1/conditions')) return null;
    const now = Date.now();
    if (method === 'GET') return [200, { conditions: this.rows.map((row) => this.shown(row, now)).sort((a, b) => (a.ended_ms !== null) - (b.ended_ms !== null) || b.number - a.number) }];
    if (this.fleet.right === 'viewer') return refuse(403, 'forbidden', 'this takes the right of operator; you have that of viewer');
    if (method === 'POST') {
      const near = this.sites.map((site) => ({ site, m: Math.hypot((site.at[0] - body.lon_deg) * 94_400, (site.at[1] - body.lat_deg) * 111_300) })).sort((a, b) => a.m - b.m)[0];
      if (near.m > 300 + body.radius_m) return refuse(409, 'no_site_near', 'no site is near enough to warn of what is there');
      const row = { number: this.rows.length + 1, ...body, at_ms: now, who: 'loopback', ended_ms: null, ended_by: null, site: near.site.id };
      this.rows.push(row);
      return [201, this.shown(row, now)];
    }
    const row = this.rows.find((one) => path.endsWith(`/${one.number}`) && one.ended_ms === null);
    if (method !== 'DELETE' || !row) return refuse(404, 'not_found', 'there is no such road condition');
    Object.assign(row, { ended_ms: now, ended_by: 'loopback' });
    return [200, this.shown(row, now)];
  }

  shown({ site, ...row }, now) {
    const state = row.ended_ms !== null ? 'over' : now - row.at_ms < APPLY_MS ? 'pending' : 'has';
    return { ...row, sites: [{ site, state }] };
  }
}

const refuse = (status, code, message) => [status, { error: { code, message, causes: [] } }];
