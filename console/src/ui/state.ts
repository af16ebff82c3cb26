/** What the operator has chosen to look at. */
export type Choice =
  | { kind: 'site'; id: string }
  | { kind: 'warning'; id: string }
  | { kind: 'junction'; id: string }
  | { kind: 'roadUser'; id: bigint }
  | { kind: 'truth'; id: bigint }
  | null;

/** What parts of the page may ask of the whole. */
export interface Actions {
  choose(choice: Choice, fly?: boolean): void;
  openSheet(name: string | null): void;
  /** Opens the window of nodes and roll-outs, at a node if one is named. */
  manage(site: string | null): void;
}
