import { t } from '../i18n';
import { FRAME_LATE_MS, FRAME_STALE_MS, type Store } from '../state/store';
import { byId, text } from './dom';

/** How long the first connection may take before the banner speaks of it. */
const PATIENCE_MS = 2500;

/** Says in plain words when what is shown is not the present. */
export class Banner {
  private readonly element = byId('banner');
  private readonly words = this.element.querySelector('p') as HTMLElement;
  private readonly startedAt = performance.now();
  mapFailed = false;

  constructor(
    private readonly store: Store,
    retry: () => void,
  ) {
    (this.element.querySelector('button') as HTMLElement).addEventListener('click', retry);
  }

  refresh(): void {
    const words = bannerWords(this.store, performance.now() - this.startedAt, this.mapFailed, performance.now());
    this.element.hidden = words === null;
    (this.element.querySelector('button') as HTMLElement).hidden = this.store.link !== 'waiting';
    text(this.words, words ?? '');
  }
}

/** The banner's words, or null when all is well; `upMs` since the page began, `nowMs` on the store's clock. */
export function bannerWords(store: Store, upMs: number, mapFailed: boolean, nowMs: number): string | null {
  const age = store.ageMs();
  const down = store.link !== 'open' && (age === null || age > FRAME_LATE_MS || store.link === 'waiting');
  const quiet = store.link === 'open' && age !== null && age > FRAME_LATE_MS;
  const never = age === null && upMs > PATIENCE_MS;
  const parts: string[] = [];
  if (down && (age !== null || never)) parts.push(t('bannerLost'));
  else if (quiet) parts.push(t('bannerSilent'));
  if (never) parts.push(t('bannerNever'));
  if ((down || quiet) && age !== null) {
    parts.push(t(age > FRAME_STALE_MS ? 'bannerTooOld' : 'bannerAge', { n: Math.round(age / 1000) }));
  }
  if (parts.length > 0 && store.link !== 'open') {
    const left = store.retryAt === null ? 0 : Math.ceil((store.retryAt - nowMs) / 1000);
    parts.push(store.link === 'waiting' && left > 0 ? t('bannerRetry', { n: left }) : t('bannerTrying'));
  }
  if (mapFailed) parts.push(t('mapFailed'));
  return parts.length > 0 ? parts.join(' ') : null;
}
