import { onLanguage, pick, t, tApplication, tKind, tName, type Key } from '../i18n';
import { LIGHT_COLOURS } from '../map/markers';
import { isCurrent, type Store } from '../state/store';
import { nearest } from '../state/truth';
import { CLASSES, TRUTH_KINDS, type Site, type Truth, type Warning } from '../wire/frame';
import { attribute, byId, h, text } from './dom';
import { decimal, kmh, millis, percent, span, UNKNOWN, whole } from './format';
import { icon } from './icons';
import type { Actions, Choice } from './state';

/**
 * Everything known of the one thing chosen. Its parts are built anew at each refresh, and those that say something else take
 * the old ones' places: what stays as it was may be pressed across a refresh.
 */
export class DetailsPanel {
  private readonly card = byId('details');
  private readonly title = h('h2');
  private readonly body = h('div', { class: 'scroll' });
  private choice: Choice = null;

  constructor(
    private readonly store: Store,
    private readonly actions: Actions,
    private readonly junctionName: (id: string) => string,
    private readonly truthShown: () => boolean,
  ) {
    const close = h('button', { type: 'button', class: 'ghost', onclick: () => actions.choose(null) }, icon('close'));
    const fly = h('button', { type: 'button', class: 'ghost', onclick: () => actions.choose(this.choice, true) }, icon('target'));
    this.card.append(h('header', {}, this.title, fly, close), this.body);
    onLanguage(() => {
      for (const [button, key] of [[close, 'close'], [fly, 'flyTo']] as const) {
        attribute(button, 'aria-label', t(key));
        attribute(button, 'title', t(key));
      }
    });
  }

  refresh(choice: Choice): void {
    const another = choice?.kind !== this.choice?.kind || choice?.id !== this.choice?.id;
    this.choice = choice;
    this.card.hidden = choice === null;
    if (!choice) return;
    const [title, parts] = this.content(choice);
    text(this.title, title);
    const top = this.body.scrollTop;
    const focused = [...this.body.querySelectorAll('button')].indexOf(document.activeElement as HTMLButtonElement);
    if (another) this.body.replaceChildren(...parts);
    else this.renew(parts);
    this.body.scrollTop = top;
    if (focused >= 0 && !this.body.contains(document.activeElement)) this.body.querySelectorAll('button')[focused]?.focus({ preventScroll: true });
  }

  private renew(parts: HTMLElement[]): void {
    const old = [...this.body.children];
    for (const gone of old.slice(parts.length)) gone.remove();
    parts.forEach((part, i) => {
      const before = old[i];
      if (!before) this.body.append(part);
      else if (!before.isEqualNode(part)) before.replaceWith(part);
    });
  }

  private content(choice: Exclude<Choice, null>): [string, HTMLElement[]] {
    switch (choice.kind) {
      case 'site': {
        const site = this.store.sites().find((s) => s.id === choice.id);
        return site ? [pick(site.nameZh, site.nameEn), this.site(site)] : [choice.id, [gone()]];
      }
      case 'warning': {
        const warning = this.store.warnings().find((w) => w.id === choice.id);
        return warning ? [tKind(warning.kind), this.warning(warning)] : [t('warnings'), [gone()]];
      }
      case 'junction':
        return [this.junctionName(choice.id) || choice.id, this.junction(choice.id)];
      case 'roadUser':
        return this.roadUser(choice.id);
      case 'truth':
        return this.truth(choice.id);
    }
  }

  private site(s: Site): HTMLElement[] {
    const age = this.store.ageMs() ?? 0;
    const heard = s.lastHeardMs === null ? t('never') : t('ago', { t: span(s.lastHeardMs + age) });
    const sensors = s.sensors.map((x) =>
      h(
        'tr',
        { 'data-state': x.freshness },
        h('th', { scope: 'row' }, h('i', { class: 'dot' }), icon(x.kind), `${tName(x.kind)} ${x.id}`),
        h('td', {}, t(x.freshness)),
        h('td', {}, decimal(x.scansPerS)),
      ),
    );
    const latencies = s.latencies.map((l) =>
      h('tr', {}, h('th', { scope: 'row' }, tName(l.stage)), h('td', {}, millis(l.p50Ms)), h('td', {}, millis(l.p99Ms))),
    );
    const drops = [...s.dropped].sort((a, b) => b[1] - a[1]);
    return [
      badge(s.freshness),
      h('p', { class: 'links' }, h('button', { type: 'button', class: 'link', onclick: () => this.actions.manage(s.id) }, t('manageNode'))),
      facts([
        ['lastHeard', heard],
        ['tracks', whole(s.tracks)],
        ['warnings', whole(s.warnings)],
      ]),
      heading('sensors'),
      table(['sensors', 'state', 'scansPerS'], sensors),
      heading('latency', 'ms'),
      latencies.length > 0 ? table(['stage', 'p50', 'p99'], latencies) : note('noLatency'),
      heading('dropped'),
      drops.length > 0
        ? h('ul', { class: 'pairs' }, ...drops.map(([cause, n]) => h('li', {}, h('span', {}, tName(cause)), h('b', {}, whole(n)))))
        : note('noDrops'),
      facts([
        ['software', s.softwareVersion ?? UNKNOWN],
        ['mapVersion', s.mapVersion ?? UNKNOWN],
        ['position', `${s.lat.toFixed(5)}, ${s.lon.toFixed(5)}`],
        ['number', s.id],
      ]),
    ];
  }

