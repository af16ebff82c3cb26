import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** A part of the map, degrees, and how near it is looked at. */
export interface Viewport {
  west: number;
  south: number;
  east: number;
  north: number;
  zoom: number;
  /** A road user told of wherever it is. */
  chosen: bigint | null;
}

/** What the console says (`FromConsole` of `console.proto`). */
export interface Said {
  viewport?: Viewport;
  /** The newest frame that was taken. */
  taken?: number;
  /** The next is to be whole. */
  whole?: boolean;
}

export function encodeSaid(said: Said): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  if (said.viewport) writer.tag(1, WireType.LengthDelimited).bytes(encodeViewport(said.viewport));
  if (said.taken) writer.tag(2, WireType.Varint).uint64(said.taken);
  if (said.whole) writer.tag(3, WireType.Varint).bool(true);
  return new Uint8Array(writer.finish());
}

function encodeViewport(v: Viewport): Uint8Array {
  const e7 = (degrees: number, limit: number): number => Math.round(Math.min(Math.max(degrees, -limit), limit) * 1e7);
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).sint32(e7(v.west, 180));
  writer.tag(2, WireType.Varint).sint32(e7(v.south, 90));
  writer.tag(3, WireType.Varint).sint32(e7(v.east, 180));
  writer.tag(4, WireType.Varint).sint32(e7(v.north, 90));
  writer.tag(5, WireType.Bit32).float(v.zoom);
  if (v.chosen) writer.tag(6, WireType.Varint).uint64(v.chosen);
  return writer.finish();
}
