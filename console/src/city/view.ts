import type { Map as MapLibreMap } from 'maplibre-gl';
import type { FeatureCollection } from 'geojson';
import { stampOf } from '../history/bar';
import { onLanguage, t, tName, type Key } from '../i18n';
import { attribute, byId, h, text } from '../ui/dom';
import { decimal, percent, UNKNOWN, whole } from '../ui/format';
import { icon } from '../ui/icons';
import { COLOURS, LEVELS, shadeOf, sparkline, type LinkRow, type LinkSeries, type Minute, type Shade } from './series';

const EVERY_MS = 15_000;
const SHOWN_MS = 2 * 3_600_000;
const BOX: [number, number] = [300, 44];

/** The layer of congestion on the map, its legend, and the minutes of one link. */
export class CityView {
  private readonly ids = new Map<string, number>();
  private links = new Map<string, LinkRow>();
  private chosen: LinkSeries | null = null;
  private on = false;
  private readonly title = h('h2');
  private readonly body = h('div', { class: 'scroll' });

  constructor(private readonly map: MapLibreMap) {
    const close = h('button', { type: 'button', class: 'ghost', onclick: () => this.choose(null) }, icon('close'));
    byId('link-minutes').append(h('header', {}, this.title, close), this.body);
    const legend = byId('city-legend');
    const rows: [string, Shade][] = [...LEVELS.map((l): [string, Shade] => [l.toUpperCase(), l]), ['', 'empty'], ['', 'unseen']];
    onLanguage(() => {
      attribute(close, 'aria-label', t('close'));
      legend.replaceChildren(h('h3', {}, t('levelOfService')), h('ul', {}, ...rows.map(([name, shade]) => legendRow(name, shade))));
      this.draw();
    });
    void this.ask();
    setInterval(() => void this.ask(), EVERY_MS);
  }

  /** Takes the map's features: their numbers are their places in it, as `prepare` gives them. */
  useMap(features: FeatureCollection): void {
    features.features.forEach((f, i) => {
      if (f.properties?.layer === 'link') this.ids.set(String(f.properties.id), i + 1);
    });
    this.paint();
  }

  setVisible(on: boolean): void {
    this.on = on;
    byId('city-legend').hidden = !on;
    if (on) void this.ask();
    else this.choose(null);
  }

  /** Whether a link is at a point of the screen; it is then chosen. */
  clickAt(x: number, y: number): boolean {
    if (!this.on || !this.map.getLayer('traffic')) return false;
    const box: [[number, number], [number, number]] = [[x - 4, y - 4], [x + 4, y + 4]];
    const [found] = this.map.queryRenderedFeatures(box, { layers: ['traffic'] });
    if (!found || !this.links.has(String(found.properties.id))) return false;
    this.choose(String(found.properties.id));
    return true;
  }

  choose(id: string | null): void {
    if (id === null) {
      this.chosen = null;
      this.draw();
    } else void this.askLink(id);
  }

  private async ask(): Promise<void> {
    try {
      const answer = await fetch('./api/v1/links');
      if (!answer.ok) return;
      const { links } = (await answer.json()) as { links: LinkRow[] };
      this.links = new Map(links.map((l) => [l.id, l]));
      if (this.chosen) await this.askLink(this.chosen.id);
    } catch {
      return;
    }
    this.paint();
  }

  private async askLink(id: string): Promise<void> {
    try {
      const answer = await fetch(`./api/v1/links/${encodeURIComponent(id)}?from_ms=${Date.now() - SHOWN_MS}`);
      if (answer.ok) this.chosen = (await answer.json()) as LinkSeries;
    } catch {
      return;
    }
    this.draw();
  }

  private paint(): void {
    if (!this.map.getSource('map')) return;
    let coloured = 0;
    for (const [link, row] of this.links) {
      const id = this.ids.get(link);
      const shade = shadeOf(row.minute);
      if (id !== undefined) this.map.setFeatureState({ source: 'map', id }, { shade });
      if (shade !== 'unseen') coloured += 1;
    }
    document.body.dataset.linksObserved = String(coloured);
  }

  private draw(): void {
    const { chosen } = this;
    byId('link-minutes').hidden = chosen === null;
    if (!chosen) return;
    text(this.title, chosen.name_zh || chosen.id);
    const m = chosen.minute;
    const rows: [Key, string][] = [
      ['levelOfService', m ? (m.level?.toUpperCase() ?? t('nobodyThere')) : t('notObserved')],
      ['flow', m ? `${whole(m.flow_veh_h)} /h` : UNKNOWN],
      ['meanSpeed', m?.speed_kmh == null ? UNKNOWN : `${decimal(m.speed_kmh)} / ${whole(chosen.free_flow_kmh)} km/h`],
      ['density', m ? `${decimal(m.density_veh_km)} /km` : UNKNOWN],
      ['travelTime', m?.travel_time_s == null ? UNKNOWN : `${whole(m.travel_time_s)} s`],
      ['queue', m?.queue_m == null ? UNKNOWN : `${whole(m.queue_m)} m`],
      ['coverageShare', percent(chosen.covered_share)],
      ['number', chosen.id],
    ];
    const facts = h('dl', { class: 'facts' }, ...rows.map(([key, value]) => h('div', {}, h('dt', {}, t(key)), h('dd', {}, value))));
    const parts = [facts];
    if (m?.congested) parts.unshift(h('p', { class: 'badge', 'data-state': 'lost' }, t('congestedNow')) as never);
    this.body.replaceChildren(
      ...parts,
      chart('flow', '/h', chosen.minutes, (x) => x.flow_veh_h),
      chart('meanSpeed', 'km/h', chosen.minutes, (x) => x.speed_kmh),
      chart('queue', 'm', chosen.minutes, (x) => x.queue_m),
      h('p', { class: 'note' }, t('gapsAreUnseen')),
    );
  }
}

function legendRow(name: string, shade: Shade): HTMLElement {
  const swatch = h('i', { class: 'swatch wide', 'data-shade': shade });
  if (shade !== 'unseen') swatch.style.background = COLOURS[shade];
  const words = name ? `${name} · ${t(`level_${shade}` as Key)}` : t(shade === 'empty' ? 'nobodyThere' : 'notObserved');
  return h('li', {}, swatch, h('span', {}, words));
}

function chart(key: Key, unit: string, minutes: readonly Minute[], value: (m: Minute) => number | null): HTMLElement {
  const to = Date.now();
  const { path, most } = sparkline(minutes, value, [to - SHOWN_MS, to], BOX);
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  for (const [name, v] of [['viewBox', `0 -2 ${BOX[0]} ${BOX[1] + 4}`], ['class', 'spark'], ['role', 'img'], ['preserveAspectRatio', 'none']] as const) svg.setAttribute(name, v);
  svg.setAttribute('aria-label', `${t(key)}: ${minutes.map((m) => `${stampOf(m.from_ms).slice(11, 16)} ${value(m) ?? UNKNOWN}`).slice(-5).join(', ')}`);
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  line.setAttribute('d', path);
  svg.append(line);
  const figure = h('figure', { class: 'sparkline', 'data-series': key }, h('figcaption', {}, `${t(key)} `, h('small', {}, `${tName('most')} ${whole(most)} ${unit}`)));
  figure.append(svg);
  return figure;
}
