import type { ExpressionSpecification, FilterSpecification, LayerSpecification } from 'maplibre-gl';
import { COLOURS } from '../city/series';
import type { Palette } from './palette';

/** Switchable groups, each with the style layers that belong to it alone. */
export const GROUPS = ['tracks', 'warnings', 'predicted', 'signals', 'fov', 'base', 'lanes', 'sites', 'bus', 'traffic', 'truth'] as const;
export type Group = (typeof GROUPS)[number];

/** The custom layer of road users goes in below this one. */
export const ABOVE_ROAD_USERS = 'warning-spots';

const METRES_PER_PIXEL_Z0 = 78271.517 * Math.cos((32.03 * Math.PI) / 180);

/** A line width in pixels for a width on the ground in metres: scaled and widened, and never below `least`. */
function metres(width: ExpressionSpecification | number, least: number | ExpressionSpecification, extra = 0): ExpressionSpecification {
  const at = (zoom: number): ExpressionSpecification => [
    'max',
    least,
    ['*', ['+', width, extra], 2 ** zoom / METRES_PER_PIXEL_Z0],
  ];
  // Between whole zooms the ground scale is exponential; two stops close together keep `least` from bending it.
  return ['interpolate', ['exponential', 2], ['zoom'], 10, at(10), 13, at(13), 15, at(15), 17, at(17), 19, at(19), 23, at(23)];
}

const WIDTH: ExpressionSpecification = ['coalesce', ['to-number', ['get', 'width_m']], 3.5];
const LINK_WIDTH: ExpressionSpecification = ['coalesce', ['to-number', ['get', 'width_m']], 7];
const LEVEL: ExpressionSpecification = ['coalesce', ['to-number', ['get', 'level']], 0];
const KIND: ExpressionSpecification = ['coalesce', ['get', 'kind'], ''];

const is = (...names: string[]): ExpressionSpecification => ['in', ['get', 'layer'], ['literal', names]];
const shape = (type: string): ExpressionSpecification => ['==', ['geometry-type'], type];
const all = (...parts: ExpressionSpecification[]): FilterSpecification => ['all', ...parts] as FilterSpecification;
const ground: ExpressionSpecification = ['==', LEVEL, 0];
const above: ExpressionSpecification = ['>', LEVEL, 0];
const below: ExpressionSpecification = ['<', LEVEL, 0];
const line = shape('LineString');
const polygon = shape('Polygon');

/** Every style layer in drawing order, with the group that switches it, if any. */
export function styleLayers(p: Palette): { layer: LayerSpecification; group?: Group }[] {
  return [
    { layer: { id: 'ground', type: 'background', paint: { 'background-color': p.ground } } },
    ...tunnels(p),
    ...roads(p, 'low', ground, p.casing, p.road, p.connector),
    ...furniture(p),
    ...signals(p),
    ...roads(p, 'high', above, p.upperCasing, p.upper, p.upper),
    ...traffic(),
    ...fieldsOfView(p),
    ...labels(p),
    ...points(p),
    ...truth(p),
    ...predicted(p),
    ...conditions(p),
    ...warnings(p),
  ];
}

function tunnels(p: Palette): { layer: LayerSpecification }[] {
  return [
    {
      layer: {
        id: 'tunnel',
        type: 'line',
        source: 'map',
        filter: all(is('link'), line, below),
        paint: { 'line-color': p.tunnel, 'line-width': metres(LINK_WIDTH, 1), 'line-dasharray': [1.2, 0.8] },
      },
    },
  ];
}

/** Links in the colour of their level of service; those not observed have none. */
function traffic(): { layer: LayerSpecification; group: Group }[] {
  const shades = Object.entries(COLOURS).flat();
  const shade: ExpressionSpecification = ['coalesce', ['feature-state', 'shade'], 'unseen'];
  return [
    {
      layer: {
        id: 'traffic',
        type: 'line',
        source: 'map',
        filter: all(is('link'), line),
        layout: { 'line-join': 'round', 'line-cap': 'round' },
        paint: {
          'line-color': ['match', shade, ...shades, 'rgba(0,0,0,0)'] as unknown as ExpressionSpecification,
          'line-width': ['interpolate', ['linear'], ['zoom'], 12, 3, 16, 7],
          'line-opacity': 0.8,
        },
      },
      group: 'traffic',
    },
  ];
}

