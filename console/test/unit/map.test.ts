import { validateStyleMin } from '@maplibre/maplibre-gl-style-spec';
import type { FeatureCollection } from 'geojson';
import { describe, expect, it } from 'vitest';
import { fieldsOfView, homeBox, junctionCentres, places, prepare, roadNames, sector, signalled } from '../../src/map/geo';
import { GROUPS, styleLayers } from '../../src/map/layers';
import { PALETTES } from '../../src/map/palette';
import { findPlaces } from '../../src/ui/search';

const line = (coordinates: number[][], properties: object): object => ({ type: 'Feature', geometry: { type: 'LineString', coordinates }, properties });
const point = (coordinates: number[], properties: object): object => ({ type: 'Feature', geometry: { type: 'Point', coordinates }, properties });
const map = {
  type: 'FeatureCollection',
  features: [
    line([[118.7, 32], [118.71, 32.01]], { layer: 'link', id: 'r:f', name_zh: '中新大道', lanes: 4, level: 0 }),
    line([[118.71, 32.01], [118.7, 32]], { layer: 'link', id: 'r:b', name_zh: '中新大道', lanes: 4, level: 0 }),
    line([[118.7, 32], [118.701, 32.001]], { layer: 'connector', id: 'c', junction: 'j', phase: 3 }),
    line([[118.7, 32], [118.701, 32.001]], { layer: 'connector', id: 'd', junction: 'j', phase: null }),
    point([118.7, 32], { layer: 'junction', id: 'j', name_zh: '路口', control: 'signals' }),
    point([118.705, 32.005], { layer: 'site', id: 's', name_zh: '站' }),
    point([118.705, 32.005], { layer: 'sensor', id: 'radar-1', site: 's', kind: 'radar', boresight_deg: 90, half_fov_deg: 60, range_m: 180 }),
    point([118.705, 32.005], { layer: 'sensor', id: 'broken', site: 's', kind: 'radar', range_m: 180 }),
  ],
} as FeatureCollection;

describe('the map', () => {
  it('has a style that MapLibre accepts, in both themes, with every group switching something or a marker', () => {
    for (const palette of Object.values(PALETTES)) {
      const layers = styleLayers(palette);
      const source = { type: 'geojson' as const, data: { type: 'FeatureCollection' as const, features: [] } };
      const sources = { map: source, names: source, fov: source, conditions: source, warnings: source, predicted: source, truth: source };
      expect(validateStyleMin({ version: 8, sources, layers: layers.map((l) => l.layer) })).toEqual([]);
      const switched = new Set(layers.map((l) => l.group));
      expect(GROUPS.filter((g) => !switched.has(g))).toEqual(['tracks', 'sites']);
    }
  });

  it('gives links the width of their lanes and numbers every feature', () => {
    const ready = prepare(map);
    expect(ready.features.map((f) => f.id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(ready.features[0]?.properties?.width_m).toBeCloseTo(12.8);
    expect([...signalled(ready)]).toEqual([['j/3', [3]]]);
  });

  it('labels a road once, not once a direction', () => {
    expect(roadNames(map).features.length).toBe(1);
  });

  it('draws a field of view round the boresight, clockwise from north, at its range', () => {
    const ring = sector([118.7, 32], 90, 60, 180);
    const east = Math.max(...ring.map((p) => p[0] ?? 0)) - 118.7;
    const metresEast = east * 111_319.49 * Math.cos((32 * Math.PI) / 180);
    expect(metresEast).toBeCloseTo(180, 3);
    expect(Math.min(...ring.map((p) => p[0] ?? 0))).toBe(118.7);
    const north = (Math.max(...ring.map((p) => p[1] ?? 0)) - 32) * 111_319.49;
    expect(north).toBeCloseTo(180 * Math.cos((30 * Math.PI) / 180), 3);
    expect(ring.at(-1)).toEqual(ring[0]);
  });

  it('leaves out a sensor whose field of view is not known', () => {
    expect(fieldsOfView(map).features.map((f) => f.properties?.sensor)).toEqual(['radar-1']);
  });

  it('finds roads and junctions by name, parts of one road together', () => {
    const all = places(map);
    expect(all.map((p) => [p.kind, p.name])).toEqual([['road', '中新大道'], ['junction', '路口']]);
    expect(all[0]?.box).toEqual([118.7, 32, 118.71, 32.01]);
    expect(findPlaces(all, '大道').map((p) => p.name)).toEqual(['中新大道']);
    expect(findPlaces(all, 'nowhere')).toEqual([]);
    expect(junctionCentres(map).get('j')).toEqual({ at: [118.7, 32], name: '路口' });
    expect(homeBox(map)).toEqual([118.705, 32.005, 118.705, 32.005]);
  });
});
