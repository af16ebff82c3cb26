import type { Freshness, Frame, Junction, Phase, RoadUserClass, Site, StageLatency, Truth, Warning } from '../wire/frame';
import { CLASSES } from '../wire/frame';
import type { LinkState } from './link';

/** Age of the newest frame up to which what it says is fresh, late, stale; older than the last it is lost. */
export const FRAME_FRESH_MS = 1_500;
export const FRAME_LATE_MS = 4_000;
export const FRAME_STALE_MS = 15_000;

/** How far back the latency chart goes, and how far apart its points are. */
export const HISTORY_MS = 5 * 60_000;
const HISTORY_STEP_MS = 1_000;
/** Frames further apart than this do not belong to one stretch, seconds: played at sixteen times they are 1.6 s apart. */
const JUMP_S = 20;

const ORDER: readonly Freshness[] = ['fresh', 'late', 'stale', 'lost'];

/** What the age of the newest frame does to everything in it. */
export function frameFreshness(ageMs: number | null): Freshness {
  if (ageMs === null) return 'unknown';
  if (ageMs <= FRAME_FRESH_MS) return 'fresh';
  if (ageMs <= FRAME_LATE_MS) return 'late';
  return ageMs <= FRAME_STALE_MS ? 'stale' : 'lost';
}

/** Whether a thing of this freshness stands for the present. */
export const isCurrent = (f: Freshness): boolean => f === 'fresh' || f === 'late';

/** The worse of two; `unknown` is worst. */
export function worse(a: Freshness, b: Freshness): Freshness {
  if (a === 'unknown' || b === 'unknown') return 'unknown';
  return ORDER[Math.max(ORDER.indexOf(a), ORDER.indexOf(b))] ?? 'unknown';
}

/** Numbers for the top of the page; null where not known. */
export interface Counters {
  nodesOnline: number | null;
  nodesTotal: number | null;
  /** On the whole, in view or not. */
  roadUsers: number | null;
  byClass: Record<RoadUserClass, number> | null;
  warnings: number | null;
  dropped: number | null;
}

export interface HistoryPoint {
  /** Seconds since the Unix epoch, the cloud's clock. */
  atS: number;
  latencies: Map<string, StageLatency>;
}

/** What the console knows: the newest frame, when it came, and a short history. */
export class Store {
  frame: Frame | null = null;
  receivedAt: number | null = null;
  link: LinkState = 'connecting';
  retryAt: number | null = null;
  frames = 0;
  refused = 0;
  /** While the past is played back: its time, milliseconds since the Unix epoch. Ages then count from it. */
  past: (() => number | null) | null = null;
  readonly history: HistoryPoint[] = [];
  /** The same of what is played back. */
  readonly pastHistory: HistoryPoint[] = [];
  /** Told when playback has come to a time whose minutes before are not known. */
  jumped: ((ms: number) => void) | null = null;

  constructor(private readonly now: () => number = () => performance.now()) {}

  take(frame: Frame, atMs: number): void {
    this.frame = frame;
    this.receivedAt = atMs;
    this.frames += 1;
    this.remember(frame);
  }

  setLink(state: LinkState, retryInMs: number | null): void {
    this.link = state;
    this.retryAt = retryInMs === null ? null : this.now() + retryInMs;
  }

  /** Milliseconds since the newest frame came; null before the first. */
  ageMs(): number | null {
    const past = this.past?.() ?? null;
    if (past !== null) return this.frame === null ? null : Math.max(0, past - this.frame.sentAtMs);
    return this.receivedAt === null ? null : this.now() - this.receivedAt;
  }

  freshness(): Freshness {
    return frameFreshness(this.ageMs());
  }

  /** The cloud's UTC now, by its last frame; null before the first. */
  cloudNowMs(): number | null {
    return this.frame === null ? null : this.frame.sentAtMs + (this.ageMs() ?? 0);
  }

  /** Whether numbers of the newest frame may still be shown as numbers. */
  private get usable(): Frame | null {
    const freshness = this.freshness();
    return freshness === 'lost' || freshness === 'unknown' ? null : this.frame;
  }

  counters(): Counters {
    const frame = this.usable;
    // Who is online and what is warned of are claims about this moment: old data cannot make them.
    const current = isCurrent(this.freshness()) ? frame : null;
    const users = frame?.roadUsers ?? null;
    const counted = frame?.counted ?? null;
    const counts = counted ? [...counted.byClass] : [0, 0, 0];
    if (users && !counted) for (const c of users.class) counts[c] = (counts[c] ?? 0) + 1;
    return {
      nodesOnline: current ? current.sites.filter((s) => isCurrent(s.freshness)).length : null,
      nodesTotal: this.frame ? this.frame.sites.length : null,
      roadUsers: users ? counts.reduce((sum, n) => sum + n, 0) : null,
      byClass: users ? (Object.fromEntries(CLASSES.map((c, i) => [c, counts[i] ?? 0])) as Record<RoadUserClass, number>) : null,
      warnings: current ? this.currentWarnings().length : null,
      dropped: frame ? droppedHere(frame.dropped) : null,
    };
  }

