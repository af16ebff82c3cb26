import { Marker, type LngLat, type Map as MapLibreMap } from 'maplibre-gl';
import { ask, wordsOf, type WhoIAm } from '../account/api';
import { may } from '../fleet/model';
import { day, SureButton } from '../fleet/parts';
import { onLanguage, t, tName } from '../i18n';
import { attribute, byId, h, Keyed, text } from '../ui/dom';
import { icon } from '../ui/icons';
import { enterCondition, fieldTime, HAZARDS, listConditions, standingOf, takeBack, timeOf, type Condition } from './api';

const EVERY_MS = 3_000;
const USUAL_MS = 2 * 3_600_000;
/** How many that have ended are shown. */
const ENDED = 5;
const STATE = { has: 'fresh', pending: 'late', away: 'lost', refused: 'lost', over: 'stale' } as const;

/** A circle on the map. */
export interface Zone {
  lon: number;
  lat: number;
  radiusM: number;
  /** It is being entered. */
  draft: boolean;
}

/** What the panel asks of the page. */
export interface Stage {
  flyTo(at: [number, number]): void;
  siteName(id: string): string;
  showZones(zones: readonly Zone[]): void;
  open(): void;
}

/** Road conditions: what holds, and for operators the form that enters one at a place clicked on the map. */
export class ConditionsPanel {
  private readonly card = byId('conditions');
  private readonly title = h('h2');
  private readonly count = h('span', { class: 'summary' });
  private readonly list = h('ul', { class: 'rows' });
  private readonly empty = h('p', { class: 'note' });
  private readonly said = h('p', { class: 'refused', role: 'alert', hidden: true });
  private readonly form = h('form', { hidden: true });
  private readonly rows: Keyed<Condition>;
  private readonly markers = new Map<number, Marker>();
  private readonly draft = new Marker({ element: h('div', { class: 'condition-marker draft' }, icon('target')) });
  private readonly where = h('output', {});
  private readonly submit = h('button', { type: 'submit', class: 'act' });
  private place: LngLat | null = null;
  private conditions: Condition[] = [];
  private right = 'viewer';

