import type { Frame } from '../wire/frame';

/** What the cloud can play back. Times are the cloud's, milliseconds since the Unix epoch. */
export interface Range {
  fromMs: number;
  toMs: number;
  gaps: { fromMs: number; toMs: number }[];
  damaged: number;
}

export const SPEEDS = [1, 4, 16] as const;
export type Speed = (typeof SPEEDS)[number];

/** How far apart frames are asked for at a speed: about ten a second are shown. 0: all there are. */
const EVERY_MS: Record<Speed, number> = { 1: 0, 4: 400, 16: 1600 };
/** What is asked for at once, and how much must lie ahead before the next is: seconds of playing. */
const CHUNK_S = 20;
const AHEAD_S = 8;
/** A gap's edges still have their frame. */
const EDGE_MS = 1_500;

/** Asks the cloud for frames; ends early when `signal` says so. */
export type Load = (query: { fromMs: number; toMs: number; everyMs: number }, signal: AbortSignal) => AsyncIterable<Frame[]>;

/** Plays the past: where it is, how fast it runs, which frame that is. Its clock is the caller's. */
export class Player {
  range: Range | null = null;
  playing = false;
  speed: Speed = 1;
  /** Null: the present. */
  positionMs: number | null = null;
  /** The last gap that was jumped over, and when (caller's clock). */
  skipped: { ms: number; at: number } | null = null;
  failed = false;
  private buffer: Frame[] = [];
  private loadedToMs = 0;
  private loading: AbortController | null = null;
  private tickedAt = 0;
  private shown: Frame | null = null;
  private retryAt = 0;

  constructor(
    private readonly load: Load,
    private readonly show: (frame: Frame) => void,
  ) {}

  get isLive(): boolean {
    return this.positionMs === null;
  }

  /** Goes to a time of the past. */
  seek(ms: number, now: number): void {
    if (!this.range) return;
    this.positionMs = Math.min(Math.max(ms, this.range.fromMs), this.range.toMs);
    this.restart();
    this.tickedAt = now;
    this.tick(now);
  }

  play(now: number): void {
    if (this.isLive) return;
    this.playing = true;
    this.tickedAt = now;
  }

  pause(): void {
    this.playing = false;
  }

  setSpeed(speed: Speed): void {
    if (speed === this.speed) return;
    this.speed = speed;
    this.restart();
  }

  /** Back to the present. */
  goLive(): void {
    this.positionMs = null;
    this.playing = false;
    this.skipped = null;
    this.restart();
  }

  /** Moves on to `now` and shows the frame of that time. */
  tick(now: number): void {
    const passed = Math.max(0, now - this.tickedAt);
    this.tickedAt = now;
    if (this.positionMs === null || !this.range) return;
    if (this.playing) this.advance(passed * this.speed, now);
    this.fill(now);
    const frame = this.frameAt(this.positionMs);
    if (frame && frame !== this.shown) {
      this.shown = frame;
      this.show(frame);
    }
  }

  private advance(ms: number, now: number): void {
    let next = (this.positionMs as number) + ms;
    // Never past what is loaded: what is not there yet must not look like nothing.
    if (this.loading || next > this.loadedToMs) next = Math.min(next, Math.max(this.loadedToMs, this.positionMs as number));
    const range = this.range as Range;
    const gap = range.gaps.find((g) => next > g.fromMs + EDGE_MS && next < g.toMs);
    if (gap) {
      this.skipped = { ms: gap.toMs - gap.fromMs, at: now };
      this.positionMs = gap.toMs;
      this.restart();
      return;
    }
    this.positionMs = Math.min(next, range.toMs);
  }

  private frameAt(ms: number): Frame | null {
    let [low, high] = [0, this.buffer.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.buffer[middle] as Frame).sentAtMs <= ms) low = middle + 1;
      else high = middle;
    }
    // Before the first: what comes next is nearer than nothing.
    const frame = this.buffer[low - 1] ?? this.buffer[0] ?? null;
    if (low > 50) this.buffer.splice(0, low - 1);
    return frame;
  }

  private restart(): void {
    this.loading?.abort();
    this.loading = null;
    this.buffer = [];
    this.shown = null;
    this.failed = false;
    this.retryAt = 0;
    // The frame that holds at the position is a little before it.
    this.loadedToMs = (this.positionMs ?? 0) - EVERY_MS[this.speed] - 1_000;
  }

  private fill(now: number): void {
    const range = this.range as Range;
    const position = this.positionMs as number;
    if (this.loading || now < this.retryAt || this.loadedToMs >= range.toMs) return;
    if (this.loadedToMs - position > AHEAD_S * 1000 * this.speed) return;
    const fromMs = Math.max(this.loadedToMs + 1, 0);
    const toMs = Math.min(fromMs + CHUNK_S * 1000 * this.speed, range.toMs);
    const control = new AbortController();
    this.loading = control;
    void this.fetch(fromMs, toMs, control, now);
  }

  private async fetch(fromMs: number, toMs: number, control: AbortController, now: number): Promise<void> {
    try {
      for await (const frames of this.load({ fromMs, toMs, everyMs: EVERY_MS[this.speed] }, control.signal)) {
        if (control.signal.aborted) return;
        this.buffer.push(...frames);
        const last = frames.at(-1);
        if (last) this.loadedToMs = Math.max(this.loadedToMs, last.sentAtMs);
      }
      if (control.signal.aborted) return;
      this.loadedToMs = Math.max(this.loadedToMs, toMs);
      this.failed = false;
    } catch {
      if (control.signal.aborted) return;
      this.failed = true;
      this.retryAt = now + 2_000;
    }
    if (this.loading === control) this.loading = null;
  }
}
