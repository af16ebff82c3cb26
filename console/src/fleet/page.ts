import { currentLanguage, onLanguage, pick, t, type Key } from '../i18n';
import { attribute, h, Keyed, text } from '../ui/dom';
import { icon } from '../ui/icons';
import { ask } from '../account/api';
import { type NodeList, type NodeRow, type RolloutRow, type Token } from './api';
import { standing, STANDING_STATE } from './model';
import { NodePage, type NodeActions, type Section } from './node';
import { day } from './parts';
import { RolloutsPage } from './rollouts';

const REFRESH_MS = 1_000;
type Tab = 'fleetNodes' | 'fleetRollouts';

/** The window of nodes and roll-outs. It asks the cloud only while it is open. */
export class FleetPage implements NodeActions {
  private readonly dialog = h('dialog', { id: 'fleet', class: 'card' });
  private readonly said = h('p', { class: 'refused', role: 'alert', hidden: true });
  private readonly nodes = h('div', { class: 'nodes' });
  private readonly list = h('div', { class: 'rows scroll' });
  private readonly body = h('div', { class: 'scroll node' });
  private readonly node = new NodePage(this);
  private readonly rollouts = new RolloutsPage((work) => this.act(work));
  private readonly token = h('dialog', { id: 'token', class: 'card' });
  private readonly rows: Keyed<NodeRow>;
  private readonly shown = new WeakMap<HTMLElement, string>();
  private readonly tabs = new Map<Tab, HTMLButtonElement>();
  private tab: Tab = 'fleetNodes';
  private site: string | null = null;
  private known: NodeList = { nodes: [], enrolment: false, right: 'viewer' };
  private made: RolloutRow[] = [];
  private timer = 0;
  private asking = false;

  constructor() {
    const title = h('h2');
    const close = h('button', { type: 'button', class: 'ghost', onclick: () => this.dialog.close() }, icon('close'));
    const tabs = h('div', { class: 'switch', role: 'tablist' });
    for (const tab of ['fleetNodes', 'fleetRollouts'] as const) {
      const button = h('button', { type: 'button', role: 'tab', onclick: () => this.showTab(tab) });
      this.tabs.set(tab, button);
      tabs.append(button);
    }
    this.rows = new Keyed(this.list, (node) => node.site, (node) => this.row(node.site));
    this.nodes.append(this.list, this.body);
    this.dialog.append(h('header', {}, title, tabs, close), this.said, this.nodes, this.rollouts.element);
    this.dialog.addEventListener('close', () => {
      clearInterval(this.timer);
      this.node.log.stop();
    });
    document.body.append(this.dialog, this.token);
    onLanguage(() => {
      text(title, t('fleet'));
      attribute(this.dialog, 'aria-label', t('fleet'));
      attribute(close, 'aria-label', t('close'));
      for (const [tab, button] of this.tabs) text(button, t(tab));
      if (this.dialog.open) this.refresh();
    });
    this.showTab('fleetNodes');
  }

  /** Opens it, at a node if one is named. */
  open(site: string | null): void {
    if (site !== null) {
      this.site = site;
      this.showTab('fleetNodes');
    }
    if (!this.dialog.open) this.dialog.showModal();
    clearInterval(this.timer);
    this.timer = window.setInterval(() => void this.load(), REFRESH_MS);
    void this.load();
  }

  get isOpen(): boolean {
    return this.dialog.open;
  }

  act(work: () => Promise<unknown>): void {
    const done = async (): Promise<void> => {
      try {
        await work();
        this.say(null);
      } catch (error) {
        this.say(error instanceof Error ? error.message : String(error));
      }
      await this.load(true);
    };
    void done();
  }

  addNode(site: string): void {
    this.act(async () => this.showToken(await ask<Token>('POST', `nodes/${site}/join-tokens`, {})));
  }

  /** The token is in this window and nowhere else; closed, it is gone. */
  private showToken(token: Token): void {
    const command = h('code', { class: 'command', tabindex: '0' }, token.command);
    const copy = h('button', { type: 'button', class: 'act' }, t('copy'));
    copy.addEventListener('click', () => {
      void navigator.clipboard.writeText(token.command).then(() => text(copy, t('copied')));
    });
    const close = h('button', { type: 'button', class: 'act', onclick: () => this.token.close() }, t('close'));
    this.token.replaceChildren(
      h('header', {}, h('h2', {}, t('addNodeFor', { site: token.site }))),
      h('p', { class: 'note' }, t('tokenOnce', { t: day(token.expires_at_ms) })),
      command,
      h('p', { class: 'note' }, t('tokenReplaces')),
      h('p', { class: 'acts' }, copy, close),
    );
    this.token.addEventListener('close', () => this.token.replaceChildren(), { once: true });
    this.token.showModal();
  }