  constructor(
    private readonly map: MapLibreMap,
    private readonly stage: Stage,
  ) {
    this.rows = new Keyed(this.list, (c) => `${c.number} ${c.ended_ms === null}`, (c) => this.row(c));
    this.card.append(h('header', {}, this.title, this.count), h('div', { class: 'scroll' }, this.said, this.form, this.list, this.empty));
    this.card.addEventListener('keydown', (event) => {
      // What is typed here is no key of the page; Escape closes.
      if (event.key !== 'Escape') event.stopPropagation();
    });
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.send();
    });
    this.form.addEventListener('input', () => this.drawZones());
    onLanguage(() => {
      text(this.title, t('conditions'));
      text(this.empty, t('noConditions'));
      this.makeForm();
      this.draw();
    });
    void this.look();
    setInterval(() => void this.look(), EVERY_MS);
  }

  /** The panel has been opened or closed. */
  async turned(open: boolean): Promise<void> {
    if (!open) {
      this.pick(null);
      return;
    }
    const until = this.form.elements.namedItem('until') as HTMLInputElement | null;
    if (until && this.place === null) until.value = fieldTime(Date.now() + USUAL_MS);
    try {
      const { caller } = await ask<WhoIAm>('GET', 'session');
      this.right = caller?.right ?? 'viewer';
    } catch {
      // As before.
    }
    this.draw();
  }

  /** Whether a click on the map is the place of a condition. */
  clickAt(at: LngLat): boolean {
    if (this.card.hidden || this.form.hidden) return false;
    this.pick(at);
    return true;
  }

  /** The present is shown, or the past, to which these do not belong. */
  drawZones(): void {
    const past = document.body.dataset.time === 'past';
    const held = past ? [] : this.conditions.filter((c) => c.ended_ms === null);
    const zones: Zone[] = held.map((c) => ({ lon: c.lon_deg, lat: c.lat_deg, radiusM: c.radius_m, draft: false }));
    const radiusM = Number(this.value('radius'));
    if (this.place && radiusM >= 0) zones.push({ lon: this.place.lng, lat: this.place.lat, radiusM, draft: true });
    this.stage.showZones(zones);
    this.mark(held);
  }

  private pick(at: LngLat | null): void {
    this.place = at;
    if (at) this.draft.setLngLat(at).addTo(this.map);
    else this.draft.remove();
    text(this.where, at ? t('conditionPicked', { lat: at.lat.toFixed(5), lon: at.lng.toFixed(5) }) : t('conditionPick'));
    this.submit.disabled = at === null;
    this.drawZones();
  }

  private makeForm(): void {
    const before = Object.fromEntries([...new FormData(this.form)].map(([name, value]) => [name, String(value)]));
    const kinds = HAZARDS.map((name) => h('option', { value: name, selected: name === before.hazard }, tName(`hazard_${name}`)));
    const input = (name: string, attributes: Record<string, string | number>): HTMLInputElement => h('input', { name, ...attributes, ...(name in before ? { value: before[name] as string } : {}) });
    const field = (label: Parameters<typeof t>[0], element: HTMLElement): HTMLElement => h('label', {}, h('span', {}, t(label)), element);
    const hint = input('text', { maxlength: 200, autocomplete: 'off', placeholder: t('conditionTextHint') });
    this.form.replaceChildren(
      h('h3', {}, t('conditionNew')),
      field('hazard', h('select', { name: 'hazard' }, ...kinds)),
      field('conditionPlace', this.where),
      field('conditionRadius', input('radius', { type: 'number', min: 0, max: 1000, value: 30, required: '' })),
      field('conditionSafe', input('safe', { type: 'number', min: 0, max: 120, value: 30, required: '' })),
      field('conditionUntil', input('until', { type: 'datetime-local', value: fieldTime(Date.now() + USUAL_MS), required: '' })),
      field('conditionText', hint),
      this.submit,
    );
    text(this.submit, t('conditionEnter'));
    this.pick(this.place);
  }

  private value(name: string): string {
    return (this.form.elements.namedItem(name) as HTMLInputElement | null)?.value ?? '';
  }

  private async send(): Promise<void> {
    const until = timeOf(this.value('until'));
    if (!this.place || until === null) return;
    this.submit.disabled = true;
    const { lng, lat } = this.place;
    const numbers = { radius_m: Number(this.value('radius')), safe_kmh: Number(this.value('safe')) };
    await this.act(async () => {
      await enterCondition({ hazard: this.value('hazard'), lat_deg: lat, lon_deg: lng, ...numbers, until_ms: until, text: this.value('text') });
      this.form.reset();
      this.pick(null);
    });
    this.submit.disabled = this.place === null;
  }

  private async act(work: () => Promise<unknown>): Promise<void> {
    let words: string | null = null;
    try {
      await work();
    } catch (error) {
      words = wordsOf(error);
    }
    this.said.hidden = words === null;
    text(this.said, words ?? '');
    await this.look();
  }

  private async look(): Promise<void> {
    try {
      this.conditions = await listConditions();
    } catch {
      // What was known stays; the banner says that the cloud is away.
      return;
    }
    this.draw();
  }

  private draw(): void {
    const held = this.conditions.filter((c) => c.ended_ms === null);
    const ended = this.conditions.filter((c) => c.ended_ms !== null).slice(0, ENDED);
    this.card.dataset.held = String(held.length);
    text(this.count, t('conditionsHold', { n: held.length }));
    this.form.hidden = !may(this.right, 'operator');
    this.empty.hidden = this.conditions.length > 0;
    this.rows.show([...held, ...ended]);
    this.drawZones();
  }

  private row(first: Condition): { element: HTMLElement; refresh: (c: Condition) => void } {
    const [what, until, words, sites] = [h('strong'), h('span', { class: 'since' }), h('p', { class: 'words' }), h('ul', { class: 'chips-flow' })];
    const fly = (): void => this.stage.flyTo([first.lon_deg, first.lat_deg]);
    const head = h('button', { type: 'button', class: 'row condition', onclick: fly }, h('i', { class: 'dot' }), what, until);
    const back = new SureButton('conditionTakeBack', 'conditionTakeBackSure', () => void this.act(() => takeBack(first.number)));
    const element = h('li', {}, head, words, sites, first.ended_ms === null ? back.element : null);
    return {
      element,
      refresh: (c) => {
        const state = STATE[standingOf(c)];
        attribute(element, 'data-state', state);
        text(what, `${tName(`hazard_${c.hazard}`)} #${c.number}`);
        text(until, timeWords(c));
        text(words, c.text);
        words.hidden = c.text === '';
        back.show();
        back.element.hidden = !may(this.right, 'operator');
        const chips = c.sites.map((at) => h('li', { 'data-state': STATE[at.state] }, h('i', { class: 'dot' }), ` ${this.stage.siteName(at.site)}: ${t(`condition_${at.state}`)}`));
        if (sites.dataset.shown !== chips.map((chip) => chip.textContent).join()) sites.replaceChildren(...chips);
        sites.dataset.shown = chips.map((chip) => chip.textContent).join();
      },
    };
  }

  /** A mark on the map for each that holds. */
  private mark(held: readonly Condition[]): void {
    const keep = new Set(held.map((c) => c.number));
    for (const [number, marker] of this.markers) {
      if (keep.has(number)) continue;
      marker.remove();
      this.markers.delete(number);
    }
    for (const c of held) {
      let marker = this.markers.get(c.number);
      if (!marker) {
        const element = h('button', { type: 'button', class: 'condition-marker', onclick: () => this.stage.open() }, icon('road_condition'));
        marker = new Marker({ element }).setLngLat([c.lon_deg, c.lat_deg]).addTo(this.map);
        this.markers.set(c.number, marker);
      }
      attribute(marker.getElement(), 'aria-label', `${tName(`hazard_${c.hazard}`)} #${c.number}`);
    }
  }
}

function timeWords(c: Condition): string {
  if (c.ended_ms === null) return t('conditionHolds', { t: day(c.until_ms), who: c.who });
  if (c.ended_by === null) return t('conditionOver', { t: day(c.ended_ms) });
  return t('conditionTakenBack', { t: day(c.ended_ms), who: c.ended_by });
}