  private warning(w: Warning): HTMLElement[] {
    const now = this.store.cloudNowMs() ?? 0;
    const site = this.store.frame?.sites.find((s) => s.id === w.site);
    const users = [...new Set([...w.concerned, ...w.about])].slice(0, 12);
    const buttons = users.map((id) => {
      const choose = (): void => this.actions.choose({ kind: 'roadUser', id }, true);
      return h('button', { type: 'button', class: 'link', 'data-id': String(id), onclick: choose }, shortId(id));
    });
    return [
      h('p', { class: 'reason big', 'data-kind': w.kind }, pick(w.reasonZh, w.reasonEn)),
      facts([
        ['application', w.application ? tApplication(w.application) : UNKNOWN],
        ['level', w.level ? tName(w.level) : UNKNOWN],
        ['state', tName(w.stage)],
        ['confidence', percent(w.confidence)],
        ['seenBy', site ? pick(site.nameZh, site.nameEn) : w.site],
        ['position', `${w.lat.toFixed(5)}, ${w.lon.toFixed(5)}`],
        ['number', w.id],
        // The same wherever the warning is known (crates/io/trace): by it a collector finds its way to the driver.
        ['trace', `6a787a2d7761726e${w.id}`],
      ]),
      h('p', { class: 'note' }, t('since', { t: span(now - w.sinceMs) })),
      ...why(w),
      ...(buttons.length > 0 ? [heading('roadUsers'), h('p', { class: 'links' }, ...buttons)] : []),
    ];
  }

  private junction(id: string): HTMLElement[] {
    const junction = this.store.junctions().find((j) => j.id === id);
    if (!junction || junction.phases.length === 0) return [note('noSignals')];
    const known = isCurrent(junction.freshness);
    const rows = junction.phases.map((p) => {
      const lamp = h('i', { class: 'lamp' });
      lamp.style.background = known ? (LIGHT_COLOURS[p.light] ?? 'var(--dim)') : 'var(--dim)';
      const left = known ? this.store.countdownMs(p) : null;
      return h(
        'tr',
        {},
        h('th', { scope: 'row' }, t('phase', { n: p.phase })),
        h('td', { class: 'left' }, lamp, known ? tName(p.light) : t('unknown')),
        h('td', {}, left === null ? UNKNOWN : `${Math.ceil(left / 1000)} s`),
      );
    });
    return [badge(junction.freshness), heading('signals'), table(['phaseColumn', 'light', 'changesIn'], rows)];
  }

  private roadUser(id: bigint): [string, HTMLElement[]] {
    const users = this.store.frame?.roadUsers;
    const i = users ? users.id.indexOf(id) : -1;
    if (!users || i < 0 || this.store.freshness() === 'lost') return [t('roadUsers'), [gone()]];
    const site = this.store.frame?.sites[users.site[i] ?? -1];
    const heading = users.headingDeg[i] as number;
    const parts = [
      badge(users.freshness[i] ?? 'unknown'),
      facts([
        ['speed', kmh(users.speedMps[i])],
        ['heading', Number.isNaN(heading) ? UNKNOWN : `${Math.round(heading)}°`],
        ['seenBy', this.seenBy(id, site)],
        ['position', `${(users.lat[i] as number).toFixed(6)}, ${(users.lon[i] as number).toFixed(6)}`],
        ['number', shortId(id)],
      ]),
      users.connected[i] ? h('p', { class: 'note' }, t('connected')) : null,
      ...this.truthBeside(users.lon[i] as number, users.lat[i] as number),
    ];
    const name = CLASSES[users.class[i] ?? 0] ?? 'motor';
    return [t(name), parts.filter((p): p is HTMLElement => p !== null)];
  }

