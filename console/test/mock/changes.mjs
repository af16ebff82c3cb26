// What one console is sent, as the cloud does it: everything until it says what it looks at, then what changed there.

/** The most that may be on its way to a console that says what it takes. */
const MAX_ON_THE_WAY = 5;
const MOVING = [['lonE7', 'movedLonE7'], ['latE7', 'movedLatE7'], ['headingDecideg', 'turnedDecideg'], ['speedCmps', 'fasterCmps']];
const COLUMNS = ['id', 'site', 'class', 'lonE7', 'latE7', 'headingDecideg', 'speedCmps', 'freshness', 'connected'];

export class Changes {
  /** How many frames told of changes alone, over all consoles. */
  static told = 0;
  number = 0;
  taken = 0;
  view = null;
  whole = true;
  slots = [];

  /** `types`: the messages of the .proto, by name. */
  constructor(types) {
    this.types = types;
  }

  hear(bytes) {
    const said = this.types.FromConsole.decode(bytes);
    if (said.viewport) {
      this.whole ||= this.view === null;
      this.view = said.viewport;
    }
    this.whole ||= said.whole;
    this.taken = Math.max(this.taken, Number(said.taken));
  }

  /** The bytes of the next frame; null while too many are on their way. */
  next({ sentAtMs, update }) {
    const { Frame } = this.types;
    if (this.view === null) return Frame.encode(Frame.create({ sentAtMs, update })).finish();
    if (this.number - this.taken >= MAX_ON_THE_WAY) {
      this.whole = true;
      return null;
    }
    const rows = this.rows(update.roadUsers);
    const byClass = [0, 1, 2].map((c) => update.roadUsers.class.filter((x) => x === c).length);
    const base = this.number++;
    const head = { sentAtMs, number: this.number };
    if (this.whole) {
      this.whole = false;
      this.slots = rows;
      return Frame.encode(Frame.create({ ...head, update: { ...update, roadUsers: columns(rows), counted: { byClass } } })).finish();
    }
    Changes.told += 1;
    // Sites twice a second; between those, they are as they were.
    const sites = this.number % 5 === 0 ? { sites: { site: update.sites } } : {};
    const delta = {
      base,
      roadUsers: this.changes(rows),
      ...sites,
      warnings: { warning: update.warnings },
      junctions: { junction: update.junctions },
      beside: { latencies: update.latencies, dropped: update.dropped },
      counted: { byClass },
      ...(update.truth ? { truth: update.truth } : {}),
    };
    return Frame.encode(Frame.create({ ...head, delta })).finish();
  }

  rows(users) {
    const { westE7, southE7, eastE7, northE7 } = this.view;
    const margin = [(eastE7 - westE7) / 4, (northE7 - southE7) / 4];
    const rows = users.id.map((_, i) => Object.fromEntries(COLUMNS.map((name) => [name, users[name][i]])));
    return rows.filter(
      (r) => r.lonE7 >= westE7 - margin[0] && r.lonE7 <= eastE7 + margin[0] && r.latE7 >= southE7 - margin[1] && r.latE7 <= northE7 + margin[1],
    );
  }

  changes(rows) {
    const key = (row) => `${row.id.high}:${row.id.low}`;
    const now = new Map(rows.map((row) => [key(row), row]));
    const m = { goneStep: [], addedStep: [], movedStep: [], movedLonE7: [], movedLatE7: [], turnedDecideg: [], fasterCmps: [] };
    Object.assign(m, { markedStep: [], markedClass: [], markedFreshness: [], markedConnected: [] });
    const [gone, moved, marked, free] = [[], [], [], []];
    this.slots.forEach((had, slot) => {
      const row = had ? now.get(key(had)) : null;
      if (!had) free.push(slot);
      else if (!row) {
        gone.push(slot);
        this.slots[slot] = null;
      } else {
        now.delete(key(had));
        moved.push(slot);
        for (const [name, by] of MOVING) m[by].push(row[name] - had[name]);
        if (row.class !== had.class || row.freshness !== had.freshness || row.connected !== had.connected) {
          marked.push(slot);
          m.markedClass.push(row.class);
          m.markedFreshness.push(row.freshness);
          m.markedConnected.push(row.connected);
        }
        this.slots[slot] = row;
      }
    });
    const added = [...now.values()].map((row) => {
      const slot = free.shift() ?? this.slots.length;
      this.slots[slot] = row;
      return slot;
    });
    return { ...m, goneStep: steps(gone), movedStep: steps(moved), markedStep: steps(marked), addedStep: steps(added), added: columns([...now.values()]) };
  }
}

const columns = (rows) => Object.fromEntries(COLUMNS.map((name) => [name, rows.map((row) => row[name])]));
const steps = (slots) => slots.map((slot, i) => slot - (slots[i - 1] ?? 0));
