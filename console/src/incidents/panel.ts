import { Marker, type Map as MapLibreMap } from 'maplibre-gl';
import { stampOf } from '../history/bar';
import { onLanguage, t, tName, type Key } from '../i18n';
import { attribute, byId, h, Keyed, text } from '../ui/dom';
import { percent } from '../ui/format';
import { icon } from '../ui/icons';
import { incidentDetail, listIncidents, recordOf, sortIncidents, writeNote, type Detail, type Incident, type Shown } from './api';

const EVERY_MS = 3_000;
/** Play back begins this long before the first warning. */
const BEFORE_MS = 30_000;

/** What the panel asks of the page. */
export interface Stage {
  flyTo(at: [number, number]): void;
  playFrom(ms: number): void;
  siteName(id: string): string;
}

/** The list of incidents, and one of them with its record. */
export class IncidentPanel {
  private readonly list = h('ul', { class: 'rows' });
  private readonly empty = h('p', { class: 'note' });
  private readonly count = h('span', { class: 'summary' });
  private readonly title = h('h2');
  private readonly back = h('button', { type: 'button', class: 'ghost', onclick: () => this.open(null) }, icon('back'));
  private readonly detail = h('div', { class: 'scroll incident', hidden: true });
  private readonly facts = h('dl', { class: 'facts' });
  private readonly record = h('ol', { class: 'record' });
  private readonly words = h('textarea', { rows: 2, maxlength: 1000 });
  private readonly failure = h('p', { class: 'note failure', role: 'alert' });
  private readonly buttons = h('p', { class: 'links' });
  private readonly rows: Keyed<Incident>;
  private readonly markers = new Map<number, Marker>();
  private incidents: Incident[] = [];
  private chosen: Detail | null = null;

  constructor(
    private readonly map: MapLibreMap,
    private readonly stage: Stage,
  ) {
    this.rows = new Keyed(this.list, (i) => String(i.number), (i) => this.row(i));
    const listed = h('div', { class: 'scroll' }, this.list, this.empty);
    this.detail.append(this.facts, this.buttons, this.record, h('form', {}, this.words, this.actions(), this.failure));
    byId('incidents').append(h('header', {}, this.back, this.title, this.count), listed, this.detail);
    onLanguage(() => {
      attribute(this.back, 'aria-label', t('allIncidents'));
      attribute(this.words, 'placeholder', t('noteHint'));
      attribute(this.words, 'aria-label', t('note'));
      text(this.empty, t('noIncidents'));
      this.draw();
    });
    void this.ask();
    setInterval(() => void this.ask(), EVERY_MS);
  }

  private actions(): HTMLElement {
    const make = (key: Key, close: boolean): HTMLElement => {
      const button = h('button', { type: 'button', class: 'link', 'data-action': close ? 'close' : 'note', onclick: () => void this.write(close) });
      onLanguage(() => text(button, t(key)));
      return button;
    };
    const play = h('button', { type: 'button', class: 'link', 'data-action': 'play', onclick: () => this.play() }, icon('play'), h('span'));
    onLanguage(() => text(play.lastElementChild as Element, t('playBack')));
    this.buttons.append(play);
    return h('p', { class: 'links' }, make('addNote', false), make('closeIncident', true));
  }

  private row(incident: Incident): { element: HTMLElement; refresh: (i: Incident) => void } {
    const [kind, state, when, where] = [h('strong'), h('span', { class: 'stage' }), h('span', { class: 'since' }), h('span', { class: 'place' })];
    const button = h(
      'button',
      { type: 'button', class: 'row warning', 'data-kind': 'road_condition', onclick: () => void this.open(incident.number) },
      h('span', { class: 'mark' }, icon('road_condition')),
      h('span', { class: 'head' }, kind, state, when),
      h('span', { class: 'foot' }, where),
    );
    return {
      element: h('li', {}, button),
      refresh: (i) => {
        text(kind, `${tName(`incident_${i.kind}`)} #${i.number}`);
        text(state, t(i.closed_ms === null ? 'incidentOpen' : 'incidentClosed'));
        text(when, stampOf(i.opened_ms).slice(11));
        text(where, i.sites.map((s) => this.stage.siteName(s)).join(' · '));
        attribute(button, 'data-state', i.closed_ms === null ? 'fresh' : 'stale');
      },
    };
  }

