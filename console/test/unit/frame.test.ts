import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { readFrame } from '../../src/wire/frame';

// protobufjs encodes, the console decodes: two implementations of one .proto.
const PROTO = new URL('../../../proto/jxz/console/v1/console.proto', import.meta.url);
const Frame = protobuf.parse(readFileSync(PROTO, 'utf8')).root.lookupType('jxz.console.v1.Frame');
const long = (text: string): object => {
  const half = (n: bigint): number => Number(BigInt.asIntN(32, n));
  return { low: half(BigInt(text)), high: half(BigInt(text) >> 32n), unsigned: true };
};

function bytes(frame: object): Uint8Array {
  const message = Frame.create(frame as Record<string, unknown>);
  expect(Frame.verify(message)).toBeNull();
  return Frame.encode(message).finish();
}

const users = {
  id: [long('11400714819323198485'), long('7')],
  site: [0, 3],
  class: [0, 2],
  lonE7: [1187000001, -5],
  latE7: [320300002, 5],
  headingDecideg: [2705, 3600],
  speedCmps: [1234, 0],
  freshness: [1, 3],
  connected: [true, false],
};
const site = { id: 'a', nameZh: '甲', nameEn: 'A', lonE7: 1187000000, latE7: 320300000, freshness: 1, lastHeardMs: 0, tracks: 4 };

