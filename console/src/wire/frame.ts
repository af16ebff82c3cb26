import schema from 'virtual:console-schema';
import { decode, type Message, type Value } from './decode';

/** How much a thing shown may be trusted; `unknown` where the cloud did not say. */
export type Freshness = 'unknown' | 'fresh' | 'late' | 'stale' | 'lost';
const FRESHNESS: readonly Freshness[] = ['unknown', 'fresh', 'late', 'stale', 'lost'];

export const CLASSES = ['motor', 'non_motor', 'pedestrian'] as const;
export type RoadUserClass = (typeof CLASSES)[number];

/** Road users in columns, all of length `count`. */
export interface RoadUsers {
  count: number;
  id: bigint[];
  /** Index into the update's sites; −1 where it points at none. */
  site: Int16Array;
  /** Index into `CLASSES`. */
  class: Uint8Array;
  /** Degrees, WGS84. */
  lon: Float64Array;
  lat: Float64Array;
  /** Degrees clockwise from north; NaN when unknown. */
  headingDeg: Float32Array;
  speedMps: Float32Array;
  freshness: Freshness[];
  connected: boolean[];
  /** The other sites, as indices, of those that more than one sees. */
  alsoSeen?: Map<bigint, number[]>;
}

/** Kinds of road users that a simulator tells apart. */
export const TRUTH_KINDS = ['car', 'bus', 'truck', 'cyclist', 'e_bike', 'walker'] as const;

/** What really is on the road, as a simulator says, in columns of length `count`. */
export interface Truth {
  /** Milliseconds from its coming to the cloud to the frame's making; null: none has come yet. */
  ageMs: number | null;
  count: number;
  id: bigint[];
  /** Index into `TRUTH_KINDS`. */
  kind: Uint8Array;
  lon: Float64Array;
  lat: Float64Array;
  headingDeg: Float32Array;
  speedMps: Float32Array;
  lengthM: Float32Array;
  widthM: Float32Array;
}

export interface StageLatency {
  stage: string;
  /** Milliseconds; null while nothing has been measured. */
  p50Ms: number | null;
  p99Ms: number | null;
  count: number;
}

export interface Sensor {
  id: string;
  kind: string;
  freshness: Freshness;
  scansPerS: number | null;
}

export interface Site {
  id: string;
  nameZh: string;
  nameEn: string;
  lon: number;
  lat: number;
  freshness: Freshness;
  /** Milliseconds before the frame was made; null: never heard. */
  lastHeardMs: number | null;
  /** Null when the site's state is not known well enough to give a number. */
  tracks: number | null;
  warnings: number | null;
  sensors: Sensor[];
  latencies: StageLatency[];
  dropped: Map<string, number>;
  softwareVersion: string | null;
  mapVersion: string | null;
}

/** Where a road user will be, every half second, as a warning supposes. */
export interface PredictedPath {
  roadUser: bigint;
  points: [number, number][];
}

/** What a warning rests on, and when that came; times in milliseconds since the Unix epoch. */
export interface Why {
  boot: bigint;
  sequence: number;
  revision: number;
  /** Node's clock. */
  sensedAtMs: number;
  /** Cloud's clock. */
  receivedAtMs: number;
  /** Numbers by name, the unit at the name's end. */
  measured: Map<string, number>;
}

export interface Warning {
  id: string;
  kind: string;
  /** What raised it: fcw, icw, vrucw …; empty where the cloud does not say. */
  application: string;
  /** advice, warning, urgent; empty where the cloud does not say. */
  level: string;
  site: string;
  lon: number;
  lat: number;
  sinceMs: number;
  validUntilMs: number;
  /** 0 to 1; null when it is not a probability. */
  confidence: number | null;
  stage: string;
  reasonZh: string;
  reasonEn: string;
  concerned: bigint[];
  about: bigint[];
  freshness: Freshness;
  path: [number, number][];
  predicted: PredictedPath[];
  why?: Why | null;
}

export interface Phase {
  phase: number;
  light: string;
  endsInMs: number;
}

export interface Junction {
  id: string;
  freshness: Freshness;
  phases: Phase[];
}

/** One frame, checked and in the console's own units. */
export interface Frame {
  /** The cloud's UTC, milliseconds since the Unix epoch. */
  sentAtMs: number;
  /** Null when the frame carries none: then it is unknown how many there are. */
  roadUsers: RoadUsers | null;
  /** Null unless a simulator feeds this cloud. */
  truth: Truth | null;
  sites: Site[];
  warnings: Warning[];
  junctions: Junction[];
  latencies: StageLatency[];
  dropped: Map<string, number>;
  /** Null where the cloud does not count, as in what is played back. */
  counted?: Counted | null;
}