  private async ask(): Promise<void> {
    try {
      this.incidents = sortIncidents(await listIncidents());
      if (this.chosen) this.chosen = await incidentDetail(this.chosen.number);
    } catch {
      return;
    }
    this.draw();
  }

  private async open(number: number | null): Promise<void> {
    text(this.failure, '');
    this.words.value = '';
    try {
      this.chosen = number === null ? null : await incidentDetail(number);
    } catch (error) {
      console.warn(error instanceof Error ? error.message : error);
    }
    this.draw();
    if (this.chosen) this.stage.flyTo([this.chosen.lon_deg, this.chosen.lat_deg]);
  }

  private play(): void {
    if (this.chosen) this.stage.playFrom(this.chosen.opened_ms - BEFORE_MS);
  }

  private async write(close: boolean): Promise<void> {
    const note = this.words.value.trim();
    if (!this.chosen || !note) {
      text(this.failure, t('noteMissing'));
      return;
    }
    try {
      this.chosen = await writeNote(this.chosen.number, note, close);
      this.words.value = '';
      text(this.failure, '');
    } catch (error) {
      text(this.failure, error instanceof Error ? error.message : String(error));
    }
    this.draw();
  }

  private draw(): void {
    const open = this.incidents.filter((i) => i.closed_ms === null);
    const { chosen } = this;
    byId('incidents').dataset.open = String(open.length);
    text(this.title, chosen ? `${tName(`incident_${chosen.kind}`)} #${chosen.number}` : t('incidents'));
    text(this.count, chosen ? '' : t('incidentsOpen', { n: open.length }));
    this.back.hidden = chosen === null;
    this.detail.hidden = chosen === null;
    (this.list.parentElement as HTMLElement).hidden = chosen !== null;
    this.empty.hidden = this.incidents.length > 0;
    this.rows.show(this.incidents);
    if (chosen) this.drawDetail(chosen);
    this.mark(open);
  }

  private drawDetail(d: Detail): void {
    const state = d.closed_ms === null ? t('incidentOpen') : d.closed_by === null ? t('closedByEvidence') : t('closedBy', { who: d.closed_by });
    const rows: [Key, string][] = [
      ['state', state],
      ['level', tName(d.level)],
      ['opened', stampOf(d.opened_ms)],
      ['lastEvidence', stampOf(d.last_evidence_ms)],
      ['confidence', percent(d.confidence)],
      ['seenBy', d.sites.map((s) => this.stage.siteName(s)).join(' · ')],
      ['position', `${d.lat_deg.toFixed(5)}, ${d.lon_deg.toFixed(5)}`],
    ];
    this.facts.replaceChildren(...rows.map(([key, value]) => h('div', {}, h('dt', {}, t(key)), h('dd', {}, value))));
    this.record.replaceChildren(...recordOf(d).map((shown) => this.line(shown)));
    const close = this.detail.querySelector<HTMLButtonElement>('[data-action=close]');
    if (close) close.hidden = d.closed_ms !== null;
  }

  private line(shown: Shown): HTMLElement {
    const time = h('time', {}, stampOf(shown.at_ms).slice(11));
    if ('note' in shown) return h('li', { 'data-note': true }, time, h('b', {}, shown.note.who), h('span', {}, shown.note.text));
    const { line } = shown;
    const what = tName(`incidentEvent_${line.event}`);
    const more = line.kind ? tName(`incident_${line.kind}`) : line.site ? this.stage.siteName(line.site) : '';
    return h('li', {}, time, h('span', {}, more ? `${what} · ${more}` : what), line.warning ? h('code', {}, line.warning.slice(-6)) : null);
  }

  /** A mark on the map for each open incident. */
  private mark(open: readonly Incident[]): void {
    const keep = new Set(open.map((i) => i.number));
    for (const [number, marker] of this.markers) {
      if (keep.has(number)) continue;
      marker.remove();
      this.markers.delete(number);
    }
    for (const i of open) {
      let marker = this.markers.get(i.number);
      if (!marker) {
        const element = h('button', { type: 'button', class: 'incident-marker', onclick: () => void this.open(i.number) }, icon('warnings'));
        marker = new Marker({ element }).setLngLat([i.lon_deg, i.lat_deg]).addTo(this.map);
        this.markers.set(i.number, marker);
      }
      attribute(marker.getElement(), 'aria-label', `${tName(`incident_${i.kind}`)} #${i.number}`);
    }
  }
}
