import { onLanguage, t, type Key } from '../i18n';
import { GROUPS, type Group } from '../map/layers';
import { attribute, byId, h, text } from './dom';

const STORED = 'jxz.layers.off';
const NAMES: Record<Group, Key> = {
  tracks: 'layerTracks',
  warnings: 'layerWarnings',
  predicted: 'layerPredicted',
  signals: 'layerSignals',
  fov: 'layerFov',
  base: 'layerBase',
  lanes: 'layerLanes',
  sites: 'layerSites',
  bus: 'layerBus',
  traffic: 'layerTraffic',
  truth: 'layerTruth',
};
/** Off until asked for: they cover what is under them. */
const OFF_AT_FIRST: readonly Group[] = ['fov', 'base', 'bus', 'traffic'];
/** Off each time the page opens, and there only while the cloud offers it: no deployment has it. */
const OFFERED: Group = 'truth';

const LEGEND: [string, Key][] = [
  ['motor', 'motor'],
  ['non-motor', 'non_motor'],
  ['pedestrian', 'pedestrian'],
  ['connected', 'connected'],
  ['stale', 'staleMark'],
  ['truth', 'truthMark'],
];

const SHAPES: Record<string, string> = {
  motor: '<path class="f" d="M8 1 12 6v9H4V6z"/>',
  'non-motor': '<path class="f" d="M8 1 12.5 15 8 12 3.5 15z"/>',
  pedestrian: '<circle class="f" cx="8" cy="9" r="5"/><circle class="f" cx="8" cy="3.2" r="1.8"/>',
  connected: '<path class="f" d="M8 1 12 6v9H4V6z"/><circle class="core" cx="8" cy="11" r="2"/>',
  stale: '<path class="f" d="M8 1 12 6v9H4V6z"/>',
  truth: '<circle class="ring" cx="8" cy="8" r="6.5"/>',
};

/** Switches of the map's layers, remembered, and the legend of road users. */
export class LayersPanel {
  private readonly off: Set<Group>;
  /** The switch and the legend of what is not always there. */
  private readonly offered: HTMLElement[] = [];

  constructor(private readonly apply: (group: Group, visible: boolean) => void) {
    this.off = readOff();
    const [title, legendTitle] = [h('h2'), h('h3')];
    const list = h('div', { class: 'switches' });
    for (const group of GROUPS) {
      const row = this.toggle(group);
      if (group === OFFERED) this.offered.push(row);
      list.append(row);
    }
    const rows = LEGEND.map(([shape, key]) => legendRow(shape, key));
    this.offered.push(...rows.filter((_, i) => LEGEND[i]?.[0] === OFFERED));
    const legend = h('ul', { class: 'legend' }, ...rows);
    this.offerTruth(false);
    byId('layers').append(h('header', {}, title), list, legendTitle, legend);
    onLanguage(() => {
      text(title, t('layers'));
      text(legendTitle, t('legend'));
    });
    for (const group of GROUPS) apply(group, !this.off.has(group));
  }

  isOn(group: Group): boolean {
    return !this.off.has(group);
  }

  /** Shows or hides the truth's switch; one that was on and is no longer offered is as good as off. */
  offerTruth(offered: boolean): void {
    for (const element of this.offered) element.hidden = !offered;
  }

  private toggle(group: Group): HTMLElement {
    const name = h('span');
    const box = h('input', { type: 'checkbox', role: 'switch', 'data-layer': group });
    box.checked = !this.off.has(group);
    box.addEventListener('change', () => {
      if (box.checked) this.off.delete(group);
      else this.off.add(group);
      localStorage.setItem(STORED, JSON.stringify([...this.off].filter((g) => g !== OFFERED)));
      this.apply(group, box.checked);
    });
    onLanguage(() => text(name, t(NAMES[group])));
    return h('label', {}, box, name);
  }
}

function legendRow(shape: string, key: Key): HTMLElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  attribute(svg, 'viewBox', '0 0 16 16');
  attribute(svg, 'aria-hidden', 'true');
  attribute(svg, 'class', `shape ${shape}`);
  svg.innerHTML = SHAPES[shape] ?? '';
  const label = h('span');
  onLanguage(() => text(label, t(key)));
  return h('li', {}, svg, label);
}

function readOff(): Set<Group> {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORED) ?? 'null');
    if (Array.isArray(stored)) return new Set(GROUPS.filter((g) => g === OFFERED || stored.includes(g)));
  } catch {
    // What is stored is not ours; begin afresh.
  }
  return new Set([...OFF_AT_FIRST, OFFERED]);
}
