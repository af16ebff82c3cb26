import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** One field of a message: its name, and a scalar type, `enum`, or a message's name. */
export interface FieldSpec {
  name: string;
  type: string;
  repeated?: true;
  /** Type of the keys, for a map. */
  key?: string;
}

/** Messages by name, their fields by number. Made from the .proto at build time (`build/proto-schema.ts`). */
export type Schema = Record<string, Record<number, FieldSpec>>;

export type Scalar = number | bigint | string | boolean;
export type Value = Scalar | Message | Value[] | Map<Scalar, Value>;
export interface Message {
  [field: string]: Value | undefined;
}

/** Deeper nesting than any message of ours has. */
const MAX_DEPTH = 8;

const SCALARS: Record<string, [WireType, (r: BinaryReader) => Scalar]> = {
  uint32: [WireType.Varint, (r) => r.uint32()],
  int32: [WireType.Varint, (r) => r.int32()],
  sint32: [WireType.Varint, (r) => r.sint32()],
  enum: [WireType.Varint, (r) => r.int32()],
  bool: [WireType.Varint, (r) => r.bool()],
  uint64: [WireType.Varint, (r) => BigInt(r.uint64())],
  fixed64: [WireType.Bit64, (r) => BigInt(r.fixed64())],
  double: [WireType.Bit64, (r) => r.double()],
  string: [WireType.LengthDelimited, (r) => r.string()],
};

/**
 * Decodes one message. Fields that the bytes do not carry are absent from the result (repeated ones and maps too).
 * Throws on bytes that are not a message of this schema; fields that the schema does not know are skipped.
 */
export function decode(schema: Schema, name: string, bytes: Uint8Array, depth = 0): Message {
  const fields = schema[name];
  if (!fields) throw new Error(`decode: no message ${name} in the schema`);
  if (depth > MAX_DEPTH) throw new Error(`decode ${name}: nested too deeply`);
  const reader = new BinaryReader(bytes);
  const message: Message = {};
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    const field = fields[number];
    if (field) readField(schema, field, reader, wire, message, depth);
    else reader.skip(wire, number);
  }
  return message;
}

function readField(s: Schema, f: FieldSpec, r: BinaryReader, wire: WireType, into: Message, depth: number): void {
  if (f.key !== undefined) {
    const map = (into[f.name] ??= new Map()) as Map<Scalar, Value>;
    const [key, value] = readMapEntry(s, f, r.bytes(), depth);
    map.set(key, value);
    return;
  }
  if (!f.repeated) {
    into[f.name] = readValue(s, f, r, wire, depth);
    return;
  }
  const list = (into[f.name] ??= []) as Value[];
  const scalar = SCALARS[f.type];
  if (scalar && wire === WireType.LengthDelimited && scalar[0] !== WireType.LengthDelimited) {
    const end = r.uint32() + r.pos;
    if (end > r.len) throw new Error(`decode ${f.name}: a column runs past the end of its message`);
    while (r.pos < end) list.push(scalar[1](r));
    return;
  }
  list.push(readValue(s, f, r, wire, depth));
}

function readValue(s: Schema, f: FieldSpec, r: BinaryReader, wire: WireType, depth: number): Value {
  const scalar = SCALARS[f.type];
  const expected = scalar ? scalar[0] : WireType.LengthDelimited;
  if (wire !== expected) throw new Error(`decode ${f.name}: wire type ${wire} where ${expected} belongs`);
  return scalar ? scalar[1](r) : decode(s, f.type, r.bytes(), depth + 1);
}

function readMapEntry(s: Schema, f: FieldSpec, bytes: Uint8Array, depth: number): [Scalar, Value] {
  const entry: Schema = { ...s, entry: { 1: { name: 'key', type: f.key ?? 'string' }, 2: { name: 'value', type: f.type } } };
  const { key, value } = decode(entry, 'entry', bytes, depth + 1);
  return [(key ?? (f.key === 'string' ? '' : 0)) as Scalar, value ?? (f.type === 'string' ? '' : 0)];
}
