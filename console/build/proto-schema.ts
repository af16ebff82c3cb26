import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import type { Plugin } from 'vite';
import type { FieldSpec, Schema } from '../src/wire/decode';

const MODULE = 'virtual:console-schema';

/** Turns a .proto text into the table that `src/wire/decode.ts` reads by. */
export function schemaOf(text: string): Schema {
  const root = protobuf.parse(text, { keepCase: false }).root;
  root.resolveAll();
  const schema: Schema = {};
  const visit = (namespace: protobuf.NamespaceBase): void => {
    for (const entry of namespace.nestedArray) {
      if (entry instanceof protobuf.Type) schema[entry.name] = fieldsOf(entry);
      if (entry instanceof protobuf.Namespace) visit(entry);
    }
  };
  visit(root);
  return schema;
}

function fieldsOf(type: protobuf.Type): Record<number, FieldSpec> {
  const fields: Record<number, FieldSpec> = {};
  for (const field of type.fieldsArray) {
    const isEnum = field.resolvedType instanceof protobuf.Enum;
    fields[field.id] = {
      name: field.name,
      type: isEnum ? 'enum' : field.type,
      ...(field.repeated ? { repeated: true } : {}),
      ...(field instanceof protobuf.MapField ? { key: field.keyType } : {}),
    };
  }
  return fields;
}

/** Makes the wire schema importable as `virtual:console-schema`, read from the .proto at build time. */
export function protoSchema(path: string): Plugin {
  const file = fileURLToPath(new URL(`../${path}`, import.meta.url));
  return {
    name: 'jxz-proto-schema',
    resolveId: (id) => (id === MODULE ? `\0${MODULE}` : undefined),
    load(id) {
      if (id !== `\0${MODULE}`) return undefined;
      this.addWatchFile(file);
      return `export default ${JSON.stringify(schemaOf(readFileSync(file, 'utf8')))};`;
    },
  };
}
