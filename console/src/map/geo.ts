import type { Feature, FeatureCollection, LineString, Point, Polygon, Position } from 'geojson';

const METRES_PER_DEGREE = 111_319.49;

/** The sector that a sensor sees: polygon round its point, boresight clockwise from north. Degrees, metres. */
export function sector(at: Position, boresightDeg: number, halfFovDeg: number, rangeM: number): Position[] {
  const [lon = 0, lat = 0] = at;
  const steps = Math.max(4, Math.ceil(halfFovDeg / 4));
  const east = METRES_PER_DEGREE * Math.cos((lat * Math.PI) / 180);
  const ring: Position[] = halfFovDeg >= 180 ? [] : [[lon, lat]];
  for (let i = -steps; i <= steps; i++) {
    const bearing = ((boresightDeg + (halfFovDeg * i) / steps) * Math.PI) / 180;
    ring.push([lon + (Math.sin(bearing) * rangeM) / east, lat + (Math.cos(bearing) * rangeM) / METRES_PER_DEGREE]);
  }
  ring.push(ring[0] ?? [lon, lat]);
  return ring;
}

/** Fields of view of all sensors of the map, as polygons with their site and kind. */
export function fieldsOfView(map: FeatureCollection): FeatureCollection {
  const features: Feature[] = [];
  for (const f of map.features) {
    const p = f.properties ?? {};
    if (p.layer !== 'sensor') continue;
    const properties = { site: String(p.site ?? ''), sensor: String(p.id ?? ''), kind: String(p.kind ?? 'radar') };
    const id = features.length + 1;
    if (f.geometry.type === 'Polygon') features.push({ type: 'Feature', id, properties, geometry: f.geometry });
    if (f.geometry.type !== 'Point') continue;
    const [boresight, half, range] = [Number(p.boresight_deg), Number(p.half_fov_deg), Number(p.range_m)];
    if (![boresight, half, range].every(Number.isFinite)) continue;
    const ring = sector(f.geometry.coordinates, boresight, half, range);
    features.push({ type: 'Feature', id, properties, geometry: { type: 'Polygon', coordinates: [ring] } });
  }
  return { type: 'FeatureCollection', features };
}

/** One line a road name and stretch: of the two directions of a road only one is labelled. */
export function roadNames(map: FeatureCollection): FeatureCollection {
  const seen = new Set<string>();
  const features = map.features.filter((f) => {
    const name = f.properties?.name_zh;
    if (f.properties?.layer !== 'link' || !name || f.geometry.type !== 'LineString') return false;
    const c = f.geometry.coordinates;
    // About 60 m: ends of the two carriageways of one road fall together.
    const ends = [c[0], c.at(-1)].map((e) => `${((e?.[0] ?? 0) * 1600).toFixed(0)},${((e?.[1] ?? 0) * 1800).toFixed(0)}`);
    const key = `${name}|${ends.sort().join('|')}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
  return { type: 'FeatureCollection', features };
}

/** Width that a link is drawn with where the map says only how many lanes it has, metres a lane. */
const LANE_WIDTH_M = 3.2;

/** The map's features, ready to draw: numbered, links with a width. */
export function prepare(map: FeatureCollection): FeatureCollection {
  const features = map.features.map((f, i): Feature => {
    const p = f.properties ?? {};
    const width = p.layer === 'link' && p.width_m === undefined && p.lanes > 0 ? { width_m: p.lanes * LANE_WIDTH_M } : {};
    return { ...f, id: i + 1, properties: { ...p, ...width } };
  });
  return { type: 'FeatureCollection', features };
}

/** Numbers of the features that a junction's phase lets go, by `junction/phase`. Takes a prepared map. */
export function signalled(map: FeatureCollection): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const f of map.features) {
    const p = f.properties ?? {};
    if (p.layer !== 'connector' || !p.junction || p.phase === null || p.phase === undefined) continue;
    const key = `${p.junction}/${p.phase}`;
    found.set(key, [...(found.get(key) ?? []), Number(f.id)]);
  }
  return found;
}

/** A place that search can find. */
export interface Place {
  kind: 'site' | 'road' | 'junction' | 'bus_stop';
  id: string;
  name: string;
  /** Other names it is found by. */
  also?: string;
  /** Corners of what it covers, degrees: west, south, east, north. */
  box: [number, number, number, number];
}

/** Named roads, junctions and bus stops of the map; parts of one road together. */
export function places(map: FeatureCollection): Place[] {
  const found = new Map<string, Place>();
  const kinds = { link: 'road', junction: 'junction', bus_stop: 'bus_stop' } as const;
  for (const f of map.features) {
    const kind = kinds[f.properties?.layer as keyof typeof kinds];
    const name = String(f.properties?.name_zh ?? '');
    if (!kind || !name) continue;
    const box = boxOf(f);
    if (!box) continue;
    const key = kind === 'road' ? `${kind}|${name}` : `${kind}|${String(f.properties?.id ?? name)}`;
    const known = found.get(key);
    if (known) known.box = join(known.box, box);
    else found.set(key, { kind, id: String(f.properties?.id ?? name), name, box });
  }
  return [...found.values()];
}

export type Box = [number, number, number, number];

export function join(a: Box, b: Box): Box {
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])];
}

export function boxOf(f: Feature): Box | null {
  let box: Box | null = null;
  for (const [lon, lat] of positions(f)) {
    if (lon === undefined || lat === undefined) continue;
    box = box ? join(box, [lon, lat, lon, lat]) : [lon, lat, lon, lat];
  }
  return box;
}

function positions(f: Feature): Position[] {
  const g = f.geometry as Point | LineString | Polygon | { type: string; coordinates: unknown };
  if (g.type === 'Point') return [(g as Point).coordinates];
  if (g.type === 'LineString') return (g as LineString).coordinates;
  if (g.type === 'Polygon') return (g as Polygon).coordinates.flat();
  return [];
}

/** The middle of each junction by its id. */
export function junctionCentres(map: FeatureCollection): Map<string, { at: [number, number]; name: string }> {
  const centres = new Map<string, { at: [number, number]; name: string }>();
  for (const f of map.features) {
    if (f.properties?.layer !== 'junction') continue;
    const box = boxOf(f);
    if (!box) continue;
    const at: [number, number] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
    centres.set(String(f.properties.id), { at, name: String(f.properties.name_zh ?? '') });
  }
  return centres;
}

/** What the first view shows: the roadside sites and junctions, else every link. Degrees. */
export function homeBox(map: FeatureCollection): Box | null {
  const over = (layers: string[]): Box | null => {
    let box: Box | null = null;
    for (const f of map.features) {
      if (!layers.includes(String(f.properties?.layer))) continue;
      const own = boxOf(f);
      if (own) box = box ? join(box, own) : own;
    }
    return box;
  };
  return over(['site', 'base_station']) ?? over(['junction']) ?? over(['link', 'lane']);
}

/** A circle's outline, closed; degrees and metres. */
export function circle(lon: number, lat: number, radiusM: number, corners = 48): [number, number][] {
  const east = METRES_PER_DEGREE * Math.cos((lat * Math.PI) / 180);
  return Array.from({ length: corners + 1 }, (_, i) => {
    const angle = (2 * Math.PI * (i % corners)) / corners;
    return [lon + (radiusM * Math.cos(angle)) / east, lat + (radiusM * Math.sin(angle)) / METRES_PER_DEGREE];
  });
}