  private showTab(tab: Tab): void {
    this.tab = tab;
    for (const [name, button] of this.tabs) {
      attribute(button, 'aria-selected', String(name === tab));
      attribute(button, 'aria-pressed', String(name === tab));
    }
    this.nodes.hidden = tab !== 'fleetNodes';
    this.rollouts.element.hidden = tab !== 'fleetRollouts';
    if (this.dialog.open) this.refresh();
  }

  private async load(again = false): Promise<void> {
    if (this.asking && !again) return;
    this.asking = true;
    try {
      const [known, rollouts] = await Promise.all([
        ask<NodeList>('GET', 'fleet'),
        ask<{ rollouts: RolloutRow[] }>('GET', 'rollouts'),
      ]);
      this.known = known;
      this.made = rollouts.rollouts;
      attribute(this.dialog, 'data-failed', null);
    } catch (error) {
      console.warn(error instanceof Error ? error.message : error);
      attribute(this.dialog, 'data-failed', '');
      this.say(t('fleetFailed'));
    } finally {
      this.asking = false;
    }
    this.refresh();
  }

  private say(words: string | null): void {
    this.said.hidden = words === null;
    text(this.said, words ?? '');
  }

  private refresh(): void {
    const nowMs = Date.now();
    this.rows.show(this.known.nodes);
    const node = this.known.nodes.find((n) => n.site === this.site);
    if (this.tab === 'fleetRollouts') {
      this.rollouts.show(this.made, this.known.nodes, this.known.right, nowMs);
      return;
    }
    this.showNode(node, nowMs);
  }

  private showNode(node: NodeRow | undefined, nowMs: number): void {
    const { right, enrolment } = this.known;
    const none: Section = { key: 'none', shows: null, make: () => [h('p', { class: 'note' }, t('fleetChoose'))] };
    const title = (of: NodeRow): Section => ({ key: 'title', shows: nameOf(of), make: () => [h('h2', {}, nameOf(of))] });
    const sections = node ? [title(node), ...this.node.sections(node, right, enrolment, nowMs)] : [none];
    const at = `${currentLanguage()} ${node?.site ?? ''}`;
    if (this.body.dataset.at !== at) this.body.replaceChildren();
    this.body.dataset.at = at;
    this.body.querySelectorAll(':scope > [data-section]').forEach((element) => {
      if (!sections.some((section) => section.key === (element as HTMLElement).dataset.section)) element.remove();
    });
    for (const section of sections) {
      const found = this.body.querySelector<HTMLElement>(`:scope > [data-section="${section.key}"]`);
      const element = found ?? h('section', { 'data-section': section.key });
      if (!found) this.body.append(element);
      const shows = JSON.stringify(section.shows);
      if (this.shown.get(element) === shows) continue;
      this.shown.set(element, shows);
      const fields = (): HTMLElement[] => [...element.querySelectorAll<HTMLElement>('button, input')];
      const focused = fields().indexOf(document.activeElement as HTMLElement);
      element.replaceChildren(...section.make());
      if (focused >= 0) fields()[focused]?.focus({ preventScroll: true });
    }
  }

  private row(site: string): { element: HTMLElement; refresh: (node: NodeRow) => void } {
    const name = h('span', { class: 'name' });
    const state = h('span', { class: 'state' });
    const choose = (): void => {
      this.site = site;
      this.body.scrollTop = 0;
      this.refresh();
    };
    const element = h('button', { type: 'button', class: 'row managed', onclick: choose }, h('i', { class: 'dot' }), name, state);
    return {
      element,
      refresh: (node) => {
        const at = standing(node);
        text(name, nameOf(node));
        text(state, t(`standing_${at}` as Key));
        attribute(element, 'data-state', STANDING_STATE[at]);
        attribute(element, 'aria-current', node.site === this.site ? 'true' : null);
      },
    };
  }
}

const nameOf = (node: NodeRow): string => pick(node.name_zh ?? '', node.name_en ?? '') || node.site;
