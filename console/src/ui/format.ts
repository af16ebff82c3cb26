import { currentLanguage } from '../i18n';

/** What stands where a number is not known. */
export const UNKNOWN = '–';

/** A whole number with thousands grouped; `–` when not known. */
export function whole(n: number | null | undefined): string {
  return n === null || n === undefined || !Number.isFinite(n) ? UNKNOWN : Math.round(n).toLocaleString('en-US');
}

/** Milliseconds with about three digits; `–` when not known. */
export function millis(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return UNKNOWN;
  if (ms >= 100) return ms.toFixed(0);
  return ms >= 10 ? ms.toFixed(1) : ms.toFixed(2);
}

/** One decimal; `–` when not known. */
export function decimal(n: number | null | undefined): string {
  return n === null || n === undefined || !Number.isFinite(n) ? UNKNOWN : n.toFixed(1);
}

/** A probability in whole percent; never rounded up to certainty. `–` when not known. */
export function percent(p: number | null | undefined): string {
  if (p === null || p === undefined || !Number.isFinite(p)) return UNKNOWN;
  return `${p >= 1 ? 100 : Math.min(Math.round(p * 100), 99)}%`;
}

/** A length of time in words short enough for a list; `–` when not known. */
export function span(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms) || ms < 0) return UNKNOWN;
  const zh = currentLanguage() === 'zh';
  if (ms < 1000) return zh ? `${Math.round(ms)} 毫秒` : `${Math.round(ms)} ms`;
  const s = Math.floor(ms / 1000);
  if (s < 60) return zh ? `${s} 秒` : `${s} s`;
  const [min, sec] = [Math.floor(s / 60), s % 60];
  if (min < 60) return zh ? `${min} 分 ${sec} 秒` : `${min} min ${sec} s`;
  const h = Math.floor(min / 60);
  return zh ? `${h} 小时 ${min % 60} 分` : `${h} h ${min % 60} min`;
}

/** Kilometres an hour, whole; `–` when not known. */
export function kmh(mps: number | null | undefined): string {
  return mps === null || mps === undefined || !Number.isFinite(mps) ? UNKNOWN : `${Math.round(mps * 3.6)} km/h`;
}

/** Time of day in China, where the island is. */
export function clock(utcMs: number | null): string {
  if (utcMs === null) return '––:––:––';
  return new Date(utcMs + 8 * 3_600_000).toISOString().slice(11, 19);
}
