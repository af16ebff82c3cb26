// A map to test with: the island's real centre lines where they are at hand, else a small grid of streets.
import { existsSync, readFileSync } from 'node:fs';

const METRES_PER_DEGREE = 111_319.49;
const EAST = METRES_PER_DEGREE * Math.cos((32.03 * Math.PI) / 180);
const WIDTHS = { major: 22, arterial: 16, collector: 10.5, local: 6, greenway: 3.5 };
const ROADS = new URL('../../../../shared/data/island/roads.txt', import.meta.url);

/** The map as the cloud would serve it; `file` names a GeoJSON to use instead. */
export function islandMap(file) {
  if (file) return JSON.parse(readFileSync(file, 'utf8'));
  const roads = existsSync(ROADS) ? readRoads(readFileSync(ROADS, 'utf8')) : gridRoads();
  return buildMap(roads);
}

function readRoads(text) {
  const roads = [];
  for (const row of text.split('\n')) {
    if (!row || row.startsWith('#')) continue;
    const [name, kind, segments] = row.split('|');
    for (const segment of segments.split(';')) {
      const line = segment.split(' ').map((v) => v.split(',').map(Number)).map(([x, y]) => [118 + x / 1e6, 32 + y / 1e6]);
      roads.push({ name: name === '-' ? '' : name, kind, line });
    }
  }
  return roads;
}

function gridRoads() {
  const roads = [];
  const at = (i, j) => [118.69 + i * 0.004, 32.02 + j * 0.004];
  for (let i = 0; i < 5; i++) {
    for (let j = 0; j < 5; j++) {
      if (i < 4) roads.push({ name: `东西${j + 1}街`, kind: 'collector', line: [at(i, j), at(i + 1, j)] });
      if (j < 4) roads.push({ name: `南北${i + 1}路`, kind: i === 2 ? 'arterial' : 'local', line: [at(i, j), at(i, j + 1)] });
    }
  }
  return roads;
}

function buildMap(roads) {
  const features = [];
  const add = (type, coordinates, properties) => features.push({ type: 'Feature', geometry: { type, coordinates }, properties });
  const meetings = new Map();
  roads.forEach((road, r) => {
    const level = road.kind === 'major' ? 1 : 0;
    const perDirection = { major: 2, arterial: 2, collector: 1, local: 1, greenway: 0 }[road.kind];
    for (const [suffix, line] of [['f', road.line], ['b', [...road.line].reverse()]]) {
      const link = `road-${r}:${suffix}`;
      add('LineString', line, { layer: 'link', id: link, name_zh: road.name, kind: road.kind, width_m: WIDTHS[road.kind], level });
      for (let i = 0; i < perDirection; i++) {
        add('LineString', offset(line, 1.75 + 3.5 * i), { layer: 'lane', id: `${link}:${i}`, kind: 'driving', width_m: 3.5, level });
      }
      const side = 3.5 * perDirection;
      if (level === 0) {
        add('LineString', offset(line, side + 1.2), { layer: 'lane', id: `${link}:c`, kind: 'cycle', width_m: 2.2, level });
        add('LineString', offset(line, side + 3.4), { layer: 'lane', id: `${link}:w`, kind: 'footway', width_m: 2, level });
      }
    }
    if (level > 0) return;
    for (const end of [road.line[0], road.line.at(-1)]) {
      const key = end.map((v) => v.toFixed(4)).join();
      meetings.set(key, { at: end, roads: [...(meetings.get(key)?.roads ?? []), road] });
    }
  });
  const busy = [...meetings.values()].filter((m) => m.roads.length >= 3).sort((a, b) => weight(b) - weight(a));
  const sites = spread(busy, 14, 350);
  sites.forEach((meeting, i) => addSite(add, meeting, i + 1));
  for (let i = 0; i < 110; i++) {
    const { line } = roads[(i * 37) % roads.length];
    const [lon, lat] = line[i % line.length];
    add('Point', [lon + 0.0006, lat + 0.0004], { layer: 'base_station', id: `gnb-${i}`, height_m: 25 });
  }
  return { type: 'FeatureCollection', version: 'sample', features };
}

const weight = (m) => m.roads.reduce((sum, r) => sum + WIDTHS[r.kind], 0);

function spread(meetings, most, apartM) {
  const taken = [];
  for (const m of meetings) {
    if (taken.length < most && taken.every((t) => distance(t.at, m.at) > apartM)) taken.push(m);
  }
  return taken;
}

function addSite(add, { at, roads }, n) {
  const names = [...new Set(roads.map((r) => r.name).filter(Boolean))];
  const name = names.slice(0, 2).join('·') || `路口${n}`;
  const id = `site-${n}`;
  add('Point', at, { layer: 'junction', id: `junction-${n}`, name_zh: name, control: 'signals' });
  const stand = [at[0] + 12 / EAST, at[1] + 12 / METRES_PER_DEGREE];
  add('Point', stand, { layer: 'site', id, name_zh: name, name_en: `Site ${n}`, junction: `junction-${n}` });
  for (const [k, boresight] of [30, 210, 30, 210].entries()) {
    const kind = k < 2 ? 'radar' : 'camera';
    const range = k < 2 ? 180 : 120;
    add('Point', stand, { layer: 'sensor', id: `${kind}-${(k % 2) + 1}`, site: id, kind, boresight_deg: boresight, half_fov_deg: 55, range_m: range });
  }
}

/** A line to the right of another, metres. */
function offset(line, metres) {
  return line.map((p, i) => {
    const [a, b] = [line[Math.max(0, i - 1)], line[Math.min(line.length - 1, i + 1)]];
    const [x, y] = [(b[0] - a[0]) * EAST, (b[1] - a[1]) * METRES_PER_DEGREE];
    const length = Math.hypot(x, y) || 1;
    return [p[0] + ((y / length) * metres) / EAST, p[1] - ((x / length) * metres) / METRES_PER_DEGREE];
  });
}

export const distance = (a, b) => Math.hypot((a[0] - b[0]) * EAST, (a[1] - b[1]) * METRES_PER_DEGREE);