describe('a frame', () => {
  it('keeps positions, headings and numbers beyond what a double holds', () => {
    const frame = readFrame(bytes({ sentAtMs: 1_700_000_000_123, update: { roadUsers: users, sites: [site] } }));
    expect(frame.sentAtMs).toBe(1_700_000_000_123);
    const r = frame.roadUsers;
    expect(r?.count).toBe(2);
    expect(r?.id).toEqual([11400714819323198485n, 7n]);
    expect(r?.lon[0]).toBeCloseTo(118.7000001, 9);
    expect(r?.lon[1]).toBeCloseTo(-5e-7, 12);
    expect(r?.lat[0]).toBeCloseTo(32.0300002, 9);
    expect(r?.headingDeg[0]).toBeCloseTo(270.5, 4);
    expect(r?.speedMps[0]).toBeCloseTo(12.34, 4);
    expect(r?.freshness).toEqual(['fresh', 'stale']);
    expect(r?.connected).toEqual([true, false]);
  });

  it('says unknown where the cloud does: heading 3600, a site that is not in the list, no road users at all', () => {
    const frame = readFrame(bytes({ update: { roadUsers: users, sites: [site] } }));
    expect(frame.roadUsers?.headingDeg[1]).toBeNaN();
    expect([...(frame.roadUsers?.site ?? [])]).toEqual([0, -1]);
    expect(readFrame(bytes({ update: {} })).roadUsers).toBeNull();
    expect(readFrame(bytes({ update: { roadUsers: {} } })).roadUsers?.count).toBe(0);
  });

  it('has truth only where a simulator feeds the cloud, and refuses columns that do not fit', () => {
    const truth = { id: [long('9')], kind: [5], lonE7: [1187000001], latE7: [320300002], headingDecideg: [450], speedCmps: [130], lengthCm: [50], widthCm: [60] };
    expect(readFrame(bytes({ update: {} })).truth).toBeNull();
    const silent = readFrame(bytes({ update: { truth: {} } })).truth;
    expect([silent?.count, silent?.ageMs]).toEqual([0, null]);
    const read = readFrame(bytes({ update: { truth: { ...truth, ageMs: 0 } } })).truth;
    expect([read?.ageMs, read?.id, read?.kind[0], read?.headingDeg[0], read?.lengthM[0]]).toEqual([0, [9n], 5, 45, 0.5]);
    expect(read?.lon[0]).toBeCloseTo(118.7000001, 9);
    expect(() => readFrame(bytes({ update: { truth: { ...truth, kind: [] } } }))).toThrow(/truth's kind has 0 values for 1 ids/);
    expect(() => readFrame(bytes({ update: { truth: { ...truth, kind: [6] } } }))).toThrow(/kind 6/);
  });

  it('gives no number for a site that is lost, and tells never heard from just heard', () => {
    const { sites } = readFrame(bytes({ update: { sites: [site, { ...site, freshness: 4, lastHeardMs: undefined, tracks: 4 }] } }));
    expect(sites.map((s) => s.tracks)).toEqual([4, null]);
    expect(sites.map((s) => s.lastHeardMs)).toEqual([0, null]);
    expect(sites[0]?.softwareVersion).toBeNull();
  });

  it('gives no latency where nothing was measured, and no rate of scans where it is not known', () => {
    const latencies = [{ stage: 'fuse', p50Ms: 0, p99Ms: 0, count: 0 }, { stage: 'radio', p50Ms: 4.5, p99Ms: 13, count: 9 }];
    const sensors = [{ id: 'r', kind: 'radar', freshness: 1 }, { id: 'c', kind: 'camera', freshness: 1, scansPerS: 9.5 }];
    const frame = readFrame(bytes({ update: { latencies, sites: [{ ...site, sensors }], dropped: { sensor_stale: 3, '': 1 } } }));
    expect(frame.latencies.map((l) => [l.p50Ms, l.p99Ms])).toEqual([[null, null], [4.5, 13]]);
    expect(frame.sites[0]?.sensors.map((s) => s.scansPerS)).toEqual([null, 9.5]);
    expect(Object.fromEntries(frame.dropped)).toEqual({ sensor_stale: 3, '': 1 });
  });

  it('reads a warning in both languages with its path', () => {
    const warning = {
      id: '00ff', kind: 'pedestrian', site: 'a', reasonZh: '行人', reasonEn: 'pedestrian', confidence: 0.5, sinceMs: 1000,
      validUntilMs: 4000, stage: 'held', concerned: [long('18446744073709551615')], freshness: 1,
      pathLonE7: [10_000_000, 20_000_000], pathLatE7: [30_000_000, -40_000_000], application: 'vrucw', level: 'urgent',
      predicted: [{ roadUser: long('7'), lonE7: [10_000_000, 20_000_000], latE7: [30_000_000, 30_000_000] }],
    };
    const read = (change: object) => readFrame(bytes({ update: { warnings: [{ ...warning, ...change }] } })).warnings[0];
    expect(read({})).toMatchObject({ reasonZh: '行人', reasonEn: 'pedestrian', confidence: 0.5, sinceMs: 1000, validUntilMs: 4000 });
    expect(read({})?.concerned).toEqual([18446744073709551615n]);
    expect(read({})?.path).toEqual([[1, 3], [2, -4]]);
    expect(read({})).toMatchObject({ application: 'vrucw', level: 'urgent', predicted: [{ roadUser: 7n, points: [[1, 3], [2, 3]] }] });
    expect(read({ confidence: NaN })?.confidence).toBeNull();
    expect(read({ confidence: 1.5 })?.confidence).toBeNull();
  });

  it('skips fields of a newer cloud', () => {
    const newer = protobuf.parse('syntax="proto3"; message F { string x = 90; U update = 2; } message U { string y = 77; map<string, uint64> dropped = 6; }')
      .root.lookupType('F');
    const frame = readFrame(newer.encode({ x: 'new', update: { y: 'new', dropped: { a: 5 } } }).finish());
    expect(Object.fromEntries(frame.dropped)).toEqual({ a: 5 });
  });

  it('refuses columns of different lengths, classes it does not know, and frames without a body', () => {
    expect(() => readFrame(bytes({ update: { roadUsers: { ...users, latE7: [1] } } }))).toThrow(/latE7 has 1 values for 2 ids/);
    expect(() => readFrame(bytes({ update: { roadUsers: { ...users, class: [0, 9] } } }))).toThrow(/class 9/);
    expect(() => readFrame(bytes({ sentAtMs: 1 }))).toThrow(/no body/);
    expect(() => readFrame(bytes({ update: { warnings: [{ pathLonE7: [1], pathLatE7: [] }] } }))).toThrow(/path/);
    expect(() => readFrame(bytes({ update: { warnings: [{ predicted: [{ lonE7: [1, 2], latE7: [1] }] }] } }))).toThrow(/path/);
  });

  it('throws on bytes cut short, and never hangs or runs on with bytes turned over', () => {
    const whole = bytes({ sentAtMs: 5, update: { roadUsers: users, sites: [site], dropped: { sensor_stale: 3 } } });
    for (let n = 1; n < whole.length; n++) {
      expect(() => readFrame(whole.subarray(0, n)), `first ${n} bytes`).toThrow();
    }
    let refused = 0;
    for (let i = 0; i < whole.length * 8; i++) {
      const turned = whole.slice();
      turned[i >> 3] = (turned[i >> 3] ?? 0) ^ (1 << (i & 7));
      try {
        readFrame(turned);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(whole.length);
  });
});
