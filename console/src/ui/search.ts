import { onLanguage, pick, t, type Key } from '../i18n';
import type { Box, Place } from '../map/geo';
import type { Store } from '../state/store';
import { attribute, byId, h, text } from './dom';
import { icon } from './icons';
import type { Actions } from './state';

const MAX_HITS = 9;
const KINDS: Record<Place['kind'], Key> = { site: 'kindSite', road: 'kindRoad', junction: 'kindJunction', bus_stop: 'kindBusStop' };

/** Finds sites, roads, junctions and bus stops by name and shows them on the map. */
export class Search {
  readonly input = h('input', {
    type: 'search',
    role: 'combobox',
    'aria-expanded': 'false',
    'aria-controls': 'hits',
    'aria-autocomplete': 'list',
    autocomplete: 'off',
    spellcheck: 'false',
  });
  private readonly list = h('ul', { id: 'hits', role: 'listbox', hidden: true });
  private hits: Place[] = [];
  private at = 0;
  places: Place[] = [];

  constructor(
    private readonly store: Store,
    private readonly actions: Actions,
    private readonly showBox: (box: Box) => void,
  ) {
    byId('search').append(icon('search'), this.input, this.list);
    onLanguage(() => {
      this.input.placeholder = `${t('search')} · ${t('searchHint')}`;
      attribute(this.input, 'aria-label', t('search'));
      attribute(this.list, 'aria-label', t('search'));
    });
    this.input.addEventListener('input', () => this.find());
    this.input.addEventListener('focus', () => this.find());
    this.input.addEventListener('blur', () => setTimeout(() => this.close(), 150));
    this.input.addEventListener('keydown', (event) => this.key(event));
  }

  close(): void {
    this.list.hidden = true;
    attribute(this.input, 'aria-expanded', 'false');
    attribute(this.input, 'aria-activedescendant', null);
  }

  private find(): void {
    const wanted = this.input.value.trim();
    this.hits = wanted ? findPlaces([...this.sites(), ...this.places], wanted).slice(0, MAX_HITS) : [];
    this.at = 0;
    this.list.hidden = wanted === '';
    attribute(this.input, 'aria-expanded', String(wanted !== ''));
    this.show();
  }

  private sites(): Place[] {
    return (this.store.frame?.sites ?? []).map((s) => ({
      kind: 'site',
      id: s.id,
      name: pick(s.nameZh, s.nameEn),
      also: `${s.nameZh} ${s.nameEn}`,
      box: [s.lon, s.lat, s.lon, s.lat],
    }));
  }

  private show(): void {
    const rows = this.hits.map((hit, i) => {
      const row = h(
        'li',
        { id: `hit-${i}`, role: 'option', 'aria-selected': String(i === this.at) },
        h('span', {}, hit.name),
        h('small', {}, t(KINDS[hit.kind])),
      );
      row.addEventListener('pointerdown', (event) => {
        event.preventDefault();
        this.take(hit);
      });
      return row;
    });
    this.list.replaceChildren(...(rows.length > 0 ? rows : [h('li', { class: 'note' }, t('searchNone'))]));
    attribute(this.input, 'aria-activedescendant', rows.length > 0 ? `hit-${this.at}` : null);
  }

  private key(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && this.hits.length > 0) {
      event.preventDefault();
      this.at = (this.at + step + this.hits.length) % this.hits.length;
      this.show();
    }
    const hit = this.hits[this.at];
    if (event.key === 'Enter' && hit) this.take(hit);
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    this.input.value = '';
    this.close();
    this.input.blur();
  }

  private take(hit: Place): void {
    text(this.list, '');
    this.input.value = '';
    this.close();
    this.input.blur();
    if (hit.kind === 'site') this.actions.choose({ kind: 'site', id: hit.id }, true);
    else if (hit.kind === 'junction') this.actions.choose({ kind: 'junction', id: hit.id }, true);
    else this.showBox(hit.box);
  }
}

/** Places whose name or id holds the words; those that begin with them first. */
export function findPlaces(places: readonly Place[], wanted: string): Place[] {
  const needle = wanted.toLowerCase();
  const score = (p: Place): number => {
    const names = [p.name, p.id, p.also ?? ''].map((n) => n.toLowerCase());
    if (names.some((n) => n.startsWith(needle))) return 0;
    return names.some((n) => n.includes(needle)) ? 1 : 2;
  };
  return places
    .map((p) => ({ p, s: score(p) }))
    .filter((x) => x.s < 2)
    .sort((a, b) => a.s - b.s || a.p.name.localeCompare(b.p.name, 'zh'))
    .map((x) => x.p);
}
