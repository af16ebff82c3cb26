type Child = Node | string | null | undefined | false;

/** Makes an element. Properties that begin with `on` are listeners, others attributes; `true` is an empty attribute. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | number | boolean | ((event: Event) => void) | null> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== null && value !== false) element.setAttribute(name, String(value));
  }
  for (const child of children) if (child !== null && child !== undefined && child !== false) element.append(child);
  return element;
}

/** Sets text only where it differs, so that nothing is laid out or read aloud again for nothing. */
export function text(element: Element, value: string): void {
  if (element.textContent !== value) element.textContent = value;
}

export function attribute(element: Element, name: string, value: string | null): void {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

export function byId<T extends HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`no element #${id}`);
  return element as T;
}

/** Keeps the children of `parent` in step with `items`: made once a key, refreshed each time, removed when gone. */
export class Keyed<T> {
  private readonly made = new Map<string, { element: HTMLElement; refresh: (item: T) => void }>();

  constructor(
    private readonly parent: HTMLElement,
    private readonly key: (item: T) => string,
    private readonly make: (item: T) => { element: HTMLElement; refresh: (item: T) => void },
  ) {}

  show(items: readonly T[]): void {
    const keep = new Set(items.map(this.key));
    for (const [key, { element }] of this.made) {
      if (keep.has(key)) continue;
      element.remove();
      this.made.delete(key);
    }
    let previous: Element | null = null;
    for (const item of items) {
      const key = this.key(item);
      let entry = this.made.get(key);
      if (!entry) {
        entry = this.make(item);
        this.made.set(key, entry);
      }
      entry.refresh(item);
      const place: ChildNode | null = previous ? previous.nextSibling : this.parent.firstChild;
      if (entry.element !== place) this.parent.insertBefore(entry.element, place);
      previous = entry.element;
    }
  }
}