function roads(
  p: Palette,
  suffix: string,
  level: ExpressionSpecification,
  casing: string,
  surface: string,
  connector: string,
): { layer: LayerSpecification; group?: Group }[] {
  const kinds: ExpressionSpecification = ['match', KIND, ['cycle'], p.cycle, ['footway', 'greenway'], p.footway, surface];
  const join = { 'line-join': 'round', 'line-cap': 'round' } as const;
  // Far out a road is its link, so that it is one quiet line; close by it is its lanes.
  return [
    {
      layer: {
        id: `link-casing-${suffix}`,
        type: 'line',
        source: 'map',
        filter: all(is('link'), line, level),
        layout: join,
        paint: { 'line-color': casing, 'line-width': metres(LINK_WIDTH, 2.4, 2.4) },
      },
    },
    {
      layer: {
        id: `lane-casing-${suffix}`,
        type: 'line',
        source: 'map',
        minzoom: 14,
        filter: all(is('lane', 'connector'), line, level),
        layout: join,
        paint: { 'line-color': casing, 'line-width': metres(WIDTH, 1, 1.2) },
      },
    },
    {
      layer: {
        id: `junction-${suffix}`,
        type: 'fill',
        source: 'map',
        filter: all(is('junction'), polygon, level),
        paint: { 'fill-color': connector },
      },
    },
    {
      layer: {
        id: `link-${suffix}`,
        type: 'line',
        source: 'map',
        filter: all(is('link'), line, level),
        layout: join,
        paint: {
          'line-color': kinds,
          'line-width': metres(LINK_WIDTH, 1.3),
          'line-opacity': ['interpolate', ['linear'], ['zoom'], 15, 1, 16, 0],
        },
      },
    },
    {
      layer: {
        id: `connector-${suffix}`,
        type: 'line',
        source: 'map',
        minzoom: 14,
        filter: all(is('connector'), line, level),
        layout: join,
        paint: { 'line-color': connector, 'line-width': metres(WIDTH, 0.5) },
      },
      group: 'lanes',
    },
    {
      layer: {
        id: `lane-${suffix}`,
        type: 'line',
        source: 'map',
        minzoom: 14,
        filter: all(is('lane'), line, level),
        layout: { 'line-join': 'round' },
        // A hand's breadth narrower than the lane: the casing shows between as the lane line.
        paint: { 'line-color': kinds, 'line-width': metres(WIDTH, 0.5, -0.24) },
      },
      group: 'lanes',
    },
    {
      layer: {
        id: `lane-area-${suffix}`,
        type: 'fill',
        source: 'map',
        minzoom: 14,
        filter: all(is('lane', 'connector'), polygon, level),
        paint: { 'fill-color': kinds, 'fill-outline-color': casing },
      },
      group: 'lanes',
    },
  ];
}

function furniture(p: Palette): { layer: LayerSpecification; group?: Group }[] {
  return [
    {
      layer: {
        id: 'crossing',
        type: 'line',
        source: 'map',
        minzoom: 15.5,
        filter: all(is('crossing'), line),
        // Stripes: dashes across a line as wide as the crossing, an eighth of its width each.
        paint: { 'line-color': p.zebra, 'line-width': metres(WIDTH, 2), 'line-dasharray': [0.12, 0.12], 'line-opacity': 0.75 },
      },
    },
    {
      layer: {
        id: 'crossing-area',
        type: 'fill',
        source: 'map',
        minzoom: 15.5,
        filter: all(is('crossing'), polygon),
        paint: { 'fill-color': p.zebra, 'fill-opacity': 0.5 },
      },
    },
    {
      layer: {
        id: 'stop-line',
        type: 'line',
        source: 'map',
        minzoom: 15.5,
        filter: all(is('stop_line'), line),
        paint: { 'line-color': p.stopLine, 'line-width': metres(0.4, 1) },
      },
    },
    {
      layer: {
        id: 'lane-arrow',
        type: 'symbol',
        source: 'map',
        minzoom: 17,
        filter: all(is('lane'), line, ['!=', KIND, 'footway']),
        layout: {
          'symbol-placement': 'line',
          'symbol-spacing': 220,
          'icon-image': 'arrow',
          'icon-size': 0.5,
          'icon-rotation-alignment': 'map',
        },
        paint: { 'icon-color': p.arrow },
      },
      group: 'lanes',
    },
  ];
}

