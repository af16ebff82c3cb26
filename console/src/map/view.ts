import { AttributionControl, Map as MapLibreMap, ScaleControl, setWorkerUrl, type GeoJSONSource } from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import type { Feature, FeatureCollection } from 'geojson';
import { t } from '../i18n';
import { isCurrent } from '../state/store';
import { outline } from '../state/truth';
import type { Junction, Truth, Warning } from '../wire/frame';
import type { Zone } from '../conditions/panel';
import { circle, fieldsOfView, homeBox, prepare, roadNames, signalled, type Box } from './geo';
import { ABOVE_ROAD_USERS, styleLayers, TRUTH_LAYERS, type Group } from './layers';
import { PALETTES } from './palette';
import { RoadUserLayer } from './road-users';
import { addIcons } from './shapes';

const EMPTY: FeatureCollection = { type: 'FeatureCollection', features: [] };
/** Before the map is known: the island's middle. */
const ISLAND: [number, number] = [118.698, 32.027];
const PICK_PIXELS = 14;

export type Theme = 'dark' | 'light';

/** The map on the page: our own roads, fields of view, warnings and road users. */
export class MapView {
  readonly map: MapLibreMap;
  readonly roadUsers: RoadUserLayer;
  private home: Box | null = null;
  private readonly hidden = new Set<Group>();
  private readonly sites = new Map<string, number[]>();
  private chosenSite: string | null = null;
  private shownWarnings = '';
  private shownZones = '';
  /** Predicted ways on the map now. */
  predictedDrawn = 0;
  /** How many road users of the truth the map has been given. */
  truthDrawn = 0;
  private signalled = new Map<string, number[]>();
  private readonly lights = new Map<string, string>();
  private ready = false;
  private waiting: FeatureCollection | null = null;

  constructor(
    container: HTMLElement,
    private theme: Theme,
    private readonly padding: () => { top: number; right: number; bottom: number; left: number },
  ) {
    setWorkerUrl(workerUrl);
    this.roadUsers = new RoadUserLayer(PALETTES[theme]);
    this.map = new MapLibreMap({
      container,
      center: ISLAND,
      zoom: 12.4,
      minZoom: 10,
      maxZoom: 21,
      maxPitch: 70,
      attributionControl: false,
      fadeDuration: 0,
      localIdeographFontFamily: '"Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "WenQuanYi Micro Hei", sans-serif',
      style: {
        version: 8,
        sources: {
          map: { type: 'geojson', data: EMPTY, tolerance: 0.2 },
          names: { type: 'geojson', data: EMPTY, tolerance: 0.4 },
          fov: { type: 'geojson', data: EMPTY },
          warnings: { type: 'geojson', data: EMPTY, tolerance: 0 },
          predicted: { type: 'geojson', data: EMPTY, tolerance: 0 },
          conditions: { type: 'geojson', data: EMPTY, tolerance: 0 },
          truth: { type: 'geojson', data: EMPTY, tolerance: 0 },
        },
        layers: styleLayers(PALETTES[theme]).map((l) => l.layer),
      },
    });
    this.map.addControl(new AttributionControl({ compact: false, customAttribution: t('credit') }), 'bottom-right');
    this.map.addControl(new ScaleControl({ maxWidth: 110 }), 'bottom-right');
    this.map.on('load', () => this.start());
  }

  private start(): void {
    addIcons(this.map);
    this.map.addLayer(this.roadUsers, ABOVE_ROAD_USERS);
    this.ready = true;
    for (const group of this.hidden) this.apply(group, false);
    if (this.waiting) this.setMap(this.waiting);
  }

  /** Draws the map's features and shows the whole of it. */
  setMap(data: FeatureCollection): void {
    if (!this.ready) {
      this.waiting = data;
      return;
    }
    const prepared = prepare(data);
    this.source('map').setData(prepared);
    this.signalled = signalled(prepared);
    this.lights.clear();
    this.source('names').setData(roadNames(data));
    const fov = fieldsOfView(data);
    this.source('fov').setData(fov);
    this.sites.clear();
    for (const f of fov.features) {
      const site = String(f.properties?.site);
      this.sites.set(site, [...(this.sites.get(site) ?? []), Number(f.id)]);
    }
    this.home = homeBox(data);
    this.goHome(false);
  }

  /** What of the map is in view, degrees. */
  viewport(): { west: number; south: number; east: number; north: number; zoom: number } {
    const bounds = this.map.getBounds();
    return { west: bounds.getWest(), south: bounds.getSouth(), east: bounds.getEast(), north: bounds.getNorth(), zoom: this.map.getZoom() };
  }

  goHome(animate = true): void {
    if (this.home) this.showBox(this.home, animate);
  }

  showBox([west, south, east, north]: Box, animate = true): void {
    const padding = this.padding();
    this.map.fitBounds([west, south, east, north], { padding, maxZoom: 17.2, animate, bearing: 0, pitch: 0 });
  }

  flyTo(at: [number, number], zoom = 17.3): void {
    const reduced = matchMedia('(prefers-reduced-motion: reduce)').matches;
    const target = { center: at, zoom: Math.max(zoom, Math.min(this.map.getZoom(), 19)), padding: this.padding() };
    if (reduced) this.map.jumpTo(target);
    else this.map.flyTo({ ...target, duration: 1100 });
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    this.roadUsers.setPalette(PALETTES[theme]);
    for (const { layer } of styleLayers(PALETTES[theme])) {
      for (const [name, value] of Object.entries(layer.paint ?? {})) {
        this.map.setPaintProperty(layer.id, name as never, value as never);
      }
    }
  }

