import { onLanguage, t, toggleLanguage, type Key } from '../i18n';
import type { Store } from '../state/store';
import { attribute, byId, h, text } from './dom';
import { clock, UNKNOWN, whole } from './format';
import { icon } from './icons';

/** The bar at the top: state of the link, counters, clock, language and theme. */
export class Bar {
  private readonly link = byId('link');
  private readonly clock = byId('clock');
  private readonly values = new Map<string, HTMLElement>();
  private readonly themeButton = byId<HTMLButtonElement>('theme');

  constructor(
    private readonly store: Store,
    private readonly theme: () => 'dark' | 'light',
    switchTheme: () => void,
  ) {
    const counters = byId('counters');
    for (const key of ['online', 'roadUsers', 'motor', 'non_motor', 'pedestrian', 'warnings', 'dropped'] as const) {
      counters.append(this.counter(key));
    }
    const language = byId<HTMLButtonElement>('language');
    language.addEventListener('click', toggleLanguage);
    this.themeButton.addEventListener('click', () => {
      switchTheme();
      this.showTheme();
    });
    onLanguage(() => {
      text(language, t('languageShort'));
      attribute(language, 'aria-label', t('language'));
      attribute(language, 'title', `${t('language')} (L)`);
      this.showTheme();
    });
  }

  private counter(key: Key): HTMLElement {
    const label = h('dt');
    const value = h('dd', { id: `count-${key}` }, UNKNOWN);
    onLanguage(() => text(label, t(key)));
    this.values.set(key, value);
    return h('div', { 'data-counter': key }, label, value);
  }

  showTheme(): void {
    const dark = this.theme() === 'dark';
    const label = t(dark ? 'themeToLight' : 'themeToDark');
    this.themeButton.replaceChildren(icon(dark ? 'sun' : 'moon'));
    attribute(this.themeButton, 'aria-label', label);
    attribute(this.themeButton, 'title', label);
  }

  refresh(): void {
    const c = this.store.counters();
    const nodes = c.nodesTotal === null ? UNKNOWN : `${whole(c.nodesOnline)}/${whole(c.nodesTotal)}`;
    const set = (key: string, value: string): void => text(this.values.get(key) as HTMLElement, value);
    set('online', nodes);
    set('roadUsers', whole(c.roadUsers));
    const leftOut = this.store.leftOut();
    const note = leftOut > 0 ? t('leftOut', { n: whole(leftOut) }) : null;
    attribute(byId('count-roadUsers'), 'title', note);
    attribute(byId('count-roadUsers'), 'data-left-out', note && '');
    set('motor', whole(c.byClass?.motor));
    set('non_motor', whole(c.byClass?.non_motor));
    set('pedestrian', whole(c.byClass?.pedestrian));
    set('warnings', whole(c.warnings));
    set('dropped', whole(c.dropped));
    const online = byId('count-online');
    attribute(online, 'data-state', c.nodesOnline === null ? 'unknown' : c.nodesOnline === c.nodesTotal ? 'fresh' : 'late');
    attribute(byId('count-warnings'), 'data-alive', c.warnings ? '' : null);
    const [state, key] = this.linkState();
    attribute(this.link, 'data-state', state);
    text(this.link.lastElementChild as Element, t(key));
    text(this.clock, clock(this.store.cloudNowMs()));
  }

  private linkState(): [string, Key] {
    if (this.store.past?.() != null) return ['late', 'linkPast'];
    if (this.store.link === 'waiting') return ['lost', 'linkWaiting'];
    if (this.store.link === 'connecting') return ['connecting', 'linkConnecting'];
    return this.store.freshness() === 'fresh' ? ['fresh', 'linkOpen'] : ['late', 'linkLate'];
  }
}
