import { onLanguage, t, type Key } from '../i18n';
import { attribute, byId, h, text } from '../ui/dom';
import { span } from '../ui/format';
import { icon } from '../ui/icons';
import type { Frame } from '../wire/frame';
import { Player, SPEEDS, type Range, type Speed } from './player';
import { framesOf } from './stream';

const RANGE_EVERY_MS = 10_000;
const STEP_MS = 10_000;
const LONG_STEP_MS = 60_000;
/** The newest seconds are not written yet. */
const BACK_MS = 6_000;
const NOTE_MS = 5_000;

/** What the bar needs of the page. */
export interface Stage {
  /** Shows a frame of the past. */
  show(frame: Frame): void;
  /** The present is shown again, or no longer. */
  turned(past: boolean): void;
}

/** The bar at the bottom: play, pause, scrub, speed, back to the present. */
export class TimeBar {
  readonly player: Player;
  private readonly slider = h('input', { type: 'range', id: 'time', step: 1000 });
  private readonly playButton = h('button', { type: 'button', class: 'ghost', id: 'play' });
  private readonly liveButton = h('button', { type: 'button', id: 'live' });
  private readonly stamp = h('output', { for: 'time' });
  private readonly note = h('span', { class: 'note', role: 'status' });
  private readonly speeds = new Map<Speed, HTMLElement>();
  private wasPast = false;

  constructor(private readonly stage: Stage) {
    this.player = new Player(load, (frame) => stage.show(frame));
    const speeds = h('div', { class: 'switch', role: 'group' });
    for (const speed of SPEEDS) {
      const button = h('button', { type: 'button', 'data-speed': speed, onclick: () => this.setSpeed(speed) }, `${speed}×`);
      this.speeds.set(speed, button);
      speeds.append(button);
    }
    this.playButton.addEventListener('click', () => this.togglePlay());
    this.liveButton.addEventListener('click', () => this.goLive());
    this.slider.addEventListener('input', () => this.seek(Number(this.slider.value)));
    byId('timebar').append(this.playButton, this.slider, this.stamp, speeds, this.liveButton, this.note);
    onLanguage(() => {
      text(this.liveButton, t('live'));
      for (const [element, key] of [[this.slider, 'time'], [speeds, 'speedOfTime'], [this.liveButton, 'backToLive']] as [Element, Key][]) {
        attribute(element, 'aria-label', t(key));
        attribute(element, 'title', t(key));
      }
      this.refresh();
    });
    document.addEventListener('keydown', (event) => this.key(event));
    void this.askRange();
    setInterval(() => void this.askRange(), RANGE_EVERY_MS);
    const tick = (): void => {
      this.player.tick(performance.now());
      this.refresh();
    };
    setInterval(tick, 100);
  }

  /** Plays from a time on. */
  playFrom(ms: number): void {
    this.seek(ms);
    this.player.play(performance.now());
    this.refresh();
  }

  seek(ms: number): void {
    this.player.seek(ms, performance.now());
    this.refresh();
  }

  goLive(): void {
    this.player.goLive();
    this.refresh();
  }

  togglePlay(): void {
    const { player } = this;
    if (player.isLive) this.seek((player.range?.toMs ?? 0) - BACK_MS);
    else if (player.playing) player.pause();
    else player.play(performance.now());
    this.refresh();
  }

