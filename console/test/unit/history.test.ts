import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { readRange } from '../../src/history/bar';
import { Player, type Load, type Range } from '../../src/history/player';
import { FrameCutter } from '../../src/history/stream';
import { Store } from '../../src/state/store';
import type { Frame } from '../../src/wire/frame';

const PROTO = new URL('../../../proto/jxz/console/v1/console.proto', import.meta.url);
const type = protobuf.parse(readFileSync(PROTO, 'utf8')).root.lookupType('jxz.console.v1.Frame');
const frame = (sentAtMs: number): Frame => ({
  sentAtMs, roadUsers: null, truth: null, sites: [], warnings: [], junctions: [], latencies: [], dropped: new Map(),
});
const settle = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

describe('a stream of frames', () => {
  const bytes = Buffer.concat([1000, 2000, 3000].map((sentAtMs) => Buffer.from(type.encodeDelimited(type.create({ sentAtMs, update: { dropped: { a: sentAtMs } } })).finish())));

  it('is cut into the same frames wherever the network cuts it', () => {
    for (let size = 1; size <= bytes.length; size++) {
      const cutter = new FrameCutter();
      const times: number[] = [];
      for (let at = 0; at < bytes.length; at += size) times.push(...cutter.take(bytes.subarray(at, at + size)).map((f) => f.sentAtMs));
      expect(times).toEqual([1000, 2000, 3000]);
    }
  });

  it('that is none is refused, not waited for', () => {
    expect(() => new FrameCutter().take(Uint8Array.from([0xff, 0xff, 0xff, 0xff, 0xff, 1]))).toThrow(/length/);
    expect(() => new FrameCutter().take(Uint8Array.from([0xff, 0xff, 0xff, 0x7f]))).toThrow(/bytes/);
  });
});

describe('what the cloud says of its history', () => {
  it('is read with its gaps, and nothing is made of nothing', () => {
    expect(readRange({ from_ms: null, to_ms: null, gaps: [] })).toBeNull();
    expect(readRange({ from_ms: 1, to_ms: 9, gaps: [{ from_ms: 2, to_ms: 5 }], damaged: 2 })).toEqual({ fromMs: 1, toMs: 9, gaps: [{ fromMs: 2, toMs: 5 }], damaged: 2 });
  });
});

/** A cloud with a frame every 200 ms from 0 to 1000 s, but for what is left out. */
function playing(gaps: Range['gaps'] = []): { player: Player; shown: number[]; asked: { fromMs: number; toMs: number; everyMs: number }[] } {
  const [shown, asked]: [number[], { fromMs: number; toMs: number; everyMs: number }[]] = [[], []];
  const load: Load = async function* (query) {
    asked.push(query);
    const frames: Frame[] = [];
    const step = Math.max(200, query.everyMs);
    for (let t = Math.ceil(query.fromMs / step) * step; t <= query.toMs; t += step) {
      if (!gaps.some((g) => t > g.fromMs && t < g.toMs)) frames.push(frame(t));
    }
    yield frames;
  };
  const player = new Player(load, (f) => shown.push(f.sentAtMs));
  player.range = { fromMs: 0, toMs: 1_000_000, gaps, damaged: 0 };
  return { player, shown, asked };
}

async function run(player: Player, fromMs: number, forMs: number): Promise<void> {
  for (let t = fromMs; t <= fromMs + forMs; t += 100) {
    player.tick(t);
    await settle();
  }
}

describe('playing the past', () => {
  it('stands still where it is put, with the frame of that time', async () => {
    const { player, shown } = playing();
    player.seek(500_100, 0);
    await run(player, 0, 2_000);
    expect([player.isLive, player.positionMs, shown]).toEqual([false, 500_100, [500_000]]);
  });

  it('runs at its speed, in frames ever later, asked for farther apart when it is fast', async () => {
    for (const [speed, everyMs] of [[1, 0], [4, 400], [16, 1600]] as const) {
      const { player, shown, asked } = playing();
      player.setSpeed(speed);
      player.seek(100_000, 0);
      await settle();
      player.play(0);
      await run(player, 0, 10_000);
      expect(player.positionMs).toBe(100_000 + 10_000 * speed);
      expect(asked.every((q) => q.everyMs === everyMs && q.toMs - q.fromMs <= 20_000 * speed)).toBe(true);
      expect(shown.length).toBeGreaterThan(40);
      expect(shown.every((t, i) => i === 0 || t > (shown[i - 1] as number))).toBe(true);
      expect((shown.at(-1) as number) >= player.positionMs! - Math.max(200, everyMs)).toBe(true);
    }
  });

  it('jumps over what was not recorded, and says so', async () => {
    const { player, shown } = playing([{ fromMs: 103_000, toMs: 400_000 }]);
    player.seek(100_000, 0);
    await settle();
    player.play(0);
    await run(player, 0, 8_000);
    expect(player.skipped?.ms).toBe(297_000);
    expect(player.positionMs).toBeGreaterThan(402_000);
    expect(shown.some((t) => t > 400_000)).toBe(true);
  });

  it('keeps within what there is, waits for what is loaded, and goes back to the present', async () => {
    const { player } = playing();
    player.seek(-5_000, 0);
    expect(player.positionMs).toBe(0);
    player.seek(2_000_000, 0);
    expect(player.positionMs).toBe(1_000_000);
    player.seek(999_000, 0);
    await settle();
    player.play(0);
    await run(player, 0, 5_000);
    expect(player.positionMs).toBe(1_000_000);
    player.goLive();
    expect([player.isLive, player.playing]).toEqual([true, false]);
  });

  it('does not run on while the cloud does not answer', async () => {
    const load: Load = async function* () {
      yield await Promise.reject(new Error('away'));
    };
    const player = new Player(load, () => undefined);
    player.range = { fromMs: 0, toMs: 1_000_000, gaps: [], damaged: 0 };
    player.seek(100_000, 0);
    player.play(0);
    await run(player, 0, 3_000);
    expect([player.failed, player.positionMs]).toEqual([true, 100_000]);
  });
});

describe('the store while the past is shown', () => {
  it('counts ages from the past, so that a pause makes nothing old and a hole does', () => {
    let [now, past]: [number, number | null] = [0, 50_000];
    const store = new Store(() => now);
    store.past = () => past;
    store.take(frame(49_900), 0);
    now = 60_000;
    expect([store.ageMs(), store.freshness(), store.cloudNowMs()]).toEqual([100, 'fresh', 50_000]);
    past = 70_000;
    expect(store.freshness()).toBe('lost');
    past = null;
    expect(store.ageMs()).toBe(60_000);
  });
});
