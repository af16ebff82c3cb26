import { t, tName, type Key } from '../i18n';
import { h } from '../ui/dom';
import { UNKNOWN } from '../ui/format';

export const heading = (key: Key, unit = ''): HTMLElement => h('h3', {}, t(key), unit ? h('small', {}, ` ${unit}`) : null);
export const note = (key: Key): HTMLElement => h('p', { class: 'note' }, t(key));

export function badge(state: string, words: string): HTMLElement {
  return h('p', { class: 'badge', 'data-state': state }, h('i', { class: 'dot' }), words);
}

export function facts(rows: [Key, string][]): HTMLElement {
  return h('dl', { class: 'facts' }, ...rows.map(([key, value]) => h('div', {}, h('dt', {}, t(key)), h('dd', {}, value))));
}

export function table(head: string[], rows: HTMLElement[]): HTMLElement {
  const cells = head.map((name) => h('th', { scope: 'col' }, name ? tName(name) : ''));
  return h('table', { class: 'figures' }, h('thead', {}, h('tr', {}, ...cells)), h('tbody', {}, ...rows));
}

/** Date and time of day in China; `–` when not known. */
export function day(utcMs: number | null | undefined): string {
  if (utcMs === null || utcMs === undefined) return UNKNOWN;
  return new Date(utcMs + 8 * 3_600_000).toISOString().slice(0, 16).replace('T', ' ');
}

/** A button that acts only when it is pressed again within some seconds: what it does is not undone by another press. */
export class SureButton {
  readonly element: HTMLButtonElement;
  private armed = 0;

  constructor(
    private readonly label: Key,
    private readonly sure: Key,
    act: () => void,
  ) {
    this.element = h('button', { type: 'button', class: 'act danger', onclick: () => this.press(act) });
    this.show();
  }

  show(): void {
    const armed = this.armed > 0;
    this.element.textContent = t(armed ? this.sure : this.label);
    this.element.toggleAttribute('data-armed', armed);
  }

  private press(act: () => void): void {
    if (this.armed > 0) {
      clearTimeout(this.armed);
      this.armed = 0;
      act();
    } else {
      this.armed = window.setTimeout(() => {
        this.armed = 0;
        this.show();
      }, 4000);
    }
    this.show();
  }
}