  private setSpeed(speed: Speed): void {
    this.player.setSpeed(speed);
    this.refresh();
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || byId('timebar').hidden) return;
    const target = event.target as HTMLElement;
    if (/^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName) || (event.key === ' ' && /^(BUTTON|SUMMARY)$/.test(target.tagName))) return;
    // The map pans by arrows when it has the focus.
    if (target.classList.contains('maplibregl-canvas') && event.key !== ' ') return;
    const step = event.shiftKey ? LONG_STEP_MS : STEP_MS;
    const at = this.player.positionMs ?? this.player.range?.toMs;
    if (event.key === ' ') this.togglePlay();
    else if (event.key === 'ArrowLeft' && at !== undefined) this.seek(at - step);
    else if (event.key === 'ArrowRight' && this.player.positionMs !== null) this.seek(this.player.positionMs + step);
    else return;
    event.preventDefault();
  }

  private async askRange(): Promise<void> {
    try {
      const answer = await fetch('./api/v1/history/range');
      this.player.range = answer.ok ? readRange(await answer.json()) : null;
    } catch {
      // What was known still holds; the banner says that the cloud is away.
    }
    byId('timebar').hidden = this.player.range === null;
    this.drawGaps();
    this.refresh();
  }

  private drawGaps(): void {
    const range = this.player.range;
    if (!range) return;
    const share = (ms: number): string => `${((100 * (ms - range.fromMs)) / Math.max(1, range.toMs - range.fromMs)).toFixed(2)}%`;
    const stops = range.gaps.flatMap((g) => [`transparent ${share(g.fromMs)}`, `var(--lost) ${share(g.fromMs)}`, `var(--lost) ${share(g.toMs)}`, `transparent ${share(g.toMs)}`]);
    this.slider.style.setProperty('--gaps', stops.length > 0 ? `linear-gradient(to right, ${stops.join(', ')})` : 'none');
  }

  private refresh(): void {
    const { player, slider } = this;
    const past = !player.isLive;
    if (past !== this.wasPast) {
      this.wasPast = past;
      document.body.dataset.time = past ? 'past' : 'live';
      this.stage.turned(past);
    }
    const { range } = player;
    if (range) {
      slider.min = String(range.fromMs);
      slider.max = String(range.toMs);
      slider.value = String(player.positionMs ?? range.toMs);
    }
    const playing = past ? player.playing : true;
    const key = playing ? 'pause' : 'play';
    if (this.playButton.dataset.state !== key) {
      this.playButton.dataset.state = key;
      this.playButton.replaceChildren(icon(key));
    }
    attribute(this.playButton, 'aria-label', t(key));
    attribute(this.playButton, 'title', t(key));
    attribute(this.liveButton, 'aria-pressed', String(!past));
    for (const [speed, button] of this.speeds) attribute(button, 'aria-pressed', String(speed === player.speed));
    text(this.stamp, past ? stampOf(player.positionMs as number) : '');
    attribute(slider, 'aria-valuetext', past ? stampOf(player.positionMs as number) : t('live'));
    text(this.note, this.words());
  }

  private words(): string {
    const { player } = this;
    if (player.positionMs === null) return '';
    if (player.failed) return t('pastFailed');
    const { skipped } = player;
    if (skipped && performance.now() - skipped.at < NOTE_MS) return t('pastSkipped', { t: span(skipped.ms) });
    return t('past', { t: span(Math.max(0, (player.range?.toMs ?? 0) - player.positionMs)) });
  }
}

/** Date and time of day at the island. */
export const stampOf = (ms: number): string => new Date(ms + 8 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ');

/** The answer of `history/range`; null when there is no history yet. */
export function readRange(value: unknown): Range | null {
  const r = value as { from_ms?: unknown; to_ms?: unknown; gaps?: unknown; damaged?: unknown };
  if (typeof r?.from_ms !== 'number' || typeof r.to_ms !== 'number') return null;
  const gaps = Array.isArray(r.gaps) ? (r.gaps as { from_ms: number; to_ms: number }[]) : [];
  return {
    fromMs: r.from_ms,
    toMs: r.to_ms,
    gaps: gaps.map((g) => ({ fromMs: Number(g.from_ms), toMs: Number(g.to_ms) })),
    damaged: Number(r.damaged ?? 0),
  };
}

export async function* load(query: { fromMs: number; toMs: number; everyMs: number }, signal: AbortSignal): AsyncGenerator<Frame[]> {
  const words = `from_ms=${Math.floor(query.fromMs)}&to_ms=${Math.floor(query.toMs)}&every_ms=${query.everyMs}`;
  const answer = await fetch(`./api/v1/history/frames?${words}`, { signal });
  if (!answer.ok || !answer.body) throw new Error(`history: status ${answer.status}`);
  yield* framesOf(answer.body);
}
