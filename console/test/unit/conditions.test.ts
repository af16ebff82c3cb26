import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fieldTime, HAZARDS, standingOf, timeOf, type Condition } from '../../src/conditions/api';
import { logPath, placeAfter } from '../../src/fleet/log';
import { DICTIONARIES } from '../../src/i18n';
import { circle } from '../../src/map/geo';

function condition(states: Condition['sites'][number]['state'][], ended: number | null = null): Condition {
  const sites = states.map((state, i) => ({ site: `s${i}`, state }));
  return { number: 1, hazard: 'ice', lat_deg: 32, lon_deg: 118.7, radius_m: 30, safe_kmh: 30, text: '', at_ms: 0, who: 'duty', until_ms: 1, ended_ms: ended, ended_by: null, sites };
}

describe('road conditions', () => {
  it('are those that a node knows, each with its words', () => {
    const rust = readFileSync(new URL('../../../crates/core/world/src/warning.rs', import.meta.url), 'utf8');
    const known = [...rust.matchAll(/Self::(\w+) => "(object|water|ice|fog|crash|works)",/g)].map((m) => m[2] as string);
    expect([...HAZARDS].sort()).toEqual(known.sort());
    for (const hazard of HAZARDS) expect(DICTIONARIES.en).toHaveProperty(`hazard_${hazard}`);
    for (const state of ['has', 'pending', 'away', 'refused', 'over']) expect(DICTIONARIES.en).toHaveProperty(`condition_${state}`);
  });

  it('stand as the worst of their sites does', () => {
    expect(standingOf(condition(['has', 'pending', 'away', 'refused']))).toBe('refused');
    expect(standingOf(condition(['has', 'pending', 'away']))).toBe('away');
    expect(standingOf(condition(['has', 'has']))).toBe('has');
    expect(standingOf(condition(['over'], 5))).toBe('over');
    expect(standingOf(condition(['over', 'pending'], 5))).toBe('pending');
  });

  it('end at a time of the page’s clock, there and back', () => {
    const ms = Date.UTC(2026, 11, 1, 16, 30);
    expect(fieldTime(ms)).toBe('2026-12-02T00:30');
    expect(timeOf(fieldTime(ms))).toBe(ms);
    expect(timeOf('')).toBeNull();
  });

  it('reach as far as they say', () => {
    const outline = circle(118.7, 32.03, 100);
    expect(outline[0]).toEqual(outline.at(-1));
    for (const [lon, lat] of outline) {
      const m = Math.hypot((lon - 118.7) * 111_319 * Math.cos((32.03 * Math.PI) / 180), (lat - 32.03) * 111_319);
      expect(m).toBeCloseTo(100, 1);
    }
  });
});

describe('a log that is followed', () => {
  const part = (boot: number, numbers: number[]) => ({ site: 's', boot, lost: 0, lines: numbers.map((number) => ({ number, at_ms: 0, level: 'info' as const, target: '', text: '' })) });

  it('asks for what comes after its last line, and begins anew with the node', () => {
    expect(logPath('a b', null)).toBe('nodes/a%20b/log');
    const first = placeAfter(part(7, [3, 4]), null);
    expect(logPath('north', first)).toBe('nodes/north/log?boot=7&after=4');
    expect(placeAfter(part(7, []), first)).toEqual(first);
    expect(placeAfter(part(8, []), first)).toBeNull();
    expect(placeAfter(part(8, [1]), first)).toEqual({ boot: 8, after: 1 });
  });
});
