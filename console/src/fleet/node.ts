import { t, tApplication, tName, type Key } from '../i18n';
import { attribute, h } from '../ui/dom';
import { decimal, millis, span, UNKNOWN, whole } from '../ui/format';
import { icon } from '../ui/icons';
import { ask } from '../account/api';
import type { NodeRow } from './api';
import { LogView } from './log';
import { agrees, lifeLeft, may, standing, STANDING_STATE } from './model';
import { badge, day, facts, heading, note, SureButton, table } from './parts';

/** What the page of a node may do. */
export interface NodeActions {
  /** Does something, and shows what comes of it. */
  act(work: () => Promise<unknown>): void;
  addNode(site: string): void;
}

/** A part of the page, and what it shows: it is built anew only when that has changed, so that a press is not lost. */
export interface Section {
  key: string;
  shows: unknown;
  make: () => HTMLElement[];
}

/** Everything of one node. */
export class NodePage {
  private readonly revoke = new Map<string, SureButton>();
  readonly log = new LogView();

  constructor(private readonly actions: NodeActions) {}

  sections(node: NodeRow, right: string, enrolment: boolean, nowMs: number): Section[] {
    const minute = Math.floor(nowMs / 60_000);
    return [
      { key: 'standing', shows: [node.name_zh, node.connected, node.service, node.configuration.state], make: () => this.standing(node) },
      {
        key: 'desired',
        shows: [node.configuration, node.map, node.software, node.health === null, minute],
        make: () => [heading('desiredAndActual'), ...this.desired(node, nowMs)],
      },
      {
        key: 'applications',
        shows: [node.applications, right],
        make: () => [heading('applicationSwitches'), this.applications(node, right)],
      },
      {
        key: 'certificate',
        shows: [node.certificate, node.certificates, node.managed, right, enrolment, minute],
        make: () => [heading('certificate'), ...this.certificate(node, right, enrolment, nowMs)],
      },
      { key: 'health', shows: node.health, make: () => [heading('health'), ...this.health(node)] },
      ...(may(right, 'operator') ? [{ key: 'log', shows: node.site, make: () => [heading('nodeLog'), ...this.log.show(node.site)] }] : []),
    ];
  }

  private standing(node: NodeRow): HTMLElement[] {
    const state = standing(node);
    const shortfalls = (node.service?.shortfalls ?? []).map((s) => h('li', {}, h('span', {}, tName(s.name)), h('b', {}, s.subject)));
    return [
      badge(STANDING_STATE[state], t(`standing_${state}`)),
      ...(shortfalls.length > 0 ? [h('ul', { class: 'pairs' }, ...shortfalls)] : []),
    ];
  }

  private desired(node: NodeRow, nowMs: number): HTMLElement[] {
    const { configuration: c } = node;
    const revision = (of: { revision: number; digest: string } | null): string =>
      of ? `${t('revisionN', { n: of.revision })} · ${of.digest.slice(0, 8)}` : UNKNOWN;
    const row = (key: Key, desired: string | null, actual: string | null): HTMLElement => {
      const same = agrees(desired, actual);
      const mark = same === null ? 'stale' : same ? 'fresh' : 'late';
      const words = h('th', { scope: 'row' }, h('i', { class: 'dot' }), ` ${t(key)}`);
      return h('tr', { 'data-state': mark }, words, h('td', {}, desired ?? UNKNOWN), h('td', {}, actual ?? UNKNOWN));
    };
    const parts = [
      table(['', 'desired', 'actual'], [
        row('configuration', c.desired ? revision(c.desired) : t('conf_none'), c.actual ? revision(c.actual) : node.health ? t('conf_none') : null),
        row('mapVersion', node.map.desired?.slice(0, 12) ?? null, node.map.actual?.slice(0, 12) ?? null),
        row('software', node.software.desired, node.software.actual),
      ]),
    ];
    if (c.desired) {
      const words = t('changedBy', { who: c.desired.who, why: c.desired.why, t: span(Math.max(nowMs - c.desired.at_ms, 0)) });
      parts.push(h('p', { class: 'note' }, `${t(`conf_${c.state}`)} · ${words}`));
    }
    if (c.reason) parts.push(h('p', { class: 'refused', role: 'alert' }, c.reason));
    if (agrees(node.software.desired, node.software.actual) === false) parts.push(note('softwareByPackages'));
    return parts;
  }

