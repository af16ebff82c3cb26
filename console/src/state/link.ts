import type { Frame } from '../wire/frame';
import { Picture } from '../wire/picture';
import { encodeSaid, type Said, type Viewport } from '../wire/said';

export type LinkState = 'connecting' | 'open' | 'waiting';

export interface LinkEvents {
  frame(frame: Frame, atMs: number): void;
  state(state: LinkState, retryInMs: number | null): void;
  refused(error: Error): void;
}

/** Waits between attempts: doubled from the first to the last, each shortened by up to a quarter at random. */
const FIRST_WAIT_MS = 500;
const LAST_WAIT_MS = 15_000;
/** An open connection that says nothing for this long is given up. */
export const SILENCE_MS = 10_000;
/** A connection must deliver for this long before the waits start from the first again. */
const PROVEN_MS = 5_000;

/** How long to wait before attempt `attempt` (0 is the first after a loss); `random` in [0, 1). */
export function backoffMs(attempt: number, random: number): number {
  return Math.min(FIRST_WAIT_MS * 2 ** Math.min(attempt, 10), LAST_WAIT_MS) * (1 - random / 4);
}

/**
 * The WebSocket to the cloud: opens it, says what is looked at, reads frames and says that they were taken, and opens it
 * again when it is lost.
 */
export class Link {
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private attempt = 0;
  private openedAt = 0;
  private heardAt = 0;
  private picture = new Picture();
  private viewport: Viewport | undefined;

  constructor(
    private readonly url: string,
    private readonly events: LinkEvents,
  ) {
    setInterval(() => this.watch(), 1000);
  }

  connect(): void {
    clearTimeout(this.timer);
    this.drop();
    this.events.state('connecting', null);
    const socket = new WebSocket(this.url);
    this.picture = new Picture();
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    this.heardAt = performance.now();
    socket.onopen = () => {
      this.openedAt = this.heardAt = performance.now();
      this.events.state('open', null);
      if (this.viewport) this.say({ viewport: this.viewport });
    };
    socket.onmessage = (event) => this.read(event.data);
    socket.onclose = () => this.lost();
  }

  /** Says what is looked at from now on, on this connection and on those to come. */
  look(viewport: Viewport): void {
    this.viewport = viewport;
    this.say({ viewport });
  }

  private say(said: Said): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(encodeSaid(said));
  }

  private read(data: unknown): void {
    const now = performance.now();
    try {
      if (!(data instanceof ArrayBuffer)) throw new Error('frame: text where bytes belong');
      const frame = this.picture.take(new Uint8Array(data));
      this.say({ taken: this.picture.number });
      this.heardAt = now;
      if (now - this.openedAt > PROVEN_MS) this.attempt = 0;
      this.events.frame(frame, now);
    } catch (error) {
      this.events.refused(error instanceof Error ? error : new Error(String(error)));
      this.say({ whole: true });
    }
  }

  private watch(): void {
    if (this.socket && performance.now() - this.heardAt > SILENCE_MS) this.lost();
  }

  private lost(): void {
    this.drop();
    clearTimeout(this.timer);
    const wait = backoffMs(this.attempt++, Math.random());
    this.timer = setTimeout(() => this.connect(), wait);
    this.events.state('waiting', wait);
  }

  private drop(): void {
    const socket = this.socket;
    if (!socket) return;
    this.socket = null;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
  }
}
