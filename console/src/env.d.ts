declare module 'virtual:console-schema' {
  const schema: import('./wire/decode').Schema;
  export default schema;
}
