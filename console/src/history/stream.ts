import { readFrame, type Frame } from '../wire/frame';

/** A longer frame is none of the cloud's, bytes. */
const MAX_FRAME = 32 << 20;

/** Cuts a stream of bytes into frames, each after its length as a varint. Throws on bytes that are none. */
export class FrameCutter {
  private rest = new Uint8Array(0);

  /** The frames that are whole now. */
  take(bytes: Uint8Array): Frame[] {
    const joined = new Uint8Array(this.rest.length + bytes.length);
    joined.set(this.rest);
    joined.set(bytes, this.rest.length);
    const frames: Frame[] = [];
    let at = 0;
    for (;;) {
      const head = lengthAt(joined, at);
      if (!head) break;
      if (head.length > MAX_FRAME) throw new Error(`history: a frame of ${head.length} bytes`);
      if (head.end + head.length > joined.length) break;
      frames.push(readFrame(joined.subarray(head.end, head.end + head.length)));
      at = head.end + head.length;
    }
    this.rest = joined.slice(at);
    return frames;
  }
}

function lengthAt(bytes: Uint8Array, at: number): { length: number; end: number } | null {
  let length = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return null;
    length += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return { length, end: at + i + 1 };
  }
  throw new Error('history: a length that is none');
}

/** The frames of an answer, as they come. */
export async function* framesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Frame[]> {
  const reader = body.getReader();
  const cutter = new FrameCutter();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const frames = cutter.take(value);
      if (frames.length > 0) yield frames;
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}
