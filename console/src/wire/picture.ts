import schema from 'virtual:console-schema';
import { decode, type Message, type Value } from './decode';
import {
  freshness, list, messages, num, readBeside, readCounted, readJunction, readRoadUsers, readSite, readTruth, readUpdate, readWarning,
  CLASSES, type Frame, type Freshness, type RoadUsers,
} from './frame';

const HEADING_UNKNOWN = 3600;

/** A road user in its slot, as the wire rounds it. */
interface Slot {
  id: bigint;
  site: number;
  class: number;
  lonE7: number;
  latE7: number;
  headingDecideg: number;
  speedCmps: number;
  freshness: Freshness;
  connected: boolean;
  also: number[] | null;
}

/**
 * What the cloud has told on one connection: takes its frames, whole ones and changes, and gives the whole each time. The
 * protocol is in `console.proto`. After an error it is good for nothing until a whole frame comes.
 */
export class Picture {
  /** The number of the newest frame that was taken; 0: none. */
  number = 0;
  private frame: Frame | null = null;
  private slots: (Slot | null)[] = [];

  take(bytes: Uint8Array): Frame {
    const message = decode(schema, 'Frame', bytes);
    const sentAtMs = num(message.sentAtMs);
    const delta = message.delta as Message | undefined;
    if (delta) {
      const before = this.frame;
      if (!before || num(delta.base) !== this.number) {
        this.frame = null;
        throw new Error(`frame: changes of frame ${num(delta.base)}, not of ${this.number}`);
      }
      // Half a change applied is no picture.
      this.frame = null;
      if (delta.roadUsers) this.change(delta.roadUsers as Message, before.sites.length);
      this.frame = this.merged(before, delta, sentAtMs);
    } else {
      const frame = readUpdate(message);
      this.slots = frame.roadUsers ? slotsOf(frame.roadUsers) : [];
      this.frame = frame;
    }
    this.number = num(message.number);
    return this.frame;
  }

  private merged(before: Frame, delta: Message, sentAtMs: number): Frame {
    const passed = Math.max(0, sentAtMs - before.sentAtMs);
    const part = (name: string): Message | undefined => delta[name] as Message | undefined;
    const [sites, warnings, junctions, beside] = [part('sites'), part('warnings'), part('junctions'), part('beside')];
    return {
      sentAtMs,
      roadUsers: this.columns(),
      truth: delta.truth ? readTruth(delta.truth as Message) : null,
      sites: sites
        ? messages(sites.site).map(readSite)
        : before.sites.map((s) => (s.lastHeardMs === null ? s : { ...s, lastHeardMs: s.lastHeardMs + passed })),
      warnings: warnings ? messages(warnings.warning).map(readWarning) : before.warnings,
      junctions: junctions
        ? messages(junctions.junction).map(readJunction)
        : before.junctions.map((j) => ({ ...j, phases: j.phases.map((p) => ({ ...p, endsInMs: Math.max(0, p.endsInMs - passed) })) })),
      ...(beside ? readBeside(beside) : { latencies: before.latencies, dropped: before.dropped }),
      counted: delta.counted ? readCounted(delta.counted as Message) : (before.counted ?? null),
    };
  }

  private change(m: Message, siteCount: number): void {
    for (const place of places(m.goneStep)) {
      this.at(place);
      this.slots[place] = null;
    }
    const column = <T>(name: string, steps: Value | undefined): T[] => {
      const [values, count] = [list<T>(m[name]), list(steps).length];
      if (values.length !== count) throw new Error(`frame: ${name} has ${values.length} values for ${count} slots`);
      return values;
    };
    const [lon, lat] = [column<number>('movedLonE7', m.movedStep), column<number>('movedLatE7', m.movedStep)];
    const [turned, faster] = [column<number>('turnedDecideg', m.movedStep), column<number>('fasterCmps', m.movedStep)];
    places(m.movedStep).forEach((place, k) => {
      const slot = this.at(place);
      slot.lonE7 += lon[k] as number;
      slot.latE7 += lat[k] as number;
      slot.headingDecideg += turned[k] as number;
      slot.speedCmps += faster[k] as number;
    });
    const [kinds, degrees] = [column<number>('markedClass', m.markedStep), column<number>('markedFreshness', m.markedStep)];
    const connected = column<boolean>('markedConnected', m.markedStep);
    places(m.markedStep).forEach((place, k) => {
      const slot = this.at(place);
      slot.class = kinds[k] as number;
      if (slot.class >= CLASSES.length) throw new Error(`frame: road user class ${slot.class}`);
      slot.freshness = freshness(degrees[k]);
      slot.connected = connected[k] as boolean;
    });
    const also = column<Message>('alsoSeen', m.alsoStep);
    places(m.alsoStep).forEach((place, k) => {
      const sites = list<number>((also[k] as Message).site);
      this.at(place).also = sites.length > 0 ? sites : null;
    });
    const added = m.added ? slotsOf(readRoadUsers(m.added as Message, siteCount)) : [];
    const into = places(m.addedStep);
    if (added.length !== into.length) throw new Error(`frame: ${added.length} road users for ${into.length} slots`);
    into.forEach((place, k) => {
      // The lowest slots are taken first: one beyond the next is none of the cloud's.
      if (place > this.slots.length || this.slots[place]) throw new Error(`frame: slot ${place} is taken or no slot`);
      this.slots[place] = added[k] as Slot;
    });
  }

  private at(place: number): Slot {
    const slot = this.slots[place];
    if (!slot) throw new Error(`frame: slot ${place} has no road user`);
    return slot;
  }

  private columns(): RoadUsers {
    const users = this.slots.filter((slot): slot is Slot => slot !== null);
    return {
      count: users.length,
      id: users.map((u) => u.id),
      site: Int16Array.from(users, (u) => u.site),
      class: Uint8Array.from(users, (u) => u.class),
      lon: Float64Array.from(users, (u) => u.lonE7 / 1e7),
      lat: Float64Array.from(users, (u) => u.latE7 / 1e7),
      headingDeg: Float32Array.from(users, (u) => (u.headingDecideg < HEADING_UNKNOWN ? u.headingDecideg / 10 : NaN)),
      speedMps: Float32Array.from(users, (u) => u.speedCmps / 100),
      freshness: users.map((u) => u.freshness),
      connected: users.map((u) => u.connected),
      alsoSeen: new Map(users.flatMap((u) => (u.also ? [[u.id, u.also] as const] : []))),
    };
  }
}

function slotsOf(users: RoadUsers): Slot[] {
  return users.id.map((id, i) => {
    const heading = users.headingDeg[i] as number;
    return {
      id,
      site: users.site[i] as number,
      class: users.class[i] as number,
      lonE7: Math.round((users.lon[i] as number) * 1e7),
      latE7: Math.round((users.lat[i] as number) * 1e7),
      headingDecideg: Number.isNaN(heading) ? HEADING_UNKNOWN : Math.round(heading * 10),
      speedCmps: Math.round((users.speedMps[i] as number) * 100),
      freshness: users.freshness[i] as Freshness,
      connected: users.connected[i] as boolean,
      also: users.alsoSeen?.get(id) ?? null,
    };
  });
}

/** Rising slots from their distances. */
function places(steps: Value | undefined): number[] {
  let at = 0;
  return list<number>(steps).map((step) => (at += step));
}
