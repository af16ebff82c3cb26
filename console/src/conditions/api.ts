import { ask } from '../account/api';

/** What can be wrong with a road, by the names of the interface. */
export const HAZARDS = ['works', 'water', 'ice', 'fog', 'object', 'crash'] as const;
export type Hazard = (typeof HAZARDS)[number];

/** A road condition; times are the cloud's, milliseconds since the Unix epoch. */
export interface Condition {
  number: number;
  hazard: string;
  lat_deg: number;
  lon_deg: number;
  radius_m: number;
  safe_kmh: number;
  text: string;
  at_ms: number;
  who: string;
  until_ms: number;
  /** Null: it holds. */
  ended_ms: number | null;
  /** Who took it back; null: nobody. */
  ended_by: string | null;
  sites: { site: string; state: 'has' | 'pending' | 'away' | 'refused' | 'over' }[];
}

export interface NewCondition {
  hazard: string;
  lat_deg: number;
  lon_deg: number;
  radius_m: number;
  safe_kmh: number;
  until_ms: number;
  text: string;
}

export const listConditions = async (): Promise<Condition[]> => (await ask<{ conditions: Condition[] }>('GET', 'conditions')).conditions;
export const enterCondition = (condition: NewCondition): Promise<Condition> => ask('POST', 'conditions', condition);
export const takeBack = (number: number): Promise<Condition> => ask('DELETE', `conditions/${number}`);

/** A time of the page's clock, which is China's, for a field of date and time. */
export const fieldTime = (ms: number): string => new Date(ms + 8 * 3_600_000).toISOString().slice(0, 16);

/** The time in such a field; null if there is none. */
export function timeOf(field: string): number | null {
  const ms = Date.parse(`${field}:00+08:00`);
  return Number.isNaN(ms) ? null : ms;
}

/** How a condition stands, the worst of its sites first: a site that refuses it will not warn. */
export function standingOf(condition: Condition): 'refused' | 'away' | 'pending' | 'has' | 'over' {
  const states = condition.sites.map((at) => at.state);
  for (const state of ['refused', 'away', 'pending'] as const) if (states.includes(state)) return state;
  return condition.ended_ms === null ? 'has' : 'over';
}
