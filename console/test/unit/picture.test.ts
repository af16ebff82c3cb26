import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { CLASSES, type Frame } from '../../src/wire/frame';
import { Picture } from '../../src/wire/picture';
import { encodeSaid } from '../../src/wire/said';

// What the cloud's own encoder wrote, frame by frame, and the road users that must then be there
// (`crates/app/cloudd/src/live/given.rs` writes the file and holds it to what it sends).
interface Vector {
  number: number;
  bytes: string;
  road_users: unknown[][];
}
const text = readFileSync(new URL('../vectors/changes.json', import.meta.url), 'utf8');
// Numbers up to 2^53 are whole in a double.
const vectors = JSON.parse(text) as Vector[];
const bytesOf = (v: Vector): Uint8Array => Uint8Array.from(v.bytes.match(/../g) ?? [], (b) => Number.parseInt(b, 16));
const FRESHNESS = ['unknown', 'fresh', 'late', 'stale', 'lost'];

function rows(frame: Frame): unknown[][] {
  const r = frame.roadUsers;
  if (!r) return [];
  const all = r.id.map((id, i) => [
    Number(id),
    r.site[i],
    r.class[i],
    Math.round((r.lon[i] as number) * 1e7),
    Math.round((r.lat[i] as number) * 1e7),
    Number.isNaN(r.headingDeg[i]) ? 3600 : Math.round((r.headingDeg[i] as number) * 10),
    Math.round((r.speedMps[i] as number) * 100),
    FRESHNESS.indexOf(r.freshness[i] as string),
    r.connected[i],
    r.alsoSeen?.get(id) ?? [],
  ]);
  return all.sort((a, b) => (a[0] as number) - (b[0] as number));
}

describe('a picture', () => {
  it('has after each of the cloud’s frames the road users that the cloud says', () => {
    const picture = new Picture();
    let [wholes, changes] = [0, 0];
    for (const v of vectors) {
      const frame = picture.take(bytesOf(v));
      expect(picture.number).toBe(v.number);
      expect(rows(frame), `frame ${v.number}`).toEqual(v.road_users);
      expect(frame.counted?.byClass.length).toBe(CLASSES.length);
      if (v.number === 1) wholes += 1;
      else changes += 1;
    }
    expect(wholes).toBe(1);
    expect(changes).toBeGreaterThan(20);
  });

  it('keeps what is not told anew, and lets its ages go on', () => {
    const picture = new Picture();
    const heard = vectors.slice(0, 7).map((v) => picture.take(bytesOf(v)).sites.map((s) => [s.freshness, s.lastHeardMs])[0]);
    expect(heard.slice(0, 4)).toEqual([['fresh', 40], ['fresh', 140], ['fresh', 240], ['fresh', 340]]);
    expect(heard.slice(4)).toEqual([['stale', 40], ['stale', 140], ['stale', 240]]);
  });

  it('refuses changes of another frame, and after that everything until a whole frame comes', () => {
    const picture = new Picture();
    const [first, second, third] = vectors.map(bytesOf) as [Uint8Array, Uint8Array, Uint8Array];
    expect(() => picture.take(second)).toThrow(/changes of frame 1/);
    picture.take(first);
    expect(() => picture.take(third)).toThrow(/changes of frame 2, not of 1/);
    expect(() => picture.take(second)).toThrow();
    picture.take(first);
    expect(picture.take(second).roadUsers?.count).toBe(vectors[1]?.road_users.length);
  });

  it('refuses bytes that are none', () => {
    const picture = new Picture();
    picture.take(bytesOf(vectors[0] as Vector));
    const cut = bytesOf(vectors[1] as Vector).slice(0, -3);
    expect(() => picture.take(cut)).toThrow();
    expect(() => picture.take(Uint8Array.of(7, 7, 7))).toThrow();
  });
});

describe('what the console says', () => {
  it('is what the proto has', () => {
    const proto = readFileSync(new URL('../../../proto/jxz/console/v1/console.proto', import.meta.url), 'utf8');
    const FromConsole = protobuf.parse(proto).root.lookupType('jxz.console.v1.FromConsole');
    const said = (bytes: Uint8Array): object => FromConsole.toObject(FromConsole.decode(bytes), { longs: String });
    const viewport = { west: -118.7000001, south: 32.0299999, east: 999, north: 32.04, zoom: 16.5, chosen: 2n ** 52n + 1n };
    expect(said(encodeSaid({ viewport, taken: 5_000_000_000 }))).toEqual({
      viewport: { westE7: -1187000001, southE7: 320299999, eastE7: 1800000000, northE7: 320400000, zoom: 16.5, chosen: '4503599627370497' },
      taken: '5000000000',
    });
    expect(said(encodeSaid({ whole: true }))).toEqual({ whole: true });
  });
});
