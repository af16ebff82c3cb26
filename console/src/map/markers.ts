import { Marker, type Map as MapLibreMap } from 'maplibre-gl';
import { pick, t, tKind } from '../i18n';
import { isCurrent } from '../state/store';
import type { Junction, Phase, Site, Warning } from '../wire/frame';
import { attribute, h, text } from '../ui/dom';
import { whole } from '../ui/format';
import { icon } from '../ui/icons';

/** More pulsing warnings than this are dots only. */
const MAX_PULSES = 60;

interface Entry {
  marker: Marker;
  element: HTMLElement;
  parts: HTMLElement[];
}

/** HTML markers kept in step with a list, by key. */
class MarkerSet {
  readonly entries = new Map<string, Entry>();
  private visible = true;

  constructor(private readonly map: MapLibreMap) {}

  setVisible(visible: boolean): void {
    this.visible = visible;
    for (const { element } of this.entries.values()) element.hidden = !visible;
  }

  keep(keys: Set<string>): void {
    for (const [key, entry] of this.entries) {
      if (keys.has(key)) continue;
      entry.marker.remove();
      this.entries.delete(key);
    }
  }

  at(key: string, position: [number, number], make: () => { element: HTMLElement; parts: HTMLElement[] }): Entry {
    let entry = this.entries.get(key);
    if (!entry) {
      const { element, parts } = make();
      element.hidden = !this.visible;
      entry = { element, parts, marker: new Marker({ element, anchor: 'center' }).setLngLat(position).addTo(this.map) };
      // Names come from `title` and the label; MapLibre's own would say only that there is a marker.
      element.removeAttribute('aria-label');
      this.entries.set(key, entry);
    } else {
      const old = entry.marker.getLngLat();
      if (old.lng !== position[0] || old.lat !== position[1]) entry.marker.setLngLat(position);
    }
    return entry;
  }
}

export class SiteMarkers {
  private readonly set: MarkerSet;

  constructor(
    map: MapLibreMap,
    private readonly choose: (id: string) => void,
  ) {
    this.set = new MarkerSet(map);
  }

  setVisible(visible: boolean): void {
    this.set.setVisible(visible);
  }

  show(sites: readonly Site[], chosen: string | null): void {
    this.set.keep(new Set(sites.map((s) => s.id)));
    for (const site of sites) {
      if (site.lon === 0 && site.lat === 0) continue;
      const { element, parts } = this.set.at(site.id, [site.lon, site.lat], () => this.make(site.id));
      const [name, count] = parts as [HTMLElement, HTMLElement];
      attribute(element, 'data-state', site.freshness);
      attribute(element, 'data-chosen', site.id === chosen ? '' : null);
      attribute(element, 'title', `${pick(site.nameZh, site.nameEn)} · ${t(site.freshness)}`);
      text(name, pick(site.nameZh, site.nameEn));
      text(count, whole(site.tracks));
    }
  }

  private make(id: string): { element: HTMLElement; parts: HTMLElement[] } {
    const name = h('span', { class: 'site-name' });
    const count = h('span', { class: 'site-count' });
    const onclick = (event: Event): void => {
      event.stopPropagation();
      this.choose(id);
    };
    const element = h('button', { class: 'site-marker', type: 'button', tabindex: -1, onclick }, count, name);
    return { element, parts: [name, count] };
  }
}

export class WarningMarkers {
  private readonly set: MarkerSet;

  constructor(
    map: MapLibreMap,
    private readonly choose: (id: string) => void,
  ) {
    this.set = new MarkerSet(map);
  }

  setVisible(visible: boolean): void {
    this.set.setVisible(visible);
  }

  show(warnings: readonly Warning[], chosen: string | null): void {
    const shown = warnings.slice(0, MAX_PULSES);
    this.set.keep(new Set(shown.map((w) => w.id)));
    for (const warning of shown) {
      const { element } = this.set.at(warning.id, [warning.lon, warning.lat], () => this.make(warning));
      attribute(element, 'data-kind', warning.kind);
      attribute(element, 'data-chosen', warning.id === chosen ? '' : null);
      attribute(element, 'data-state', warning.freshness);
      attribute(element, 'title', `${tKind(warning.kind)} · ${pick(warning.reasonZh, warning.reasonEn)}`);
    }
  }

