import { onLanguage, pick, t, tKind, tName } from '../i18n';
import { WARNING_KINDS } from '../map/palette';
import { isCurrent, type Store } from '../state/store';
import type { Warning } from '../wire/frame';
import { attribute, byId, h, Keyed, text } from './dom';
import { percent, span } from './format';
import { icon } from './icons';
import type { Actions, Choice } from './state';

/** More rows than this are counted, not listed. */
const MAX_ROWS = 80;
/** Kinds that are read aloud when they are new, and how often at most. */
const SPOKEN = new Set(['collision', 'pedestrian']);
const SPOKEN_EVERY_MS = 5000;

/** The live list of warnings, the most urgent kinds first, the newest first among each. */
export class WarningList {
  private readonly list = h('ul', { class: 'rows' });
  private readonly note = h('p', { class: 'note' });
  private readonly chips = new Map<string, HTMLElement>();
  private readonly off = new Set<string>();
  private readonly rows: Keyed<Warning>;
  private readonly spoken = new Set<string>();
  private spokenAt = 0;
  private now = 0;
  private choice: Choice = null;

  constructor(
    private readonly store: Store,
    private readonly actions: Actions,
  ) {
    const title = h('h2');
    const bar = h('div', { class: 'chips', role: 'group' });
    for (const kind of WARNING_KINDS) bar.append(this.chip(kind));
    byId('warnings').append(h('header', {}, title), bar, h('div', { class: 'scroll' }, this.list, this.note));
    onLanguage(() => {
      text(title, t('warnings'));
      attribute(bar, 'aria-label', t('warnings'));
    });
    this.rows = new Keyed(this.list, (w) => w.id, (w) => this.row(w));
  }

  private chip(kind: string): HTMLElement {
    const [label, count] = [h('span'), h('b')];
    const chip = h('button', { type: 'button', class: 'chip', 'data-kind': kind, 'aria-pressed': 'true' }, icon(kind), label, count);
    chip.addEventListener('click', () => {
      if (!this.off.delete(kind)) this.off.add(kind);
      attribute(chip, 'aria-pressed', String(!this.off.has(kind)));
      this.refresh(this.choice);
    });
    onLanguage(() => {
      text(label, tKind(kind));
      attribute(chip, 'title', tKind(kind));
    });
    this.chips.set(kind, count);
    return chip;
  }

  private row(warning: Warning): { element: HTMLElement; refresh: (w: Warning) => void } {
    const kind = h('strong');
    const [stage, since] = [h('span', { class: 'stage' }), h('span', { class: 'since' })];
    const [reason, site] = [h('p', { class: 'reason' }), h('span', { class: 'place' })];
    const [bar, share] = [h('i'), h('span', { class: 'share' })];
    const confidence = h('span', { class: 'confidence' }, h('span', { class: 'meter' }, bar), share);
    const button = h(
      'button',
      { type: 'button', class: 'row warning', 'data-kind': warning.kind, onclick: () => this.actions.choose({ kind: 'warning', id: warning.id }, true) },
      h('span', { class: 'mark' }, icon(warning.kind)),
      h('span', { class: 'head' }, kind, stage, since),
      reason,
      h('span', { class: 'foot' }, site, confidence),
    );
    const refresh = (w: Warning): void => {
      text(kind, tKind(w.kind));
      text(stage, tName(w.stage));
      attribute(stage, 'data-stage', w.stage);
      text(since, span(this.now - w.sinceMs));
      text(reason, pick(w.reasonZh, w.reasonEn));
      text(site, this.siteName(w.site));
      text(share, percent(w.confidence));
      attribute(confidence, 'title', `${t('confidence')} ${percent(w.confidence)}`);
      bar.style.width = `${(w.confidence ?? 0) * 100}%`;
      attribute(button, 'data-state', w.freshness);
      attribute(button, 'aria-current', this.choice?.kind === 'warning' && this.choice.id === w.id ? 'true' : null);
    };
    return { element: h('li', {}, button), refresh };
  }

  private siteName(id: string): string {
    const site = this.store.frame?.sites.find((s) => s.id === id);
    return site ? pick(site.nameZh, site.nameEn) : id;
  }

  refresh(choice: Choice): void {
    this.choice = choice;
    this.now = this.store.cloudNowMs() ?? 0;
    const alive = sortWarnings(this.store.warnings());
    const shown = alive.filter((w) => !this.off.has(w.kind));
    this.rows.show(shown.slice(0, MAX_ROWS));
    const known = this.store.counters().warnings !== null;
    for (const [kind, count] of this.chips) {
      text(count, known ? String(alive.filter((w) => w.kind === kind && isCurrent(w.freshness)).length) : '–');
    }
    this.note.hidden = shown.length > 0 && shown.length <= MAX_ROWS;
    if (shown.length > MAX_ROWS) text(this.note, t('warningsHidden', { n: shown.length - MAX_ROWS }));
    else text(this.note, t(known ? 'noWarnings' : 'warningsUnknown'));
    this.speak(alive);
  }

  private speak(alive: readonly Warning[]): void {
    const fresh = alive.filter((w) => SPOKEN.has(w.kind) && isCurrent(w.freshness) && !this.spoken.has(w.id));
    for (const w of fresh) this.spoken.add(w.id);
    if (this.spoken.size > 2000) this.spoken.clear();
    const now = performance.now();
    const first = fresh[0];
    if (!first || now - this.spokenAt < SPOKEN_EVERY_MS) return;
    this.spokenAt = now;
    text(byId('announce'), t('announce', { kind: tKind(first.kind), reason: pick(first.reasonZh, first.reasonEn) }));
  }
}

/** Those that hold before those past their validity; the most urgent kinds first; the newest first among each; the id last, so that the order never flickers. */
export function sortWarnings(warnings: readonly Warning[]): Warning[] {
  const rank = (w: Warning): number => {
    const at = (WARNING_KINDS as readonly string[]).indexOf(w.kind);
    return at < 0 ? WARNING_KINDS.length : at;
  };
  const past = (w: Warning): number => (isCurrent(w.freshness) ? 0 : 1);
  return [...warnings].sort((a, b) => past(a) - past(b) || rank(a) - rank(b) || b.sinceMs - a.sinceMs || (a.id < b.id ? -1 : 1));
}
