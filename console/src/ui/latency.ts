import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { onLanguage, t, tName } from '../i18n';
import type { HistoryPoint, Store } from '../state/store';
import type { StageLatency } from '../wire/frame';
import { attribute, byId, h, Keyed, text } from './dom';
import { millis, whole } from './format';

/** Stages in the order of the way from sensor to vehicle; others follow. */
const STAGES = ['ingest', 'fuse', 'predict', 'encode_sign', 'radio', 'sensing_to_vehicle'];
const REDRAW_MS = 1000;

type Quantile = 'p50Ms' | 'p99Ms';

/** Latency by stage: a chart over the last minutes and a table of now. */
export class LatencyPanel {
  private readonly place = h('div', { class: 'chart' });
  private readonly note = h('p', { class: 'note' });
  private readonly pastNote = h('p', { class: 'note', hidden: true });
  private readonly body = h('tbody');
  private readonly rows: Keyed<StageLatency>;
  private plot: uPlot | null = null;
  private quantile: Quantile = 'p99Ms';
  private drawnAt = 0;
  private width = 0;

  constructor(private readonly store: Store) {
    const [title, unit] = [h('h2'), h('span', { class: 'summary' })];
    const [stage, count] = [h('th', { scope: 'col' }), h('th', { scope: 'col' })];
    const buttons = (['p50Ms', 'p99Ms'] as const).map((q) => this.quantileButton(q));
    const head = h('tr', {}, stage, h('th', { scope: 'col' }, 'p50'), h('th', { scope: 'col' }, 'p99'), count);
    const table = h('table', { class: 'figures' }, h('thead', {}, head), this.body);
    byId('latency').append(
      h('header', {}, title, unit, h('div', { class: 'switch', role: 'group' }, ...buttons)),
      this.place,
      this.pastNote,
      table,
      this.note,
    );
    onLanguage(() => {
      text(title, t('latency'));
      text(unit, t('latencyMs'));
      text(stage, t('stage'));
      text(count, t('count'));
      text(this.note, t('noLatency'));
      text(this.pastNote, t('latencyPast'));
    });
    this.rows = new Keyed(this.body, (l) => l.stage, stageRow);
  }

  private quantileButton(q: Quantile): HTMLElement {
    const name = q === 'p50Ms' ? 'p50' : 'p99';
    const button = h('button', { type: 'button', 'aria-pressed': String(q === this.quantile), 'data-quantile': q }, name);
    button.addEventListener('click', () => {
      this.quantile = q;
      for (const other of button.parentElement?.children ?? []) attribute(other, 'aria-pressed', String(other === button));
      this.drawnAt = 0;
      this.refresh();
    });
    return button;
  }

  /** Draws again from nothing, for another theme. */
  restyle(): void {
    this.plot?.destroy();
    this.plot = null;
    this.drawnAt = 0;
  }

  refresh(): void {
    const now = order(this.store.latencies());
    this.rows.show(now);
    this.note.hidden = now.length > 0;
    this.pastNote.hidden = this.store.past?.() == null;
    const time = performance.now();
    if (time - this.drawnAt < REDRAW_MS || this.place.clientWidth === 0) return;
    this.drawnAt = time;
    this.draw();
  }

  private draw(): void {
    const stages = stagesOf(this.store.latencyHistory());
    const data = columns(this.store.latencyHistory(), stages, this.quantile);
    const width = this.place.clientWidth;
    if (this.plot && this.plot.series.length === stages.length + 1) {
      this.plot.setData(data);
      if (width !== this.width) this.plot.setSize({ width, height: this.place.clientHeight });
    } else if (stages.length > 0) {
      this.plot?.destroy();
      this.plot = new uPlot(options(stages, width, this.place.clientHeight), data, this.place);
    }
    this.width = width;
  }
}

function stageRow(first: StageLatency): { element: HTMLElement; refresh: (l: StageLatency) => void } {
  const [label, p50, p99, count] = [h('span'), h('td'), h('td'), h('td')];
  const swatch = h('i', { class: 'swatch' });
  swatch.style.background = `var(--stage-${colourIndex(first.stage)})`;
  return {
    element: h('tr', {}, h('th', { scope: 'row' }, swatch, label), p50, p99, count),
    refresh: (l) => {
      text(label, tName(l.stage));
      text(p50, millis(l.p50Ms));
      text(p99, millis(l.p99Ms));
      text(count, l.count > 0 ? whole(l.count) : '–');
    },
  };
}

const colourIndex = (stage: string): number => Math.max(0, STAGES.indexOf(stage));

function order(latencies: readonly StageLatency[]): StageLatency[] {
  const rank = (l: StageLatency): number => (STAGES.indexOf(l.stage) + 1 || STAGES.length + 1) - 1;
  return [...latencies].sort((a, b) => rank(a) - rank(b));
}

function stagesOf(history: readonly HistoryPoint[]): string[] {
  const seen = new Set(history.flatMap((p) => [...p.latencies.keys()]));
  return [...STAGES.filter((s) => seen.has(s)), ...[...seen].filter((s) => !STAGES.includes(s))];
}

/** The chart's columns: time, then each stage; gaps where nothing was measured. */
export function columns(history: readonly HistoryPoint[], stages: readonly string[], q: Quantile): uPlot.AlignedData {
  const value = (p: HistoryPoint, stage: string): number | null => {
    const ms = p.latencies.get(stage)?.[q] ?? null;
    return ms !== null && ms > 0 ? ms : null;
  };
  return [history.map((p) => p.atS), ...stages.map((s) => history.map((p) => value(p, s)))];
}

function options(stages: readonly string[], width: number, height: number): uPlot.Options {
  const css = getComputedStyle(document.documentElement);
  const colour = (name: string): string => css.getPropertyValue(name).trim();
  const axis = {
    stroke: colour('--text-dim'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '10px system-ui, sans-serif',
  };
  return {
    width,
    height,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 22, 0, 0],
    scales: { x: { time: true }, y: { distr: 3, log: 10, range: logRange } },
    axes: [
      { ...axis, size: 22, values: (_u, ticks) => ticks.map(timeOfDay), space: 80 },
      { ...axis, size: 38, values: (_u, ticks) => ticks.map((v) => (isDecade(v) ? String(v) : '')) },
    ],
    series: [
      {},
      ...stages.map((s) => ({
        stroke: colour(`--stage-${colourIndex(s)}`),
        width: s === 'sensing_to_vehicle' ? 2.2 : 1.4,
        points: { show: false },
        spanGaps: false,
      })),
    ],
  };
}

/** Whole decades round the data, so that the scale does not wander. */
function logRange(_u: uPlot, least: number | null, most: number | null): [number, number] {
  const low = 10 ** Math.floor(Math.log10(Math.max(least ?? 0.1, 1e-3)));
  return [low, Math.max(10 ** Math.ceil(Math.log10(Math.max(most ?? 100, 1e-3))), low * 10)];
}

const isDecade = (v: number | null): boolean => v !== null && Math.abs(Math.log10(v) - Math.round(Math.log10(v))) < 1e-6;
const timeOfDay = (s: number): string => new Date(s * 1000 + 8 * 3_600_000).toISOString().slice(11, 19);
