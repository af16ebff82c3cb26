import { describe, expect, it } from 'vitest';
import { Store } from '../../src/state/store';
import { apartM, nearest, outline } from '../../src/state/truth';
import type { Frame, Truth } from '../../src/wire/frame';

const truth = (change: Partial<Truth> = {}): Truth => ({
  ageMs: 50, count: 1, id: [7n], kind: Uint8Array.of(1), lon: Float64Array.of(118.7), lat: Float64Array.of(32),
  headingDeg: Float32Array.of(90), speedMps: Float32Array.of(5), lengthM: Float32Array.of(10), widthM: Float32Array.of(2), ...change,
});
const frame = (t: Truth | null): Frame => ({
  sentAtMs: 100_000, roadUsers: null, truth: t, sites: [], warnings: [], junctions: [], latencies: [], dropped: new Map(),
});

describe('truth', () => {
  it('is not offered by a cloud that has none, and offered before the first has come', () => {
    const store = new Store(() => 0);
    expect([store.truthOffered(), store.truth()]).toEqual([false, null]);
    store.take(frame(null), 0);
    expect([store.truthOffered(), store.truth()]).toEqual([false, null]);
    store.take(frame(truth({ ageMs: null, count: 0, id: [] })), 0);
    expect([store.truthOffered(), store.truth()]).toEqual([true, null]);
  });

  it('goes when the simulator falls silent, and when the frame itself grows old', () => {
    let now = 0;
    const store = new Store(() => now);
    store.take(frame(truth()), 0);
    expect(store.truth()?.count).toBe(1);
    now = 3_900;
    expect(store.truth()?.count).toBe(1);
    now = 4_000;
    expect(store.truth()).toBeNull();
    store.take(frame(truth({ ageMs: 60_000 })), now);
    expect([store.truthOffered(), store.truth()]).toEqual([true, null]);
  });

  it('knows the track nearest to it, and that there is none', () => {
    // A degree of latitude is 111.2 km: 1e-5 degrees are 1.1 m, and 0.848 of that eastwards at 32 degrees north.
    const tracks = { count: 2, lon: [118.7001, 118.70001], lat: [32, 32] };
    const found = nearest(118.7, 32, tracks);
    expect(found?.index).toBe(1);
    expect(found?.distanceM).toBeCloseTo(0.943, 2);
    expect(nearest(118.8, 32, tracks)).toBeNull();
    expect(nearest(118.7, 32, { count: 0, lon: [], lat: [] })).toBeNull();
  });

  it('has an outline of its length along its heading', () => {
    const corners = outline(truth(), 0);
    expect(corners[0]).toEqual(corners[4]);
    // It points east: ten metres from west to east, two from south to north.
    const lons = corners.map((c) => c[0]);
    const lats = corners.map((c) => c[1]);
    expect(apartM(Math.min(...lons), 32, Math.max(...lons), 32)).toBeCloseTo(10, 2);
    expect(apartM(118.7, Math.min(...lats), 118.7, Math.max(...lats))).toBeCloseTo(2, 2);
  });
});
