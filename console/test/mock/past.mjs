// The mock's memory: frames it sent, incidents, and traffic on links.

const KEPT = 1500;

export class Past {
  constructor(map, traffic) {
    this.frames = [];
    this.traffic = traffic;
    this.links = map.features.filter((f) => f.properties.layer === 'link').map((f) => f.properties);
    const at = traffic.sites[0].at;
    const opened = Date.now() - 20_000;
    const timeline = [{ at_ms: opened, event: 'opened', site: traffic.sites[0].id, warning: 'abcdef0000000001' }];
    const base = { level: 'warning', lon_deg: at[0], lat_deg: at[1], radius_m: 3, opened_ms: opened, last_evidence_ms: opened, confidence: 0.9, sites: [traffic.sites[0].id], closed_ms: null, closed_by: null, left_out: 0 };
    this.incidents = [
      { ...base, number: 1, kind: 'crash', timeline, notes: [] },
      { ...base, number: 2, kind: 'stopped_vehicle', timeline, notes: [], closed_ms: opened + 9000 },
    ];
    // Fills the past, so that there is something to play back from the start.
    for (let t = Date.now() - 60_000; t < Date.now() - 5_000; t += 200) this.keep(t, traffic.frame(t));
  }

  keep(at, bytes) {
    const last = this.frames.at(-1);
    if (last && at - last.at < 190) return;
    this.frames.push({ at, bytes: Buffer.from(bytes) });
    if (this.frames.length > KEPT) this.frames.shift();
  }

  /** Answers what is of the past; false for anything else. */
  answer(request, response) {
    const url = new URL(request.url, 'http://localhost');
    const json = (value, status = 200) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
      return true;
    };
    const path = url.pathname.replace('/api/v1/', '');
    if (path === 'history/range') {
      const [first, last] = [this.frames[0], this.frames.at(-1)];
      return json({ from_ms: first.at, to_ms: last.at, now_ms: Date.now(), rate_hz: 5, gaps: [], damaged: 0 });
    }
    if (path === 'history/frames') {
      const [from, to, every] = ['from_ms', 'to_ms', 'every_ms'].map((k) => Number(url.searchParams.get(k) ?? 0));
      let due = from;
      for (const { at, bytes } of this.frames) {
        if (at < due || at > to) continue;
        due = every ? (Math.floor(at / every) + 1) * every : at + 1;
        response.write(Buffer.concat([varint(bytes.length), bytes]));
      }
      response.end();
      return true;
    }
    if (path === 'links') return json({ from_ms: 0, standard: 'HCM', links: this.links.map((l, i) => this.link(l, i)) });
    if (path.startsWith('links/')) {
      const i = this.links.findIndex((l) => l.id === decodeURIComponent(path.slice(6)));
      if (i < 0) return json({ error: { code: 'not_found', message: 'no such link', causes: [] } }, 404);
      const row = this.link(this.links[i], i);
      const minutes = [...Array(60).keys()].filter((k) => k % 17).map((k) => ({ ...row.minute, from_ms: Date.now() - (60 - k) * 60_000, flow_veh_h: 300 + 200 * Math.sin(k / 5) }));
      return json({ ...row, minutes: row.minute ? minutes : [] });
    }
    return path.startsWith('incidents') && this.incidentAnswer(request, path, json);
  }

  incidentAnswer(request, path, json) {
    const [, number, verb] = path.split('/');
    if (!number) return json({ incidents: this.incidents });
    const incident = this.incidents.find((i) => i.number === Number(number));
    if (!incident) return json({ error: { code: 'not_found', message: 'no such incident', causes: [] } }, 404);
    if (!verb) return json(incident);
    let text = '';
    request.on('data', (part) => (text += part));
    request.on('end', () => {
      incident.notes.push({ at_ms: Date.now(), who: 'duty', text: JSON.parse(text).note });
      if (verb === 'close') Object.assign(incident, { closed_ms: Date.now(), closed_by: 'duty' });
      json(incident);
    });
    return true;
  }

  /** Every third link is not observed, one of those observed is empty, the others go through the classes. */
  link(l, i) {
    const level = i % 11 === 1 ? null : 'abcdef'[i % 6];
    const minute = { from_ms: Date.now(), observed_share: 0.8, vehicles: level ? 5 : 0, flow_veh_h: level ? 420 : 0, density_veh_km: level ? 14 : 0, speed_kmh: level ? 31 : null, travel_time_s: level ? 22 : null, level, queue_m: 12, congested: level === 'f' };
    return { id: l.id, name_zh: l.name_zh ?? '', length_m: 210, free_flow_kmh: 50, covered_share: i % 3 ? 0.8 : 0, minute: i % 3 ? minute : null };
  }
}

function varint(n) {
  const bytes = [];
  for (; n >= 0x80; n >>>= 7) bytes.push((n & 0x7f) | 0x80);
  return Buffer.from([...bytes, n]);
}