  private make(warning: Warning): { element: HTMLElement; parts: HTMLElement[] } {
    const onclick = (event: Event): void => {
      event.stopPropagation();
      this.choose(warning.id);
    };
    const element = h('button', { class: 'warning-marker', type: 'button', tabindex: -1, onclick }, h('i', { class: 'pulse' }), icon(warning.kind));
    return { element, parts: [] };
  }
}

/** How urgent a light is to show where several phases share one ring. */
export const LIGHT_COLOURS: Record<string, string> = {
  red: 'var(--red)',
  green: 'var(--green)',
  'permissive-green': 'var(--green-soft)',
  yellow: 'var(--yellow)',
  'flashing-yellow': 'var(--yellow)',
  dark: 'var(--dim)',
};

export class SignalMarkers {
  private readonly set: MarkerSet;
  private readonly base: MapLibreMap;

  constructor(
    map: MapLibreMap,
    private readonly choose: (id: string) => void,
  ) {
    this.base = map;
    this.set = new MarkerSet(map);
  }

  setVisible(visible: boolean): void {
    this.set.setVisible(visible);
  }

  /** `countdown` gives the milliseconds left of a phase, or null when unknown. */
  show(
    junctions: readonly Junction[],
    centres: Map<string, { at: [number, number]; name: string }>,
    countdown: (phase: Phase) => number | null,
    chosen: string | null,
  ): void {
    const placed = junctions.filter((j) => centres.has(j.id) && j.phases.length > 0);
    this.set.keep(new Set(placed.map((j) => j.id)));
    const near = this.base.getZoom() >= 14.2;
    for (const junction of placed) {
      const centre = centres.get(junction.id);
      if (!centre) continue;
      const { element, parts } = this.set.at(junction.id, centre.at, () => this.make(junction.id));
      const [middle] = parts as [HTMLElement];
      const known = isCurrent(junction.freshness);
      attribute(element, 'data-state', junction.freshness);
      attribute(element, 'data-chosen', junction.id === chosen ? '' : null);
      attribute(element, 'title', `${centre.name || junction.id} · ${t(junction.freshness)}`);
      const ring = near ? ringOf(junction.phases, known) : known ? 'var(--signal-dot)' : 'var(--dim)';
      if (element.dataset.ring !== ring) {
        element.dataset.ring = ring;
        element.style.background = ring;
      }
      const left = known ? soonest(junction.phases, countdown) : null;
      text(middle, left === null ? '–' : String(Math.ceil(left / 1000)));
    }
  }

  private make(id: string): { element: HTMLElement; parts: HTMLElement[] } {
    const middle = h('span', { class: 'signal-count' });
    const onclick = (event: Event): void => {
      event.stopPropagation();
      this.choose(id);
    };
    const element = h('button', { class: 'signal-marker', type: 'button', tabindex: -1, onclick }, middle);
    return { element, parts: [middle] };
  }
}

/** The ring of a junction: one arc a phase, in the phase's colour; all dim when not current. */
function ringOf(phases: readonly Phase[], known: boolean): string {
  const share = 360 / phases.length;
  const gap = phases.length > 1 ? Math.min(6, share / 5) : 0;
  const arcs = phases.map((p, i) => {
    const colour = known ? (LIGHT_COLOURS[p.light] ?? 'var(--dim)') : 'var(--dim)';
    const [from, to] = [(i * share).toFixed(1), ((i + 1) * share - gap).toFixed(1)];
    return `${colour} ${from}deg ${to}deg, var(--marker) ${to}deg ${((i + 1) * share).toFixed(1)}deg`;
  });
  return `conic-gradient(${arcs.join(', ')})`;
}

function soonest(phases: readonly Phase[], countdown: (phase: Phase) => number | null): number | null {
  const left = phases.map(countdown).filter((ms): ms is number => ms !== null);
  return left.length > 0 ? Math.min(...left) : null;
}
