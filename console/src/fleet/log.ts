import { ask, Refused, wordsOf } from '../account/api';
import { stampOf } from '../history/bar';
import { t } from '../i18n';
import { h, text } from '../ui/dom';
import type { LogPart } from './api';

const EVERY_MS = 1_000;
/** Lines on the page; the oldest go first. */
const MOST_LINES = 500;
/** Who has scrolled further up than this reads, and is left alone. */
const AT_END_PX = 24;

/** What the next look is to ask for. */
export interface Place {
  boot: number;
  after: number;
}

/** Where a part of a log ends; where it was, if it has no lines. */
export function placeAfter(part: LogPart, before: Place | null): Place | null {
  const last = part.lines.at(-1)?.number;
  if (last !== undefined) return { boot: part.boot, after: last };
  return before?.boot === part.boot ? before : null;
}

/** The path that asks for what comes after a place. */
export const logPath = (site: string, place: Place | null): string =>
  `nodes/${encodeURIComponent(site)}/log${place ? `?boot=${place.boot}&after=${place.after}` : ''}`;

/** A node's last log lines, asked for only while somebody looks: it ends when its node, its window or the page is left. */
export class LogView {
  private readonly button = h('button', { type: 'button', class: 'act', 'data-action': 'log', onclick: () => this.toggle() });
  private readonly said = h('p', { class: 'refused', role: 'alert', hidden: true });
  private readonly list = h('ol', { class: 'log', tabindex: 0, hidden: true });
  private site = '';
  private place: Place | null = null;
  private timer = 0;
  private asking = false;

  /** Its elements on the page of a node. */
  show(site: string): HTMLElement[] {
    if (site !== this.site) {
      this.stop();
      this.site = site;
      this.place = null;
      this.list.replaceChildren();
      this.list.hidden = true;
      this.say(null);
    }
    this.list.setAttribute('aria-label', t('nodeLog'));
    this.label();
    return [h('p', { class: 'acts' }, this.button), this.said, this.list];
  }

  get follows(): boolean {
    return this.timer !== 0;
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = 0;
    this.label();
  }

  private toggle(): void {
    if (this.follows) {
      this.stop();
      return;
    }
    this.timer = window.setInterval(() => void this.look(), EVERY_MS);
    this.list.hidden = false;
    this.label();
    void this.look();
  }

  private label(): void {
    text(this.button, t(this.follows ? 'logStop' : 'logFollow'));
    this.button.setAttribute('aria-pressed', String(this.follows));
  }

  private async look(): Promise<void> {
    // Not in view: another node, another tab, or the window is closed.
    if (this.button.offsetParent === null) {
      this.stop();
      return;
    }
    if (this.asking || document.hidden) return;
    this.asking = true;
    const { site, place } = this;
    try {
      const part = await ask<LogPart>('GET', logPath(site, place));
      if (site === this.site && this.follows) this.take(part);
      this.say(null);
    } catch (error) {
      if (site === this.site) this.say(wordsOf(error));
      // Whoever may not look is not asked again; what is away may come back.
      if (error instanceof Refused && error.status === 403) this.stop();
    } finally {
      this.asking = false;
    }
  }

  private take(part: LogPart): void {
    const { list } = this;
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < AT_END_PX;
    const anew = this.place !== null && this.place.boot !== part.boot;
    if (anew) list.append(h('li', { class: 'between' }, t('logAnew')));
    if (part.lost > 0) list.append(h('li', { class: 'between' }, t('logLost', { n: part.lost })));
    // Words of a node: text, and nothing else.
    for (const line of part.lines) {
      const time = h('time', {}, stampOf(line.at_ms).slice(11));
      list.append(h('li', { 'data-level': line.level }, time, h('b', {}, line.level), h('i', {}, line.target), h('span', {}, line.text)));
    }
    while (list.childElementCount > MOST_LINES) list.firstElementChild?.remove();
    this.place = placeAfter(part, this.place);
    if (atEnd) list.scrollTop = list.scrollHeight;
  }

  private say(words: string | null): void {
    this.said.hidden = words === null;
    text(this.said, words ?? '');
  }
}
