// Road users that follow a map's lanes, and the state of sites, signals and warnings, as the cloud would send them.
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { distance } from './island.mjs';

const PROTO = new URL('../../../proto/jxz/console/v1/console.proto', import.meta.url);
const FRESH = 1, LATE = 2, STALE = 3, LOST = 4;
const REACH_M = 220;
const CYCLE_S = 60;
const SPEEDS = { driving: 11, cycle: 4.2, footway: 1.3 };
const CLASSES = { driving: 0, cycle: 1, footway: 2 };

const e7 = (degrees) => Math.round(degrees * 1e7);

/** A small generator of numbers in [0, 1), the same each time for a seed. */
function random(seed) {
  let s = seed >>> 0;
  return () => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    return s / 2 ** 32;
  };
}

export class Traffic {
  constructor(map, { count = 400, seed = 7 } = {}) {
    const root = protobuf.parse(readFileSync(PROTO, 'utf8')).root;
    this.type = root.lookupType('jxz.console.v1.Frame');
    /** The messages between console and cloud. */
    this.types = { Frame: this.type, FromConsole: root.lookupType('jxz.console.v1.FromConsole') };
    this.rand = random(seed);
    const by = (layer) => map.features.filter((f) => f.properties.layer === layer);
    this.sites = by('site').map((f) => ({ ...f.properties, at: f.geometry.coordinates }));
    const sensors = by('sensor').map((f) => f.properties);
    for (const site of this.sites) site.sensors = sensors.filter((s) => s.site === site.id);
    this.junctions = by('junction').filter((f) => f.properties.control === 'signals').map((f) => f.properties.id);
    this.phases = phasesOf(map);
    this.lanes = [...by('lane'), ...by('connector')]
      .filter((f) => this.siteNear(f.geometry.coordinates[0]) >= 0)
      .map((f) => ({ kind: f.properties.kind, line: f.geometry.coordinates, next: [] }));
    this.joinLanes();
    this.users = Array.from({ length: count }, (_, i) => this.spawn(i));
    this.start = Date.now();
    this.at = this.start;
    /** What a simulator beside the cloud says: null for none, else how old its last word is. */
    this.truth = null;
    this.drops = { sensor_stale: 3, radio_duplicate: 1204, sensor_garbage: 2, uplink_expired: 17 };
  }

  joinLanes() {
    const starts = new Map();
    const key = ([lon, lat]) => `${Math.round(lon * 5e4)},${Math.round(lat * 5e4)}`;
    for (const lane of this.lanes) {
      const k = `${lane.kind}|${key(lane.line[0])}`;
      starts.set(k, [...(starts.get(k) ?? []), lane]);
    }
    for (const lane of this.lanes) lane.next = starts.get(`${lane.kind}|${key(lane.line.at(-1))}`) ?? [];
  }

  siteNear(at) {
    let [best, least] = [-1, REACH_M];
    this.sites.forEach((site, i) => {
      const d = distance(site.at, at);
      if (d < least) [best, least] = [i, d];
    });
    return best;
  }

  spawn(i) {
    const roll = this.rand();
    const kind = roll < 0.55 ? 'driving' : roll < 0.78 ? 'cycle' : 'footway';
    const lanes = this.lanes.filter((l) => l.kind === kind);
    const lane = lanes[Math.floor(this.rand() * lanes.length)] ?? this.lanes[0];
    // High numbers, as hashes are: beyond what a double holds exactly.
    const id = (0x9e37_79b9n << 32n) | BigInt(i);
    return { id, lane, s: this.rand() * length(lane.line), speed: (SPEEDS[lane.kind] ?? 8) * (0.6 + 0.6 * this.rand()), connected: this.rand() < 0.3 };
  }

  step(now) {
    const dt = Math.min((now - this.at) / 1000, 1);
    this.at = now;
    for (const user of this.users) {
      user.s += user.speed * dt;
      const end = length(user.lane.line);
      if (user.s < end) continue;
      user.s -= end;
      const next = user.lane.next[Math.floor(this.rand() * user.lane.next.length)];
      if (next) user.lane = next;
      else Object.assign(user, { ...this.spawn(0), id: user.id, s: 0 });
    }
  }

