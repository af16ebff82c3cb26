import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../src/state/link';
import { frameFreshness, Store, worse } from '../../src/state/store';
import type { Frame, Site, Warning } from '../../src/wire/frame';

const site = (change: Partial<Site>): Site => ({
  id: 'a', nameZh: '', nameEn: '', lon: 118.7, lat: 32, freshness: 'fresh', lastHeardMs: 10, tracks: 3, warnings: 0, sensors: [],
  latencies: [], dropped: new Map(), softwareVersion: null, mapVersion: null, ...change,
});
const warning = (change: Partial<Warning>): Warning => ({
  id: 'w', kind: 'collision', site: 'a', lon: 118.7, lat: 32, sinceMs: 0, validUntilMs: 103_000, confidence: 0.9, stage: 'held',
  reasonZh: '', reasonEn: '', concerned: [], about: [], freshness: 'fresh', path: [], application: 'icw', level: 'warning', predicted: [], ...change,
});
const frame = (change: Partial<Frame> = {}): Frame => ({
  sentAtMs: 100_000, roadUsers: null, truth: null, sites: [], warnings: [], junctions: [], latencies: [], dropped: new Map(), ...change,
});
const users = (classes: number[]): NonNullable<Frame['roadUsers']> => ({
  count: classes.length, id: classes.map(BigInt), site: new Int16Array(classes.length), class: Uint8Array.from(classes),
  lon: new Float64Array(classes.length), lat: new Float64Array(classes.length), headingDeg: new Float32Array(classes.length),
  speedMps: new Float32Array(classes.length), freshness: classes.map(() => 'fresh'), connected: classes.map(() => false),
});

function storeAt(): { store: Store; wait: (ms: number) => void } {
  let now = 0;
  return { store: new Store(() => now), wait: (ms) => void (now += ms) };
}

describe('what the console knows', () => {
  it('is nothing before the first frame: every counter unknown, none zero', () => {
    const { store } = storeAt();
    expect(Object.values(store.counters())).toEqual([null, null, null, null, null, null]);
    expect(store.ageMs()).toBeNull();
    expect(store.cloudNowMs()).toBeNull();
  });

  it('counts road users by class, nodes that are heard, and drops', () => {
    const { store } = storeAt();
    const sites = [site({}), site({ freshness: 'late' }), site({ freshness: 'stale' }), site({ freshness: 'lost' })];
    store.take(frame({ roadUsers: users([0, 0, 1, 2, 2, 2]), sites, dropped: new Map([['a', 2], ['b', 5]]) }), 0);
    expect(store.counters()).toEqual({
      nodesOnline: 2, nodesTotal: 4, roadUsers: 6, byClass: { motor: 2, non_motor: 1, pedestrian: 3 }, warnings: 0, dropped: 7,
    });
  });

  it('tells no road users from road users unknown', () => {
    const { store } = storeAt();
    store.take(frame({ roadUsers: users([]) }), 0);
    expect(store.counters().roadUsers).toBe(0);
    store.take(frame({ roadUsers: null }), 0);
    expect(store.counters().roadUsers).toBeNull();
  });

  it('grows old with its frame: fresh, late, stale, then lost and without numbers', () => {
    const { store, wait } = storeAt();
    store.take(frame({ roadUsers: users([0]), sites: [site({})] }), 0);
    const seen: unknown[] = [];
    for (const ms of [0, 3_000, 7_000, 10_000]) {
      wait(ms);
      seen.push([store.freshness(), store.sites()[0]?.freshness, store.sites()[0]?.tracks, store.counters().roadUsers, store.counters().nodesOnline]);
    }
    expect(seen).toEqual([
      ['fresh', 'fresh', 3, 1, 1],
      ['late', 'late', 3, 1, 1],
      ['stale', 'stale', 3, 1, null],
      ['lost', 'lost', null, null, null],
    ]);
  });

  it('holds a warning stale once its validity is past by the cloud’s clock, and leaves out cancelled ones', () => {
    const { store, wait } = storeAt();
    store.take(frame({ warnings: [warning({}), warning({ id: 'x', stage: 'cancelled' })] }), 0);
    expect(store.warnings().map((w) => [w.id, w.freshness])).toEqual([['w', 'fresh']]);
    wait(3_500);
    expect(store.warnings()[0]?.freshness).toBe('stale');
    expect(store.counters().warnings).toBe(0);
    wait(2_000);
    expect(store.counters().warnings).toBeNull();
  });

  it('counts a phase down and then no longer claims to know', () => {
    const { store, wait } = storeAt();
    store.take(frame(), 0);
    const phase = { phase: 1, light: 'green', endsInMs: 1_200 };
    expect(store.countdownMs(phase)).toBe(1_200);
    wait(1_000);
    expect(store.countdownMs(phase)).toBe(200);
    wait(500);
    expect(store.countdownMs(phase)).toBeNull();
  });

  it('keeps five minutes of latencies, one point a second', () => {
    const { store } = storeAt();
    for (let i = 0; i < 4_000; i++) store.take(frame({ sentAtMs: 100_000 + i * 100 }), i * 100);
    expect(store.history.length).toBe(300);
    const steps = store.history.slice(1).map((p, i) => p.atS - (store.history[i]?.atS ?? 0));
    expect(Math.min(...steps)).toBeGreaterThanOrEqual(1);
  });

  it('keeps the latencies of the past apart, and asks for the minutes before each jump', () => {
    const { store } = storeAt();
    for (let i = 0; i < 3; i++) store.take(frame({ sentAtMs: 900_000 + i * 1000 }), 0);
    let past: number | null = 500_000;
    const jumps: number[] = [];
    store.past = () => past;
    store.jumped = (ms) => void jumps.push(ms);
    for (const ms of [500_000, 501_000, 501_200, 502_600]) store.take(frame({ sentAtMs: ms }), 0);
    store.prepend([frame({ sentAtMs: 490_000 }), frame({ sentAtMs: 500_000 })]);
    expect(store.latencyHistory().map((p) => p.atS)).toEqual([490, 500, 501, 502.6]);
    store.take(frame({ sentAtMs: 600_000 }), 0);
    store.take(frame({ sentAtMs: 300_000 }), 0);
    expect(jumps).toEqual([500_000, 600_000, 300_000]);
    past = null;
    expect(store.latencyHistory().map((p) => p.atS)).toEqual([900, 901, 902]);
  });

  it('begins its history again when the cloud’s clock goes back', () => {
    const { store } = storeAt();
    store.take(frame({ sentAtMs: 900_000 }), 0);
    store.take(frame({ sentAtMs: 100_000 }), 0);
    expect(store.history.map((p) => p.atS)).toEqual([100]);
  });
});

describe('freshness', () => {
  it('is unknown without data and never better than the worse of two', () => {
    expect(frameFreshness(null)).toBe('unknown');
    expect(worse('fresh', 'late')).toBe('late');
    expect(worse('lost', 'stale')).toBe('lost');
    expect(worse('fresh', 'unknown')).toBe('unknown');
  });
});

describe('waits between attempts', () => {
  it('double up to fifteen seconds, spread by up to a quarter', () => {
    expect([0, 1, 2, 3, 4, 5, 50].map((n) => backoffMs(n, 0))).toEqual([500, 1000, 2000, 4000, 8000, 15000, 15000]);
    expect(backoffMs(3, 0.999)).toBeGreaterThan(3000);
  });
});