/** How many road users there are on the whole, and how many of those looked at the frame has no room for. */
export interface Counted {
  /** By class, in the order of `CLASSES`. */
  byClass: number[];
  leftOut: number;
}

/** Decodes and checks one whole frame. Throws an error that says what is wrong with it. */
export function readFrame(bytes: Uint8Array): Frame {
  return readUpdate(decode(schema, 'Frame', bytes));
}

/** Checks a frame's message that is whole. */
export function readUpdate(frame: Message): Frame {
  const update = frame.update as Message | undefined;
  if (!update) throw new Error('frame: no body that this console knows');
  const sites = messages(update.sites).map(readSite);
  return {
    sentAtMs: num(frame.sentAtMs),
    roadUsers: update.roadUsers ? readRoadUsers(update.roadUsers as Message, sites.length) : null,
    truth: update.truth ? readTruth(update.truth as Message) : null,
    sites,
    warnings: messages(update.warnings).map(readWarning),
    junctions: messages(update.junctions).map(readJunction),
    ...readBeside(update),
    counted: update.counted ? readCounted(update.counted as Message) : null,
  };
}

export function readBeside(m: Message): { latencies: StageLatency[]; dropped: Map<string, number> } {
  return { latencies: messages(m.latencies).map(readLatency), dropped: readDrops(m.dropped) };
}

export function readCounted(m: Message): Counted {
  const byClass = list<number>(m.byClass);
  return { byClass: CLASSES.map((_, i) => byClass[i] ?? 0), leftOut: num(m.leftOut) };
}

export function readRoadUsers(m: Message, siteCount: number): RoadUsers {
  const id = list<bigint>(m.id);
  const count = id.length;
  const column = <T>(name: string): T[] => {
    const values = list<T>(m[name]);
    if (values.length !== count) throw new Error(`frame: road users' ${name} has ${values.length} values for ${count} ids`);
    return values;
  };
  const [lon, lat] = [column<number>('lonE7'), column<number>('latE7')];
  const [heading, speed] = [column<number>('headingDecideg'), column<number>('speedCmps')];
  return {
    count,
    id,
    site: Int16Array.from(column<number>('site'), (s) => (s < siteCount ? s : -1)),
    class: Uint8Array.from(column<number>('class'), (c) => {
      if (c >= CLASSES.length) throw new Error(`frame: road user class ${c}`);
      return c;
    }),
    lon: Float64Array.from(lon, (v) => v / 1e7),
    lat: Float64Array.from(lat, (v) => v / 1e7),
    headingDeg: Float32Array.from(heading, (v) => (v < 3600 ? v / 10 : NaN)),
    speedMps: Float32Array.from(speed, (v) => v / 100),
    freshness: column<number>('freshness').map(freshness),
    connected: column<boolean>('connected'),
    alsoSeen: new Map(messages(m.alsoSeen).map((a) => [typeof a.roadUser === 'bigint' ? a.roadUser : 0n, list<number>(a.site)])),
  };
}

export function readTruth(m: Message): Truth {
  const id = list<bigint>(m.id);
  const count = id.length;
  const column = (name: string): number[] => {
    const values = list<number>(m[name]);
    if (values.length !== count) throw new Error(`frame: truth's ${name} has ${values.length} values for ${count} ids`);
    return values;
  };
  return {
    ageMs: m.ageMs === undefined ? null : num(m.ageMs),
    count,
    id,
    kind: Uint8Array.from(column('kind'), (k) => {
      if (k >= TRUTH_KINDS.length) throw new Error(`frame: truth of kind ${k}`);
      return k;
    }),
    lon: Float64Array.from(column('lonE7'), (v) => v / 1e7),
    lat: Float64Array.from(column('latE7'), (v) => v / 1e7),
    headingDeg: Float32Array.from(column('headingDecideg'), (v) => v / 10),
    speedMps: Float32Array.from(column('speedCmps'), (v) => v / 100),
    lengthM: Float32Array.from(column('lengthCm'), (v) => v / 100),
    widthM: Float32Array.from(column('widthCm'), (v) => v / 100),
  };
}

