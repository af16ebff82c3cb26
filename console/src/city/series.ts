/** A link's minute as the cloud tells it; null is not known. */
export interface Minute {
  from_ms: number;
  observed_share: number;
  vehicles: number;
  flow_veh_h: number;
  density_veh_km: number;
  speed_kmh: number | null;
  travel_time_s: number | null;
  level: string | null;
  queue_m: number | null;
  congested: boolean;
}

export interface LinkRow {
  id: string;
  name_zh: string;
  length_m: number;
  free_flow_kmh: number;
  covered_share: number;
  /** Null: it was not observed. */
  minute: Minute | null;
}

export interface LinkSeries extends LinkRow {
  minutes: Minute[];
}

export const LEVELS = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
/** How a link is drawn: its level of service, `empty` (observed, nobody there), or `unseen`. */
export type Shade = (typeof LEVELS)[number] | 'empty' | 'unseen';

export function shadeOf(minute: Minute | null): Shade {
  if (!minute) return 'unseen';
  return LEVELS.find((level) => level === minute.level) ?? 'empty';
}

export const COLOURS: Record<Exclude<Shade, 'unseen'>, string> = {
  a: '#1a9850',
  b: '#66bd63',
  c: '#c9d842',
  d: '#fdae61',
  e: '#f46d43',
  f: '#c2182b',
  empty: '#7fa8c9',
};

const MINUTE_MS = 60_000;

/** Parts of a line through the minutes' values, in a box of `width` by `height`; it is broken where nothing is known. */
export function sparkline(
  minutes: readonly Minute[],
  value: (m: Minute) => number | null,
  [fromMs, toMs]: [number, number],
  [width, height]: [number, number],
): { path: string; most: number } {
  const most = Math.max(1e-9, ...minutes.map((m) => value(m) ?? 0));
  let path = '';
  let last: number | null = null;
  for (const m of minutes) {
    const v = value(m);
    if (v === null) {
      last = null;
      continue;
    }
    const x = (width * (m.from_ms - fromMs)) / Math.max(1, toMs - fromMs);
    const y = height - (height * v) / most;
    const joined = last !== null && m.from_ms - last <= MINUTE_MS;
    path += `${joined ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    // A minute by itself is a dot.
    if (!joined) path += `h0.1`;
    last = m.from_ms;
  }
  return { path, most };
}
