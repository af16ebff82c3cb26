import { describe, expect, it } from 'vitest';
import type { NodeRow, RolloutRow, Step } from '../../src/fleet/api';
import { agrees, changeWords, lifeLeft, may, parseChange, progress, standing, STANDING_STATE, switchChange } from '../../src/fleet/model';
import { fleetEn } from '../../src/fleet/words';

function node(change: Partial<NodeRow> = {}): NodeRow {
  return {
    site: 'north',
    name_zh: '北',
    name_en: 'North',
    connected: true,
    freshness: 'fresh',
    last_heard_ms: 1,
    service: { level: 'full', shortfalls: [] },
    health: null,
    configuration: { state: 'applied', reason: null, desired: null, actual: null },
    applications: [],
    software: { desired: null, actual: '0.1.0' },
    map: { desired: 'a', actual: 'a' },
    managed: true,
    certificate: { serial: '4f', not_before_ms: 1_000, not_after_ms: 2_000, renew_at_ms: 1_666 },
    certificates: [],
    ...change,
  };
}

function rollout(phase: RolloutRow['phase'], steps: Step[]): RolloutRow {
  const sites = steps.map((step, i) => ({ site: `s${i}`, step, revision: 1, note: null, canary: i === 0 }));
  return { number: 1, at_ms: 0, who: 'duty', change: {}, phase, over: false, why: null, canary: 's0', soak_s: 60, batch: 4, sites };
}

describe('a node', () => {
  it('stands by what is worst of it, and is never well when that is not known', () => {
    const conf = (state: NodeRow['configuration']['state']): Partial<NodeRow> => ({ configuration: { state, reason: null, desired: null, actual: null } });
    const short: Partial<NodeRow> = { service: { level: 'degraded', shortfalls: [{ name: 'sensor_silent', subject: 'radar-1' }] } };
    expect(standing(node())).toBe('full');
    expect(standing(node({ service: null }))).toBe('unknown');
    expect(standing(node(conf('pending')))).toBe('pending');
    expect(standing(node({ ...conf('pending'), ...short }))).toBe('degraded');
    expect(standing(node({ ...short, ...conf('rejected') }))).toBe('rejected');
    expect(standing(node({ connected: false }))).toBe('away');
    for (const state of Object.keys(STANDING_STATE)) expect(fleetEn).toHaveProperty(`standing_${state}`);
  });

  it('agrees only where both sides are known', () => {
    expect(agrees('a', 'a')).toBe(true);
    expect(agrees('a', 'b')).toBe(false);
    expect(agrees(null, 'b')).toBeNull();
    expect(agrees('a', null)).toBeNull();
  });

  it('shows how much of its certificate’s life is left', () => {
    expect(lifeLeft(node(), 1_250)).toBe(0.75);
    expect(lifeLeft(node(), 9_000)).toBe(0);
    expect(lifeLeft(node(), 0)).toBe(1);
    expect(lifeLeft(node({ certificate: null }), 0)).toBeNull();
  });
});

describe('a roll-out', () => {
  it('goes forward by those who have it, and back by those who do not', () => {
    expect(progress(rollout('applying', ['applied', 'sent', 'waiting', 'waiting']))).toBe(0.25);
    expect(progress(rollout('done', ['applied', 'absent']))).toBe(1);
    expect(progress(rollout('rolling_back', ['restored', 'restoring', 'waiting', 'waiting']))).toBe(0.75);
    expect(progress(rollout('rolled_back', ['restored', 'restored']))).toBe(1);
  });

  it('takes a change only if it is an object', () => {
    expect(parseChange('{"hazard":{}}')).toEqual({ hazard: {} });
    for (const bad of ['', '[1]', '"x"', 'null', '{']) expect(parseChange(bad)).toBeNull();
    expect(switchChange('icw', false)).toEqual({ hazard: { icw: { enabled: false } } });
  });

  it('tells its change in a line', () => {
    expect(changeWords(switchChange('icw', false))).toBe('hazard.icw.enabled = false');
    expect(changeWords({ a: 1, b: 2, c: { d: null }, e: 4 })).toBe('a = 1, b = 2, c.d = null …');
  });
});

describe('a right', () => {
  it('is foreseen where the right is missing', () => {
    expect(may('operator', 'viewer')).toBe(true);
    expect(may('operator', 'admin')).toBe(false);
    expect(may('nobody', 'viewer')).toBe(false);
  });
});
