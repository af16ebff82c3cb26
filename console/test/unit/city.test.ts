import { describe, expect, it } from 'vitest';
import { shadeOf, sparkline, type Minute } from '../../src/city/series';
import { recordOf, sortIncidents, type Detail, type Incident } from '../../src/incidents/api';

const minute = (change: Partial<Minute>): Minute => ({
  from_ms: 0, observed_share: 1, vehicles: 3, flow_veh_h: 600, density_veh_km: 20, speed_kmh: 30, travel_time_s: 20, level: 'c', queue_m: null, congested: false, ...change,
});
const incident = (change: Partial<Incident>): Incident => ({
  number: 1, kind: 'crash', level: 'warning', lon_deg: 118.7, lat_deg: 32, opened_ms: 0, last_evidence_ms: 0, confidence: 0.9, sites: ['a'], closed_ms: null, closed_by: null, ...change,
});

describe('traffic on a link', () => {
  it('tells not observed from observed and empty', () => {
    expect([null, minute({ level: null, vehicles: 0 }), minute({}), minute({ level: 'zz' })].map(shadeOf)).toEqual(['unseen', 'empty', 'c', 'empty']);
  });

  it('is drawn with a break where a minute is missing or has no value', () => {
    const at = (k: number, speed: number | null): Minute => minute({ from_ms: k * 60_000, speed_kmh: speed });
    const { path, most } = sparkline([at(0, 10), at(1, 20), at(3, 40), at(4, null), at(5, 20)], (m) => m.speed_kmh, [0, 600_000], [100, 40]);
    expect(most).toBe(40);
    expect(path).toBe('M0.0 30.0h0.1L10.0 20.0M30.0 0.0h0.1M50.0 20.0h0.1');
    expect(sparkline([], (m) => m.speed_kmh, [0, 1], [100, 40]).path).toBe('');
  });
});

describe('incidents', () => {
  it('are listed open first, the gravest, then the newest', () => {
    const list = [incident({ number: 1 }), incident({ number: 2, closed_ms: 5, level: 'urgent' }), incident({ number: 3 }), incident({ number: 4, level: 'urgent' })];
    expect(sortIncidents(list).map((i) => i.number)).toEqual([4, 3, 1, 2]);
  });

  it('have one record of what was noted and what was written, by time', () => {
    const detail: Detail = { ...incident({}), left_out: 0, timeline: [{ at_ms: 1, event: 'opened' }, { at_ms: 9, event: 'ended' }], notes: [{ at_ms: 4, who: 'duty', text: 'sent' }] };
    expect(recordOf(detail).map((s) => ('note' in s ? s.note.text : s.line.event))).toEqual(['opened', 'sent', 'ended']);
  });
});