  /** A whole frame for this moment. */
  message(now = Date.now()) {
    this.step(now);
    const columns = { id: [], site: [], class: [], lonE7: [], latE7: [], headingDecideg: [], speedCmps: [], freshness: [], connected: [] };
    const counts = this.sites.map(() => 0);
    for (const user of this.users) this.addUser(user, columns, counts);
    const warnings = this.warnings(now);
    const update = {
      roadUsers: columns,
      sites: this.sites.map((site, i) => this.siteState(site, i, counts[i], warnings)),
      warnings,
      junctions: this.junctions.map((id, i) => this.junctionState(id, i, now)),
      latencies: this.latencies(now),
      dropped: this.drops,
      ...(this.truth ? { truth: this.truthNow() } : {}),
    };
    this.drops.radio_duplicate += 1;
    return { sentAtMs: now, update };
  }

  /** Its bytes. */
  frame(now = Date.now()) {
    return this.type.encode(this.type.create(this.message(now))).finish();
  }

  addUser(user, columns, counts) {
    const [at, heading] = along(user.lane.line, user.s);
    const site = Math.max(0, this.siteNear(at));
    if (state(site) === LOST) return;
    counts[site] += 1;
    columns.id.push(long(user.id));
    columns.site.push(site);
    columns.class.push(CLASSES[user.lane.kind] ?? 0);
    columns.lonE7.push(e7(at[0]));
    columns.latE7.push(e7(at[1]));
    columns.headingDecideg.push(Math.round(heading * 10) % 3600);
    columns.speedCmps.push(Math.round(user.speed * 100));
    columns.freshness.push(state(site));
    columns.connected.push(user.connected);
  }

  /** Every road user, also those that the lost site does not see, and one that nobody does. */
  truthNow() {
    const columns = { id: [], kind: [], lonE7: [], latE7: [], headingDecideg: [], speedCmps: [], lengthCm: [], widthCm: [] };
    this.users.forEach((user, i) => {
      const [at, heading] = along(user.lane.line, user.s);
      columns.id.push(i);
      columns.kind.push({ driving: i % 3, cycle: 3 + (i % 2), footway: 5 }[user.lane.kind] ?? 0);
      columns.lonE7.push(e7(at[0]));
      columns.latE7.push(e7(at[1]));
      columns.headingDecideg.push(Math.round(heading * 10) % 3600);
      columns.speedCmps.push(Math.round(user.speed * 100));
      columns.lengthCm.push(user.lane.kind === 'driving' ? 460 : 180);
      columns.widthCm.push(user.lane.kind === 'driving' ? 185 : 70);
    });
    return { ageMs: this.truth.ageMs, validAtMs: this.at, ...columns };
  }

  siteState(site, i, tracks, warnings) {
    const freshness = state(i);
    const seen = freshness === LOST ? {} : { lastHeardMs: freshness === STALE ? 6400 : 40 + 12 * i };
    return {
      id: site.id,
      nameZh: site.name_zh,
      nameEn: site.name_en,
      lonE7: e7(site.at[0]),
      latE7: e7(site.at[1]),
      freshness,
      ...seen,
      tracks: freshness === LOST ? 0 : tracks,
      warnings: warnings.filter((w) => w.site === site.id).length,
      sensors: site.sensors.map((s, k) => ({
        id: s.id,
        kind: s.kind,
        freshness: freshness === FRESH && i === 3 && k === 1 ? STALE : freshness,
        ...(freshness === LOST ? {} : { scansPerS: 10 - 0.1 * k }),
      })),
      latencies: freshness === LOST ? [] : this.latencies(this.at).slice(0, 4),
      dropped: i % 3 === 0 ? { sensor_stale: 3 } : {},
      softwareVersion: '0.1.0',
      mapVersion: '5f2c9a71',
    };
  }

  junctionState(id, i, now) {
    const phases = this.phases.get(id) ?? [1, 2, 3, 4];
    const t = ((now / 1000 + i * 7) % CYCLE_S) / CYCLE_S;
    return {
      id,
      freshness: FRESH,
      phases: phases.map((phase, k) => {
        const stage = (4 * t) | 0;
        const green = k % 4 === stage;
        const left = (1 - ((4 * t) % 1)) * (CYCLE_S / 4);
        const light = !green ? 'red' : left < 3 ? 'yellow' : k >= 4 ? 'permissive-green' : 'green';
        return { phase, light, endsInMs: Math.round(1000 * (green && left > 3 ? left - 3 : left)) };
      }),
    };
  }

