import type { NodeRow, RolloutRow, Step } from './api';

/** How a node stands, in one word of the page: what is worst comes first. */
export type Standing = 'away' | 'rejected' | 'degraded' | 'pending' | 'unknown' | 'full';

export function standing(node: NodeRow): Standing {
  if (!node.connected) return 'away';
  if (node.configuration.state === 'rejected') return 'rejected';
  if (node.service?.level === 'degraded') return 'degraded';
  if (node.configuration.state === 'pending') return 'pending';
  return node.service === null ? 'unknown' : 'full';
}

/** The page's colours of states. */
export const STANDING_STATE: Record<Standing, string> = {
  away: 'lost',
  rejected: 'lost',
  degraded: 'late',
  pending: 'late',
  unknown: 'stale',
  full: 'fresh',
};

/** Whether what is desired and what there is are the same; null where either is not known. */
export function agrees(desired: string | null, actual: string | null): boolean | null {
  return desired === null || actual === null ? null : desired === actual;
}

/** How much of a certificate's life is left, 0 to 1; null without one. */
export function lifeLeft(node: NodeRow, nowMs: number): number | null {
  const certificate = node.certificate;
  if (!certificate) return null;
  const life = certificate.not_after_ms - certificate.not_before_ms;
  return life <= 0 ? 0 : Math.min(Math.max((certificate.not_after_ms - nowMs) / life, 0), 1);
}

/** Steps that count as done, of those that a roll-out goes through. */
const SETTLED: Record<'on' | 'back', readonly Step[]> = { on: ['applied', 'absent'], back: ['restored', 'waiting', 'absent'] };

/** How far a roll-out is, 0 to 1: forward, or on its way back. */
export function progress(rollout: RolloutRow): number {
  if (rollout.sites.length === 0) return 1;
  const back = rollout.phase === 'rolling_back' || rollout.phase === 'rolled_back';
  const settled = SETTLED[back ? 'back' : 'on'];
  return rollout.sites.filter((site) => settled.includes(site.step)).length / rollout.sites.length;
}

/** The change that switches one application. */
export const switchChange = (application: string, on: boolean): unknown => ({ hazard: { [application]: { enabled: on } } });

/** A change as typed: an object in JSON; null if it is none. */
export function parseChange(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** A change in one line for a list. */
export function changeWords(change: unknown): string {
  const words: string[] = [];
  const walk = (path: string, value: unknown): void => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [key, inner] of Object.entries(value)) walk(path ? `${path}.${key}` : key, inner);
    } else words.push(`${path} = ${JSON.stringify(value)}`);
  };
  walk('', change);
  const shown = words.slice(0, 3).join(', ');
  return words.length > 3 ? `${shown} …` : shown;
}

/** Whether somebody of this right may do what takes another. */
export function may(right: string, needs: 'viewer' | 'operator' | 'admin'): boolean {
  const order = ['viewer', 'operator', 'admin'];
  return order.indexOf(right) >= order.indexOf(needs);
}