  private applications(node: NodeRow, right: string): HTMLElement {
    const rows = node.applications.map((application) => {
      const name = tApplication(application.name);
      // What is wanted shows at once; the word beside it is the node's.
      const wanted = application.wanted ?? application.on ?? false;
      const input = h('input', {
        type: 'checkbox',
        role: 'switch',
        checked: wanted,
        disabled: !may(right, 'operator'),
        'aria-label': t('switchOf', { name }),
        onchange: () => this.actions.act(() => ask('PUT', `nodes/${node.site}/applications/${application.name}`, { on: input.checked })),
      });
      input.checked = wanted;
      const state = { on: 'fresh', off: 'stale', pending: 'late', unknown: 'stale' }[application.state];
      return h(
        'label',
        { 'data-state': state },
        input,
        h('span', { class: 'name' }, name),
        h('span', { class: 'state' }, t(`switch_${application.state}`)),
      );
    });
    return h('div', { class: 'switches applications' }, ...rows);
  }

  private health(node: NodeRow): HTMLElement[] {
    const health = node.health;
    if (!health) return [note('noHealth')];
    const sensors = health.sensors.map((x) =>
      h(
        'tr',
        { 'data-state': x.freshness },
        h('th', { scope: 'row' }, h('i', { class: 'dot' }), icon(x.kind), `${tName(x.kind)} ${x.id}`),
        h('td', {}, tName(x.freshness)),
        h('td', {}, decimal(x.scans_per_s)),
      ),
    );
    const latencies = health.latencies.map((l) =>
      h('tr', {}, h('th', { scope: 'row' }, tName(l.stage)), h('td', {}, millis(l.p50_ms)), h('td', {}, millis(l.p99_ms))),
    );
    const drops = Object.entries(health.dropped).sort((a, b) => b[1] - a[1]);
    return [
      facts([
        ['uptime', span(health.uptime_s * 1000)],
        ['tracks', whole(health.tracks)],
        ['warnings', whole(health.warnings)],
        ['subscribers', whole(health.subscribers)],
      ]),
      table(['sensors', 'state', 'scansPerS'], sensors),
      table(['stage', 'p50', 'p99'], latencies),
      ...(drops.length > 0
        ? [h('ul', { class: 'pairs' }, ...drops.map(([cause, n]) => h('li', {}, h('span', {}, tName(cause)), h('b', {}, whole(n)))))]
        : [note('noDrops')]),
    ];
  }

  private certificate(node: NodeRow, right: string, enrolment: boolean, nowMs: number): HTMLElement[] {
    const shown = node.certificate;
    const parts: HTMLElement[] = [];
    if (shown) {
      const left = lifeLeft(node, nowMs) ?? 0;
      const bar = h('div', { class: 'life', 'data-state': left > 0.1 ? 'fresh' : 'lost' }, h('i', {}));
      (bar.firstElementChild as HTMLElement).style.width = `${left * 100}%`;
      parts.push(
        facts([
          ['certificateSerial', shown.serial],
          ['certificateUntil', day(shown.not_after_ms)],
          ['certificateRenews', day(shown.renew_at_ms)],
        ]),
        bar,
      );
    } else parts.push(note('certificateNone'));
    parts.push(note(node.managed ? 'certificateManaged' : 'certificateUnmanaged'));
    const kept = node.certificates.map((c) => {
      const words = c.revoked_at_ms === null ? day(c.not_after_ms) : `${t('revoked')} ${day(c.revoked_at_ms)}`;
      return h('li', {}, h('span', {}, `${c.serial.slice(0, 12)} · ${tName(`issued_${c.issued_for}`)}`), h('b', {}, words));
    });
    if (kept.length > 0) parts.push(h('ul', { class: 'pairs' }, ...kept));
    if (may(right, 'admin')) parts.push(this.doors(node.site, enrolment));
    return parts;
  }

  private doors(site: string, enrolment: boolean): HTMLElement {
    let revoke = this.revoke.get(site);
    if (!revoke) {
      revoke = new SureButton('revoke', 'revokeSure', () => this.actions.act(() => ask('POST', `nodes/${site}/revoke`)));
      this.revoke.set(site, revoke);
    }
    revoke.show();
    const add = h('button', { type: 'button', class: 'act', disabled: !enrolment, onclick: () => this.actions.addNode(site) }, t('addNode'));
    if (!enrolment) attribute(add, 'title', t('noEnrolment'));
    return h('p', { class: 'acts' }, add, revoke.element);
  }
}