  /** The site whose estimate is shown, then the others that see it. */
  private seenBy(id: bigint, site: Site | undefined): string {
    const others = (this.store.frame?.roadUsers?.alsoSeen?.get(id) ?? []).map((i) => this.store.frame?.sites[i]);
    const names = [site, ...others].flatMap((s) => (s ? [pick(s.nameZh, s.nameEn)] : []));
    return names.length > 0 ? names.join(' · ') : UNKNOWN;
  }

  /** What a simulator says of the road user nearest to a track. */
  private truthBeside(lon: number, lat: number): HTMLElement[] {
    const truth = this.truthShown() ? this.store.truth() : null;
    if (!truth) return [];
    const found = nearest(lon, lat, truth);
    return [heading('layerTruth'), ...(found ? [facts([...truthFacts(truth, found.index), ['apart', metres(found.distanceM)]])] : [note('noTruthNear')])];
  }

  /** A road user as it really is, with the track nearest to it. */
  private truth(id: bigint): [string, HTMLElement[]] {
    const truth = this.store.truth();
    const i = truth ? truth.id.indexOf(id) : -1;
    if (!truth || i < 0) return [t('layerTruth'), [gone()]];
    const users = this.store.frame?.roadUsers;
    const found = users ? nearest(truth.lon[i] as number, truth.lat[i] as number, users) : null;
    const position = `${(truth.lat[i] as number).toFixed(6)}, ${(truth.lon[i] as number).toFixed(6)}`;
    const rows: [Key, string][] = [
      ...truthFacts(truth, i),
      ['position', position],
      ['number', String(id)],
      ['nearestTrack', found ? metres(found.distanceM) : t('noTrackNear')],
    ];
    return [`${t('layerTruth')} · ${tName(TRUTH_KINDS[truth.kind[i] ?? 0] ?? '')}`, [facts(rows)]];
  }
}

/** What a warning rests on: measured numbers, the chain of times, the record. */
function why(w: Warning): HTMLElement[] {
  if (!w.why) return [];
  const { measured, sensedAtMs, receivedAtMs, boot, sequence, revision } = w.why;
  const numbers = [...measured].map(([name, value]) => h('li', {}, h('span', {}, tName(`measured_${name}`)), h('b', {}, shown(name, value))));
  return [
    heading('why'),
    ...(numbers.length > 0 ? [h('ul', { class: 'pairs' }, ...numbers)] : []),
    facts([
      ['sensedAt', moment(sensedAtMs)],
      ['raisedAt', moment(w.sinceMs)],
      ['receivedAt', `${moment(receivedAtMs)} (+${whole(receivedAtMs - sensedAtMs)} ms)`],
      ['record', `${boot.toString(16)} / ${sequence}`],
      ['revision', whole(revision)],
    ]),
  ];
}

/** Time of day at the island, with milliseconds. */
const moment = (ms: number): string => (ms > 0 ? new Date(ms + 8 * 3_600_000).toISOString().slice(11, 23) : UNKNOWN);

/** A measured number with the unit that its name ends in. */
function shown(name: string, value: number): string {
  if (name.endsWith('_mps2')) return `${value.toFixed(1)} m/s²`;
  if (name.endsWith('_mps')) return `${(value * 3.6).toFixed(0)} km/h`;
  if (name.endsWith('_m')) return `${value.toFixed(1)} m`;
  if (name.endsWith('_s')) return `${value.toFixed(1)} s`;
  return String(value);
}

function truthFacts(truth: Truth, i: number): [Key, string][] {
  return [
    ['class', tName(TRUTH_KINDS[truth.kind[i] ?? 0] ?? '')],
    ['speed', kmh(truth.speedMps[i])],
    ['heading', `${Math.round(truth.headingDeg[i] as number)}°`],
  ];
}

const metres = (m: number): string => `${m.toFixed(1)} m`;
const shortId = (id: bigint): string => `#${id.toString(16)}`;
const gone = (): HTMLElement => note('gone');
const note = (key: Key): HTMLElement => h('p', { class: 'note' }, t(key));
const heading = (key: Key, unit = ''): HTMLElement => h('h3', {}, t(key), unit ? h('small', {}, ` ${unit}`) : null);
const badge = (freshness: string): HTMLElement =>
  h('p', { class: 'badge', 'data-state': freshness }, h('i', { class: 'dot' }), tName(freshness));

function facts(rows: [Key, string][]): HTMLElement {
  return h('dl', { class: 'facts' }, ...rows.map(([key, value]) => h('div', {}, h('dt', {}, t(key)), h('dd', {}, value))));
}

function table(head: string[], rows: HTMLElement[]): HTMLElement {
  const cells = head.map((name) => h('th', { scope: 'col' }, tName(name)));
  return h('table', { class: 'figures' }, h('thead', {}, h('tr', {}, ...cells)), h('tbody', {}, ...rows));
}