export function readSite(m: Message): Site {
  const state = freshness(m.freshness);
  // What a site says of itself counts as long as it is heard; after that it is no number.
  const known = state !== 'lost' && state !== 'unknown';
  return {
    id: str(m.id),
    nameZh: str(m.nameZh),
    nameEn: str(m.nameEn),
    lon: num(m.lonE7) / 1e7,
    lat: num(m.latE7) / 1e7,
    freshness: state,
    lastHeardMs: m.lastHeardMs === undefined ? null : num(m.lastHeardMs),
    tracks: known ? num(m.tracks) : null,
    warnings: known ? num(m.warnings) : null,
    sensors: messages(m.sensors).map((s) => ({
      id: str(s.id),
      kind: str(s.kind),
      freshness: freshness(s.freshness),
      scansPerS: s.scansPerS === undefined ? null : finite(num(s.scansPerS)),
    })),
    latencies: messages(m.latencies).map(readLatency),
    dropped: readDrops(m.dropped),
    softwareVersion: str(m.softwareVersion) || null,
    mapVersion: str(m.mapVersion) || null,
  };
}

export function readWarning(m: Message): Warning {
  const confidence = num(m.confidence);
  return {
    id: str(m.id),
    kind: str(m.kind),
    application: str(m.application),
    level: str(m.level),
    site: str(m.site),
    lon: num(m.lonE7) / 1e7,
    lat: num(m.latE7) / 1e7,
    sinceMs: num(m.sinceMs),
    validUntilMs: num(m.validUntilMs),
    confidence: confidence >= 0 && confidence <= 1 ? confidence : null,
    stage: str(m.stage),
    reasonZh: str(m.reasonZh),
    reasonEn: str(m.reasonEn),
    concerned: list<bigint>(m.concerned),
    about: list<bigint>(m.about),
    freshness: freshness(m.freshness),
    path: readLine(m.pathLonE7, m.pathLatE7),
    predicted: messages(m.predicted).map((p) => ({ roadUser: typeof p.roadUser === 'bigint' ? p.roadUser : 0n, points: readLine(p.lonE7, p.latE7) })),
    why: m.why ? readWhy(m.why as Message) : null,
  };
}

function readWhy(m: Message): Why {
  const measured = new Map<string, number>();
  if (m.measured instanceof Map) for (const [name, value] of m.measured) if (Number.isFinite(num(value))) measured.set(String(name), num(value));
  return {
    boot: typeof m.boot === 'bigint' ? m.boot : 0n,
    sequence: num(m.sequence),
    revision: num(m.revision),
    sensedAtMs: num(m.sensedAtMs),
    receivedAtMs: num(m.receivedAtMs),
    measured,
  };
}

function readLine(lonE7: Value | undefined, latE7: Value | undefined): [number, number][] {
  const [lon, lat] = [list<number>(lonE7), list<number>(latE7)];
  if (lon.length !== lat.length) throw new Error(`frame: warning path of ${lon.length} longitudes, ${lat.length} latitudes`);
  return lon.map((v, i) => [v / 1e7, (lat[i] ?? 0) / 1e7]);
}

export function readJunction(m: Message): Junction {
  return {
    id: str(m.id),
    freshness: freshness(m.freshness),
    phases: messages(m.phases).map((p) => ({ phase: num(p.phase), light: str(p.light), endsInMs: num(p.endsInMs) })),
  };
}

function readLatency(m: Message): StageLatency {
  const count = num(m.count);
  return {
    stage: str(m.stage),
    p50Ms: count > 0 ? finite(num(m.p50Ms)) : null,
    p99Ms: count > 0 ? finite(num(m.p99Ms)) : null,
    count,
  };
}

function readDrops(value: Value | undefined): Map<string, number> {
  const drops = new Map<string, number>();
  if (value instanceof Map) for (const [cause, n] of value) drops.set(String(cause), num(n));
  return drops;
}

export const freshness = (v: Value | undefined): Freshness => FRESHNESS[num(v)] ?? 'unknown';
export const num = (v: Value | undefined): number => (typeof v === 'bigint' ? Number(v) : typeof v === 'number' ? v : 0);
const str = (v: Value | undefined): string => (typeof v === 'string' ? v : '');
export const list = <T>(v: Value | undefined): T[] => (Array.isArray(v) ? (v as T[]) : []);
export const messages = (v: Value | undefined): Message[] => list<Message>(v);
const finite = (v: number): number | null => (Number.isFinite(v) ? v : null);