  latencies(now) {
    const wave = 1 + 0.25 * Math.sin(now / 9000) + 0.1 * Math.sin(now / 1700);
    const rows = { ingest: [3.1, 9.8], fuse: [1.9, 6.4], predict: [0.42, 1.7], encode_sign: [0.11, 0.5], radio: [4.6, 13], sensing_to_vehicle: [41, 78] };
    return Object.entries(rows).map(([stage, [p50, p99]]) => ({ stage, p50Ms: p50 * wave, p99Ms: p99 * wave * wave, count: Math.round((now - this.start) / 25) + 100 }));
  }

  warnings(now) {
    const kinds = [
      ['collision', 0.91, '机动车与非机动车 2.1 秒后在路口相遇，最近距离 0.8 米', 'Car and cyclist meet in 2.1 s, closest 0.8 m'],
      ['pedestrian', 0.86, '行人正在人行横道上，车辆 3.0 秒后到达', 'Pedestrian on the crossing, vehicle arrives in 3.0 s'],
      ['vehicle_ahead', 0.78, '前车车速 12 km/h，相距 31 米，接近速度 9.4 m/s', 'Vehicle ahead at 12 km/h, gap 31 m, closing at 9.4 m/s'],
      ['speed_limit', 0.97, '车速 58 km/h，前方限速 40 km/h', 'Speed 58 km/h, limit ahead 40 km/h'],
      ['road_condition', 0.83, '平均车速 7 km/h，共 14 辆车', 'Mean speed 7 km/h over 14 vehicles'],
      ['guidance', 0.7, '拥堵路段需 260 秒，建议绕行路线需 140 秒', 'Congested way takes 260 s, way advised 140 s'],
      ['pedestrian', 0.62, '行人 1.4 秒后进入车道', 'Pedestrian enters the lane in 1.4 s'],
    ];
    return kinds.map(([kind, confidence, reasonZh, reasonEn], i) => {
      const site = this.sites[(i * 2) % this.sites.length];
      const nearby = this.lanes.filter((l) => l.kind === 'driving' && length(l.line) > 40).sort((a, b) => distance(a.line[0], site.at) - distance(b.line[0], site.at));
      const line = nearby[i]?.line ?? this.lanes[0].line;
      const end = line.at(-1);
      const about = this.users[(i * 13) % this.users.length];
      return {
        id: (0xabcdef0000000000n + BigInt(i)).toString(16),
        kind,
        site: site.id,
        lonE7: e7(end[0]),
        latE7: e7(end[1]),
        sinceMs: this.start - 1500 * (i + 1),
        validUntilMs: now + 3000,
        confidence,
        stage: i % 3 === 0 ? 'raised' : 'held',
        reasonZh,
        reasonEn,
        concerned: [long(about.id)],
        about: [],
        freshness: FRESH,
        pathLonE7: line.map((p) => e7(p[0])),
        pathLatE7: line.map((p) => e7(p[1])),
        application: { collision: 'icw', pedestrian: 'vrucw', speed_limit: 'slw', road_condition: 'tjw' }[kind] ?? kind,
        level: 'warning',
        predicted: kind === 'collision' || kind === 'pedestrian' ? [{ roadUser: long(about.id), lonE7: line.map((p) => e7(p[0])), latE7: line.map((p) => e7(p[1])) }] : [],
      };
    });
  }
}

/** Of the sites one is late, one stale and one was never heard. */
const state = (i) => ({ 4: LATE, 9: STALE, 11: LOST })[i] ?? FRESH;

function phasesOf(map) {
  const phases = new Map();
  for (const { properties: p } of map.features) {
    if (p.layer !== 'connector' || p.phase === null || p.phase === undefined) continue;
    phases.set(p.junction, [...new Set([...(phases.get(p.junction) ?? []), p.phase])].sort((a, b) => a - b));
  }
  return phases;
}

const long = (id) => protobuf.util.Long.fromString(id.toString(), true);

function length(line) {
  let sum = 0;
  for (let i = 1; i < line.length; i++) sum += distance(line[i - 1], line[i]);
  return sum;
}

function along(line, s) {
  for (let i = 1; i < line.length; i++) {
    const [a, b] = [line[i - 1], line[i]];
    const d = distance(a, b);
    if (s <= d || i === line.length - 1) {
      const t = d > 0 ? Math.min(s / d, 1) : 0;
      const east = (b[0] - a[0]) * Math.cos((a[1] * Math.PI) / 180);
      const heading = (Math.atan2(east, b[1] - a[1]) * 180) / Math.PI;
      return [[a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t], (heading + 360) % 360];
    }
    s -= d;
  }
  return [line[0], 0];
}