  /** Road users in view that the newest frame has no room for. */
  leftOut(): number {
    return this.usable?.counted?.leftOut ?? 0;
  }

  /** Warnings that are not cancelled; those past their validity by the cloud's clock are stale, whatever was said. */
  warnings(): Warning[] {
    const now = this.cloudNowMs();
    const frame = this.usable;
    if (!frame || now === null) return [];
    const freshness = this.freshness();
    return frame.warnings
      .filter((w) => w.stage !== 'cancelled' && w.freshness !== 'lost')
      .map((w) => ({ ...w, freshness: worse(worse(w.freshness, freshness), w.validUntilMs > now ? 'fresh' : 'stale') }));
  }

  /** Warnings that hold now. */
  currentWarnings(): Warning[] {
    return this.warnings().filter((w) => isCurrent(w.freshness));
  }

  /** Sites with their state made worse by the age of the frame; numbers go with it. */
  sites(): Site[] {
    const freshness = this.freshness();
    const known = freshness !== 'lost' && freshness !== 'unknown';
    return (this.frame?.sites ?? []).map((s) => ({
      ...s,
      freshness: worse(s.freshness, freshness),
      tracks: known ? s.tracks : null,
      warnings: known ? s.warnings : null,
      sensors: s.sensors.map((x) => ({ ...x, freshness: worse(x.freshness, worse(s.freshness, freshness)) })),
    }));
  }

  /** Whether this cloud has a simulator that may tell the truth. */
  truthOffered(): boolean {
    return this.frame?.truth != null;
  }

  /** What really is on the road; null once it no longer stands for the present. */
  truth(): Truth | null {
    const truth = this.frame?.truth ?? null;
    if (!truth || truth.ageMs === null) return null;
    return isCurrent(frameFreshness(truth.ageMs + (this.ageMs() ?? 0))) ? truth : null;
  }

  junctions(): Junction[] {
    const freshness = this.freshness();
    return (this.frame?.junctions ?? []).map((j) => ({ ...j, freshness: worse(j.freshness, freshness) }));
  }

  /** Milliseconds until a phase is likely to change; null when that moment is past and nothing newer is known. */
  countdownMs(phase: Phase): number | null {
    const left = phase.endsInMs - (this.ageMs() ?? 0);
    return left >= 0 ? left : null;
  }

  /** Latencies over all nodes; none once they are too old to stand for the present. */
  latencies(): StageLatency[] {
    return this.usable?.latencies ?? [];
  }

  /** The latencies of the last minutes: before now, or before the time that is played back. */
  latencyHistory(): readonly HistoryPoint[] {
    return this.past?.() == null ? this.history : this.pastHistory;
  }

  /** Puts frames before what is known of the past. */
  prepend(frames: readonly Frame[]): void {
    const first = this.pastHistory[0]?.atS ?? Infinity;
    this.pastHistory.unshift(...frames.filter((frame) => frame.sentAtMs / 1000 < first).map(pointOf));
  }

  private rememberPast(frame: Frame): void {
    const points = this.pastHistory;
    const last = points.at(-1);
    const atS = frame.sentAtMs / 1000;
    if (last && atS >= last.atS && atS - last.atS < HISTORY_STEP_MS / 1000) return;
    const jump = !last || atS < last.atS || atS - last.atS > JUMP_S;
    if (jump) points.length = 0;
    points.push(pointOf(frame));
    while ((points[0]?.atS ?? atS) < atS - HISTORY_MS / 1000) points.shift();
    if (jump) this.jumped?.(frame.sentAtMs);
  }

  private remember(frame: Frame): void {
    if (this.past?.() != null) {
      this.rememberPast(frame);
      return;
    }
    const last = this.history.at(-1);
    const atS = frame.sentAtMs / 1000;
    if (last && atS < last.atS) this.history.length = 0;
    if (last && atS - last.atS < HISTORY_STEP_MS / 1000 && this.history.length > 0) return;
    // What was not seen is a gap, not a line across.
    if (last && this.history.length > 0 && atS - last.atS > JUMP_S) this.history.push({ atS: last.atS + 1, latencies: new Map() });
    this.history.push(pointOf(frame));
    const limit = HISTORY_MS / HISTORY_STEP_MS;
    if (this.history.length > limit) this.history.splice(0, this.history.length - limit);
  }
}

const pointOf = (frame: Frame): HistoryPoint => ({ atS: frame.sentAtMs / 1000, latencies: new Map(frame.latencies.map((l) => [l.stage, l])) });

/** What was dropped, without the reports of vehicles that are only other sites' to hear: those are no loss. */
function droppedHere(dropped: Map<string, number>): number {
  let total = 0;
  for (const [cause, count] of dropped) if (cause !== 'radio_out_of_range') total += count;
  return total;
}
