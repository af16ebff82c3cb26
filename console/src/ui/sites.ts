import { onLanguage, pick, t, tName } from '../i18n';
import type { Store } from '../state/store';
import type { Site } from '../wire/frame';
import { attribute, byId, h, Keyed, text } from './dom';
import { whole } from './format';
import { icon } from './icons';
import type { Actions, Choice } from './state';

/** The list of roadside sites with their state, and what was dropped, by cause. */
export class SiteList {
  private readonly list = h('ul', { class: 'rows' });
  private readonly note = h('p', { class: 'note' });
  private readonly summary = h('span', { class: 'summary' });
  private readonly rows: Keyed<Site>;
  private readonly drops: Keyed<[string, number]>;
  private readonly dropNote = h('p', { class: 'note' });
  private choice: Choice = null;

  constructor(
    private readonly store: Store,
    private readonly actions: Actions,
  ) {
    const [title, dropTitle] = [h('h2'), h('summary')];
    const dropList = h('ul', { class: 'pairs' });
    const drops = h('details', { class: 'drops', open: innerHeight > 1000 }, dropTitle, dropList, this.dropNote);
    byId('sites').append(h('header', {}, title, this.summary), h('div', { class: 'scroll' }, this.list, this.note), drops);
    onLanguage(() => {
      text(title, t('sites'));
      text(dropTitle, t('dropsByCause'));
      text(this.note, t('noSites'));
    });
    this.rows = new Keyed(this.list, (s) => s.id, (s) => this.row(s));
    this.drops = new Keyed(dropList, ([cause]) => cause, pairRow);
  }

  private row(site: Site): { element: HTMLElement; refresh: (s: Site) => void } {
    const [name, state, tracks, warnings] = [h('span', { class: 'name' }), h('span', { class: 'state' }), h('span'), h('span')];
    const tracked = h('span', { class: 'num' }, tracks);
    const warned = h('span', { class: 'num warn' }, icon('warnings'), warnings);
    const onclick = (): void => this.actions.choose({ kind: 'site', id: site.id }, true);
    const button = h('button', { type: 'button', class: 'row site', onclick }, h('i', { class: 'dot' }), name, state, tracked, warned);
    const refresh = (s: Site): void => {
      text(name, pick(s.nameZh, s.nameEn));
      text(state, t(s.freshness));
      text(tracks, whole(s.tracks));
      text(warnings, whole(s.warnings));
      attribute(tracked, 'title', t('tracks'));
      attribute(warned, 'title', t('warnings'));
      attribute(warned, 'data-alive', s.warnings ? '' : null);
      attribute(button, 'data-state', s.freshness);
      attribute(button, 'aria-current', this.choice?.kind === 'site' && this.choice.id === s.id ? 'true' : null);
    };
    return { element: h('li', {}, button), refresh };
  }

  refresh(choice: Choice): void {
    this.choice = choice;
    const sites = this.store.sites();
    this.rows.show(sites);
    this.note.hidden = sites.length > 0;
    const counts = new Map<string, number>();
    for (const s of sites) counts.set(s.freshness, (counts.get(s.freshness) ?? 0) + 1);
    text(this.summary, [...counts].map(([state, n]) => `${tName(state)} ${n}`).join(' · '));
    const known = this.store.counters().dropped !== null;
    const drops = known ? [...(this.store.frame?.dropped ?? [])].sort((a, b) => b[1] - a[1]) : [];
    this.drops.show(drops);
    this.dropNote.hidden = drops.length > 0;
    text(this.dropNote, known ? t('noDrops') : '–');
  }
}

/** A row of a cause and how many. */
export function pairRow([cause]: [string, number]): { element: HTMLElement; refresh: (item: [string, number]) => void } {
  const [label, value] = [h('span'), h('b')];
  return {
    element: h('li', {}, label, value),
    refresh: ([, n]) => {
      text(label, tName(cause));
      text(value, whole(n));
    },
  };
}
