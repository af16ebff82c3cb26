import type { Frame } from '../wire/frame';
import type { Load } from './player';

/** So many frames are enough for a chart. */
const POINTS = 30;
/** Who drags the slider along comes to rest first. */
const REST_MS = 400;

/** Loads the minutes before a time of the past, thinned, for charts; another time ends what is on its way. */
export class Before {
  private control: AbortController | null = null;

  constructor(
    private readonly load: Load,
    private readonly spanMs: number,
    private readonly found: (frames: Frame[]) => void,
  ) {}

  async ask(ms: number): Promise<void> {
    this.control?.abort();
    const control = new AbortController();
    this.control = control;
    await new Promise((done) => setTimeout(done, REST_MS));
    if (control.signal.aborted) return;
    const frames: Frame[] = [];
    try {
      const query = { fromMs: Math.max(0, ms - this.spanMs), toMs: ms, everyMs: Math.ceil(this.spanMs / POINTS) };
      for await (const some of this.load(query, control.signal)) frames.push(...some);
    } catch {
      // A chart that begins later: what is played goes on.
    }
    if (!control.signal.aborted) this.found(frames);
  }
}
