import type { MapView } from './map/view';
import type { Counters, Store } from './state/store';

/** A read-only look inside for tests and for the curious: `window.__jxz` in the browser's console. */
export interface DebugView {
  readonly link: string;
  readonly frames: number;
  readonly refused: number;
  readonly ageMs: number | null;
  readonly counters: Counters;
  readonly mapFeatures: number;
  readonly mapIdle: boolean;
  readonly rendersPerS: number;
  /** Whether the cloud offers the truth, and how many road users of it are drawn. */
  readonly truthOffered: boolean;
  readonly truthDrawn: number;
  /** Ways of road users that are drawn, as warnings suppose them. */
  readonly predictedDrawn: number;
  /** The time of the past that is shown, milliseconds since the Unix epoch; null: the present. */
  readonly pastMs: number | null;
  /** Moments in the chart of latencies. */
  readonly latencyPoints: number;
  /** When the frame shown was made. */
  readonly sentAtMs: number | null;
  /** Where road users are drawn now; ids as decimal text. */
  positions(limit?: number): { id: string; lon: number; lat: number; class: number }[];
}

declare global {
  interface Window {
    __jxz?: DebugView;
  }
}

export function exposeDebugView(store: Store, view: MapView, mapFeatures: () => number): void {
  const renders: number[] = [];
  view.map.on('render', () => {
    const now = performance.now();
    renders.push(now);
    while ((renders[0] ?? now) < now - 5000) renders.shift();
  });
  window.__jxz = Object.freeze({
    get link() {
      return store.link;
    },
    get frames() {
      return store.frames;
    },
    get refused() {
      return store.refused;
    },
    get ageMs() {
      return store.ageMs();
    },
    get counters() {
      return store.counters();
    },
    get mapFeatures() {
      return mapFeatures();
    },
    get mapIdle() {
      return view.map.loaded();
    },
    get truthOffered() {
      return store.truthOffered();
    },
    get truthDrawn() {
      return view.truthDrawn;
    },
    get pastMs() {
      return store.past?.() ?? null;
    },
    get latencyPoints() {
      return store.latencyHistory().length;
    },
    get sentAtMs() {
      return store.frame?.sentAtMs ?? null;
    },
    get predictedDrawn() {
      return view.predictedDrawn;
    },
    get rendersPerS() {
      return renders.filter((at) => at > performance.now() - 5000).length / 5;
    },
    positions: (limit = 5000) =>
      view.roadUsers
        .drawn(performance.now())
        .slice(0, limit)
        .map((u) => ({ ...u, id: u.id.toString() })),
  });
}