  setGroup(group: Group, visible: boolean): void {
    if (visible) this.hidden.delete(group);
    else this.hidden.add(group);
    if (this.ready) this.apply(group, visible);
  }

  private apply(group: Group, visible: boolean): void {
    if (group === 'tracks') this.roadUsers.setVisible(visible);
    for (const { layer, group: own } of styleLayers(PALETTES[this.theme])) {
      if (own === group) this.map.setLayoutProperty(layer.id, 'visibility', visible ? 'visible' : 'none');
    }
  }

  /** Brings out one site's fields of view. */
  chooseSite(id: string | null): void {
    if (!this.ready || id === this.chosenSite) return;
    for (const [site, chosen] of [[this.chosenSite, false], [id, true]] as const) {
      for (const feature of this.sites.get(site ?? '') ?? []) {
        this.map.setFeatureState({ source: 'fov', id: feature }, { chosen });
      }
    }
    this.chosenSite = id;
  }

  /** Colours the movements of junctions by their lights; those no longer current lose their colour. */
  showSignals(junctions: readonly Junction[]): void {
    if (!this.ready) return;
    for (const junction of junctions) {
      for (const phase of junction.phases) {
        const key = `${junction.id}/${phase.phase}`;
        const light = isCurrent(junction.freshness) ? phase.light : '';
        if (this.lights.get(key) === light) continue;
        this.lights.set(key, light);
        for (const id of this.signalled.get(key) ?? []) this.map.setFeatureState({ source: 'map', id }, { light });
      }
    }
  }

  showWarnings(warnings: readonly Warning[], chosen: string | null): void {
    if (!this.ready) return;
    const features = warnings.flatMap((w): Feature[] => {
      const properties = { id: w.id, kind: isCurrent(w.freshness) ? w.kind : '', chosen: w.id === chosen };
      const spot: Feature = { type: 'Feature', properties, geometry: { type: 'Point', coordinates: [w.lon, w.lat] } };
      if (w.path.length < 2) return [spot];
      return [{ type: 'Feature', properties, geometry: { type: 'LineString', coordinates: w.path } }, spot];
    });
    // Handing over the same again would have the worker cut tiles and the map drawn for nothing.
    const words = JSON.stringify([features, warnings.map((w) => w.predicted.map((path) => path.points))]);
    if (words === this.shownWarnings) return;
    this.shownWarnings = words;
    this.source('warnings').setData({ type: 'FeatureCollection', features });
    const paths = warnings
      .filter((w) => isCurrent(w.freshness))
      .flatMap((w) => w.predicted.filter((path) => path.points.length > 1).map((path) => ({ w, path })));
    this.predictedDrawn = paths.length;
    this.source('predicted').setData({
      type: 'FeatureCollection',
      features: paths.map(({ w, path }): Feature => {
        const properties = { id: w.id, kind: w.kind, chosen: w.id === chosen };
        return { type: 'Feature', properties, geometry: { type: 'LineString', coordinates: path.points } };
      }),
    });
  }

  /** Draws the circles of road conditions. */
  showZones(zones: readonly Zone[]): void {
    const words = JSON.stringify(zones);
    if (!this.ready || words === this.shownZones) return;
    this.shownZones = words;
    const features = zones.map((zone): Feature => ({
      type: 'Feature',
      properties: { draft: zone.draft },
      geometry: { type: 'Polygon', coordinates: [circle(zone.lon, zone.lat, zone.radiusM)] },
    }));
    this.source('conditions').setData({ type: 'FeatureCollection', features });
  }

  /** Draws what really is there, or nothing. */
  showTruth(truth: Truth | null, chosen: bigint | null): void {
    if (!this.ready || (!truth && this.truthDrawn === 0)) return;
    const features: Feature[] = [];
    for (let i = 0; truth && i < truth.count; i++) {
      const properties = { id: String(truth.id[i]), chosen: truth.id[i] === chosen };
      const at = [truth.lon[i] as number, truth.lat[i] as number];
      features.push({ type: 'Feature', properties, geometry: { type: 'Point', coordinates: at } });
      features.push({ type: 'Feature', properties, geometry: { type: 'Polygon', coordinates: [outline(truth, i)] } });
    }
    this.truthDrawn = truth?.count ?? 0;
    this.source('truth').setData({ type: 'FeatureCollection', features });
  }

  /** The road user of the truth under a point of the screen, if any. */
  truthAt(x: number, y: number): bigint | null {
    if (!this.ready || this.truthDrawn === 0) return null;
    const box: [[number, number], [number, number]] = [[x - 3, y - 3], [x + 3, y + 3]];
    const [found] = this.map.queryRenderedFeatures(box, { layers: TRUTH_LAYERS });
    return found ? BigInt(String(found.properties.id)) : null;
  }

  /** The road user under a point of the screen, if any. */
  roadUserAt(x: number, y: number): bigint | null {
    return this.roadUsers.pick(x, y, PICK_PIXELS);
  }

  private source(id: string): GeoJSONSource {
    return this.map.getSource(id) as GeoJSONSource;
  }
}