/** Movements through a junction in the colour of their light: set as the feature's state, nothing where unknown. */
function signals(p: Palette): { layer: LayerSpecification; group: Group }[] {
  const light: ExpressionSpecification = ['coalesce', ['feature-state', 'light'], ''];
  const colours = Object.entries(p.lights).flat();
  return [
    {
      layer: {
        id: 'signal-movement',
        type: 'line',
        source: 'map',
        minzoom: 15.5,
        filter: all(is('connector'), line, ['has', 'phase']),
        layout: { 'line-cap': 'round', 'line-join': 'round' },
        paint: {
          'line-color': ['match', light, ...colours, p.stale] as unknown as ExpressionSpecification,
          'line-opacity': ['match', light, '', 0, 'red', 0.4, 0.95],
          'line-width': ['interpolate', ['linear'], ['zoom'], 15.5, 0.8, 19, 3],
        },
      },
      group: 'signals',
    },
  ];
}

function fieldsOfView(p: Palette): { layer: LayerSpecification; group: Group }[] {
  const colour: ExpressionSpecification = ['match', KIND, 'camera', p.camera, p.radar];
  const chosen = (yes: number, no: number): ExpressionSpecification => [
    'case',
    ['boolean', ['feature-state', 'chosen'], false],
    yes,
    no,
  ];
  return [
    {
      layer: { id: 'fov', type: 'fill', source: 'fov', paint: { 'fill-color': colour, 'fill-opacity': chosen(0.16, 0.05) } },
      group: 'fov',
    },
    {
      layer: {
        id: 'fov-edge',
        type: 'line',
        source: 'fov',
        paint: { 'line-color': colour, 'line-opacity': chosen(0.8, 0.28), 'line-width': 1 },
      },
      group: 'fov',
    },
  ];
}

function labels(p: Palette): { layer: LayerSpecification }[] {
  const text = { 'text-color': p.label, 'text-halo-color': p.labelHalo, 'text-halo-width': 1.4 };
  return [
    {
      layer: {
        id: 'road-name',
        type: 'symbol',
        source: 'names',
        minzoom: 13.2,
        layout: {
          'symbol-placement': 'line',
          'symbol-spacing': 420,
          'text-field': ['get', 'name_zh'],
          'text-font': ['sans-serif'],
          'text-size': ['interpolate', ['linear'], ['zoom'], 13, 10.5, 17, 13],
          'text-letter-spacing': 0.08,
          'text-padding': 24,
        },
        paint: text,
      },
    },
  ];
}

function points(p: Palette): { layer: LayerSpecification; group: Group }[] {
  return [
    {
      layer: {
        id: 'base-station',
        type: 'symbol',
        source: 'map',
        filter: all(is('base_station'), shape('Point')),
        layout: {
          'icon-image': 'mast',
          'icon-size': ['interpolate', ['linear'], ['zoom'], 12, 0.26, 16, 0.5],
          'icon-allow-overlap': true,
        },
        paint: { 'icon-color': p.base, 'icon-opacity': 0.9 },
      },
      group: 'base',
    },
    {
      layer: {
        id: 'bus-stop',
        type: 'symbol',
        source: 'map',
        minzoom: 14.5,
        filter: all(is('bus_stop'), shape('Point')),
        layout: {
          'icon-image': 'bus',
          'icon-size': 0.42,
          'icon-allow-overlap': true,
          'text-field': ['step', ['zoom'], '', 16, ['coalesce', ['get', 'name_zh'], '']],
          'text-font': ['sans-serif'],
          'text-size': 11,
          'text-anchor': 'left',
          'text-offset': [0.9, 0],
          'text-optional': true,
        },
        paint: { 'icon-color': p.bus, 'text-color': p.bus, 'text-halo-color': p.labelHalo, 'text-halo-width': 1.2 },
      },
      group: 'bus',
    },
  ];
}

/** Layers of the truth that can be pointed at. */
export const TRUTH_LAYERS = ['truth-ring', 'truth-outline'];

/**
 * Truth, under the tracks: a ring that a track's mark fits into, and close by the outline. An empty ring is a road user
 * missed; a track without a ring is a ghost.
 */
