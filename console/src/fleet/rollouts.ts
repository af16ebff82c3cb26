import { onLanguage, t, tApplication, type Key } from '../i18n';
import { attribute, h, Keyed, text } from '../ui/dom';
import { span } from '../ui/format';
import { ask } from '../account/api';
import { type NodeRow, type RolloutRow } from './api';
import { changeWords, may, parseChange, progress, switchChange } from './model';
import { SureButton } from './parts';

const PHASE_STATE = { applying: 'late', soaking: 'late', done: 'fresh', rolling_back: 'lost', rolled_back: 'stale' } as const;
const STEP_STATE = { waiting: 'stale', sent: 'late', applied: 'fresh', absent: 'stale', restoring: 'late', restored: 'stale' } as const;
const CUSTOM = 'custom';

/** Roll-outs, and the form that begins one. */
export class RolloutsPage {
  readonly element = h('div', { class: 'rollouts scroll' });
  private readonly form: HTMLFormElement;
  private readonly what = h('select');
  private readonly way = h('select');
  private readonly custom = h('textarea', { rows: 3, spellcheck: 'false' });
  private readonly first = h('select');
  private readonly soak = h('input', { type: 'number', min: '1', max: '604800', value: '600', required: true });
  private readonly begin = h('button', { type: 'submit', class: 'act' });
  private readonly said = h('p', { class: 'refused', role: 'alert', hidden: true });
  private readonly none = h('p', { class: 'note' });
  private readonly list = h('ol', { class: 'list' });
  private readonly rows: Keyed<RolloutRow>;
  private right = 'viewer';
  private nowMs = 0;

  constructor(act: (work: () => Promise<unknown>) => void) {
    const label = (key: Key, field: HTMLElement): HTMLElement => {
      const words = h('span');
      onLanguage(() => text(words, t(key)));
      return h('label', {}, words, field);
    };
    const title = h('h3');
    this.form = h(
      'form',
      { onsubmit: (event: Event) => this.submit(event, act) },
      title,
      label('rolloutWhat', h('span', { class: 'pair' }, this.what, this.way)),
      this.custom,
      label('rolloutFirst', this.first),
      label('rolloutSoak', this.soak),
      this.said,
      this.begin,
    );
    this.what.addEventListener('change', () => this.showCustom());
    onLanguage(() => {
      text(title, t('rolloutNew'));
      text(this.begin, t('rolloutStart'));
      text(this.none, t('rolloutNone'));
      attribute(this.custom, 'aria-label', t('rolloutCustom'));
      this.way.replaceChildren(
        h('option', { value: 'off' }, t('rolloutTurnOff')),
        h('option', { value: 'on' }, t('rolloutTurnOn')),
      );
    });
    this.custom.value = '{ "hazard": { "icw": { "probability": { "raise": 0.65, "hold": 0.35 } } } }';
    this.rows = new Keyed(this.list, (row) => String(row.number), (row) => this.row(row.number, act));
    this.element.append(this.form, this.none, this.list);
    this.showCustom();
  }

  show(rollouts: RolloutRow[], nodes: NodeRow[], right: string, nowMs: number): void {
    this.right = right;
    this.nowMs = nowMs;
    this.form.hidden = !may(right, 'operator') || rollouts.some((row) => !row.over);
    this.none.hidden = rollouts.length > 0;
    options(this.what, [...(nodes[0]?.applications ?? []).map((a) => [a.name, tApplication(a.name)] as const), [CUSTOM, t('rolloutCustom')] as const]);
    options(this.first, nodes.filter((node) => node.connected).map((node) => [node.site, node.site] as const));
    this.showCustom();
    this.rows.show(rollouts);
  }

  private showCustom(): void {
    const custom = this.what.value === CUSTOM;
    this.custom.hidden = !custom;
    this.way.hidden = custom;
  }

  private submit(event: Event, act: (work: () => Promise<unknown>) => void): void {
    event.preventDefault();
    const custom = this.what.value === CUSTOM;
    const change = custom ? parseChange(this.custom.value) : switchChange(this.what.value, this.way.value === 'on');
    this.said.hidden = change !== null;
    text(this.said, change === null ? t('rolloutBadChange') : '');
    if (change === null) return;
    act(() => ask('POST', 'rollouts', { sites: 'all', canary: this.first.value || undefined, change, soak_s: Number(this.soak.value) }));
  }

  private row(number: number, act: (work: () => Promise<unknown>) => void): { element: HTMLElement; refresh: (row: RolloutRow) => void } {
    const name = h('strong');
    const by = h('span', { class: 'since' });
    const phase = h('span', { class: 'state' });
    const change = h('code');
    const bar = h('i');
    const why = h('p', { class: 'refused' });
    const sites = h('ul', { class: 'chips-flow' });
    const abort = new SureButton('rolloutAbort', 'rolloutAbortSure', () => act(() => ask('POST', `rollouts/${number}/abort`)));
    const meter = h('div', { class: 'life', role: 'progressbar', 'aria-valuemin': '0', 'aria-valuemax': '100' }, bar);
    const element = h('li', { class: 'rollout' }, h('p', { class: 'head' }, name, phase, by), change, meter, why, sites, h('p', { class: 'acts' }, abort.element));
    return {
      element,
      refresh: (row) => {
        text(name, t('rolloutNumber', { n: row.number }));
        text(by, t('rolloutBy', { who: row.who, t: span(Math.max(this.nowMs - row.at_ms, 0)) }));
        text(phase, t(`phase_${row.phase}`));
        attribute(element, 'data-state', PHASE_STATE[row.phase]);
        text(change, changeWords(row.change));
        const part = Math.round(progress(row) * 100);
        bar.style.width = `${part}%`;
        attribute(meter, 'aria-valuenow', String(part));
        attribute(meter, 'aria-label', t(`phase_${row.phase}`));
        why.hidden = row.why === null;
        text(why, row.why ?? '');
        sites.replaceChildren(
          ...row.sites.map((site) => {
            const words = `${site.site}${site.canary ? ` (${t('canary')})` : ''} · ${t(`step_${site.step}`)}`;
            return h('li', { 'data-state': STEP_STATE[site.step], title: site.note }, h('i', { class: 'dot' }), ` ${words}`);
          }),
        );
        abort.element.hidden = row.over || row.phase === 'rolling_back' || !may(this.right, 'operator');
        abort.show();
      },
    };
  }
}

/** Keeps a list of choices, and what is chosen, in step. */
function options(select: HTMLSelectElement, wanted: readonly (readonly [string, string])[]): void {
  const has = [...select.options].map((option) => `${option.value}\n${option.text}`).join('\n\n');
  if (has === wanted.map(([value, words]) => `${value}\n${words}`).join('\n\n')) return;
  const chosen = select.value;
  select.replaceChildren(...wanted.map(([value, words]) => h('option', { value }, words)));
  if (wanted.some(([value]) => value === chosen)) select.value = chosen;
}