function truth(p: Palette): { layer: LayerSpecification; group: Group }[] {
  const chosen = (yes: number, no: number): ExpressionSpecification => ['case', ['==', ['get', 'chosen'], true], yes, no];
  return [
    {
      layer: {
        id: 'truth-ring',
        type: 'circle',
        source: 'truth',
        filter: all(shape('Point')),
        paint: {
          'circle-color': p.truth,
          'circle-opacity': chosen(0.35, 0),
          'circle-radius': ['interpolate', ['linear'], ['zoom'], 12, 5, 14, 7, 16.5, 11, 19, 13],
          'circle-stroke-color': p.truth,
          'circle-stroke-width': ['interpolate', ['linear'], ['zoom'], 12, 0.9, 16, 1.6],
          'circle-stroke-opacity': 0.95,
        },
      },
      group: 'truth',
    },
    {
      layer: {
        id: 'truth-outline',
        type: 'line',
        source: 'truth',
        minzoom: 16,
        filter: all(polygon),
        layout: { 'line-join': 'miter' },
        paint: { 'line-color': p.truth, 'line-width': chosen(2.6, 1.4) },
      },
      group: 'truth',
    },
  ];
}

/** The ways that warnings suppose: a dashed line with a dot for every half second. */
function predicted(p: Palette): { layer: LayerSpecification; group: Group }[] {
  const colour = ['match', ['get', 'kind'], ...Object.entries(p.warnings).flat(), p.stale] as unknown as ExpressionSpecification;
  const chosen = (yes: number, no: number): ExpressionSpecification => ['case', ['==', ['get', 'chosen'], true], yes, no];
  return [
    {
      layer: {
        id: 'predicted-path',
        type: 'line',
        source: 'predicted',
        minzoom: 14,
        layout: { 'line-join': 'round' },
        paint: { 'line-color': colour, 'line-width': chosen(3, 1.6), 'line-opacity': chosen(1, 0.8), 'line-dasharray': [2, 1.4] },
      },
      group: 'predicted',
    },
    {
      layer: {
        id: 'predicted-step',
        type: 'circle',
        source: 'predicted',
        minzoom: 16,
        paint: { 'circle-color': p.ground, 'circle-radius': chosen(3.4, 2.2), 'circle-stroke-color': colour, 'circle-stroke-width': 1.4 },
      },
      group: 'predicted',
    },
  ];
}

/** Road conditions that operators entered. */
function conditions(p: Palette): { layer: LayerSpecification; group: Group }[] {
  const colour = p.warnings.road_condition ?? p.stale;
  return [
    { layer: { id: 'condition', type: 'fill', source: 'conditions', paint: { 'fill-color': colour, 'fill-opacity': 0.14 } }, group: 'warnings' },
    {
      layer: {
        id: 'condition-edge',
        type: 'line',
        source: 'conditions',
        paint: { 'line-color': colour, 'line-width': 1.5, 'line-opacity': 0.8, 'line-dasharray': [3, 2] },
      },
      group: 'warnings',
    },
  ];
}

function warnings(p: Palette): { layer: LayerSpecification; group: Group }[] {
  const kinds = Object.entries(p.warnings).flat();
  const colour = ['match', ['get', 'kind'], ...kinds, p.stale] as unknown as ExpressionSpecification;
  const chosen = (yes: number, no: number): ExpressionSpecification => ['case', ['==', ['get', 'chosen'], true], yes, no];
  const path = all(shape('LineString'));
  const join = { 'line-join': 'round', 'line-cap': 'round' } as const;
  return [
    {
      layer: {
        id: 'warning-path-glow',
        type: 'line',
        source: 'warnings',
        filter: path,
        layout: join,
        paint: { 'line-color': colour, 'line-width': chosen(16, 9), 'line-opacity': chosen(0.35, 0.16), 'line-blur': 4 },
      },
      group: 'warnings',
    },
    {
      layer: {
        id: 'warning-path',
        type: 'line',
        source: 'warnings',
        filter: path,
        layout: join,
        paint: { 'line-color': colour, 'line-width': chosen(4, 2), 'line-opacity': chosen(1, 0.75) },
      },
      group: 'warnings',
    },
    {
      layer: {
        id: ABOVE_ROAD_USERS,
        type: 'circle',
        source: 'warnings',
        filter: all(shape('Point')),
        paint: {
          'circle-color': colour,
          'circle-radius': chosen(6, 4),
          'circle-stroke-color': p.outline,
          'circle-stroke-width': 1.2,
        },
      },
      group: 'warnings',
    },
  ];
}
