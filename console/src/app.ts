import type { FeatureCollection } from 'geojson';
import { CityView } from './city/view';
import { ConditionsPanel, type Stage as ConditionStage } from './conditions/panel';
import { exposeDebugView } from './debug';
import { FleetPage } from './fleet/page';
import { load, TimeBar } from './history/bar';
import { Before } from './history/before';
import { onLanguage, pick, t, toggleLanguage, type Key } from './i18n';
import { IncidentPanel, type Stage as IncidentStage } from './incidents/panel';
import { junctionCentres, places, type Box } from './map/geo';
import type { Group } from './map/layers';
import { SignalMarkers, SiteMarkers, WarningMarkers } from './map/markers';
import { FLAG } from './map/road-users';
import { MapView } from './map/view';
import { backoffMs, Link } from './state/link';
import { HISTORY_MS, Store } from './state/store';
import { applyTheme, currentTheme, onSystemTheme, toggleTheme } from './theme';
import { Banner } from './ui/banner';
import { Bar } from './ui/bar';
import { DetailsPanel } from './ui/details';
import { attribute, byId, h, text } from './ui/dom';
import { icon } from './ui/icons';
import { LatencyPanel } from './ui/latency';
import { LayersPanel } from './ui/layers';
import { Search } from './ui/search';
import { SiteList } from './ui/sites';
import type { Actions, Choice } from './ui/state';
import { sortWarnings, WarningList } from './ui/warnings';

/** Words and figures are refreshed this often; road users with every frame. */
const REFRESH_MS = 250;
/** How often it is looked whether the map has moved: the cloud sends a quarter more on each side. */
const LOOK_MS = 150;
const NARROW = '(max-width: 900px)';
const SHEETS = ['warnings', 'incidents', 'conditions', 'sites', 'latency', 'layers'] as const;
/** Sheets that open beside the tools where there is room for all the others at once. */
const OPENED = ['layers', 'conditions'] as const;

/** Wires the link, the store, the map and the panels together. */
export class App implements Actions {
  private readonly store = new Store();
  private readonly link = new Link(new URL('./ws/v1', location.href.replace(/^http/, 'ws')).href, {
    frame: (frame, atMs) => {
      if (this.past()) return;
      this.store.take(frame, atMs);
      this.move();
    },
    state: (state, retryInMs) => {
      this.store.setLink(state, retryInMs);
      if (state === 'waiting') dispatchEvent(new Event('jxz:link-lost'));
    },
    refused: (error) => {
      this.store.refused += 1;
      if (this.store.refused <= 5) console.warn(error.message);
    },
  });
  private readonly view = new MapView(byId('map'), currentTheme(), () => this.padding());
  private readonly siteMarkers = new SiteMarkers(this.view.map, (id) => this.choose({ kind: 'site', id }));
  private readonly signalMarkers = new SignalMarkers(this.view.map, (id) => this.choose({ kind: 'junction', id }));
  private readonly warningMarkers = new WarningMarkers(this.view.map, (id) => this.choose({ kind: 'warning', id }));
  private readonly city = new CityView(this.view.map);
  private readonly bar = new Bar(this.store, currentTheme, () => this.switchTheme());
  private readonly banner = new Banner(this.store, () => this.link.connect());
  private readonly warnings = new WarningList(this.store, this);
  private readonly sites = new SiteList(this.store, this);
  private readonly latency = new LatencyPanel(this.store);
  private readonly layers = new LayersPanel((group, on) => this.setGroup(group, on));
  private readonly details = new DetailsPanel(this.store, this, (id) => this.junctions.get(id)?.name ?? '', () => this.layers.isOn('truth'));
  private readonly search = new Search(this.store, this, (box: Box) => this.view.showBox(box));
  private readonly fleet = new FleetPage();
  private readonly time = new TimeBar({
    show: (frame) => {
      this.store.take(frame, performance.now());
      this.move();
    },
    turned: () => {
      this.conditions.drawZones();
      this.refresh();
    },
  });
  private readonly incidentStage: IncidentStage = {
    flyTo: (at) => this.view.flyTo(at),
    playFrom: (ms) => this.time.playFrom(ms),
    siteName: (id) => {
      const site = this.store.frame?.sites.find((s) => s.id === id);
      return site ? pick(site.nameZh, site.nameEn) : id;
    },
  };
  private readonly conditionStage: ConditionStage = {
    flyTo: (at) => this.view.flyTo(at),
    siteName: (id) => this.incidentStage.siteName(id),
    showZones: (zones) => this.view.showZones(zones),
    open: () => this.openSheet('conditions'),
  };
  private readonly conditions = new ConditionsPanel(this.view.map, this.conditionStage);
  private junctions = new Map<string, { at: [number, number]; name: string }>();
  private mapFeatures = 0;
  private choice: Choice = null;
  private sheet: string | null = null;
  private lookedAt = '';

  start(): void {
    this.furnish();
    this.listen();
    this.store.past = () => this.time.player.positionMs;
    const before = new Before(load, HISTORY_MS, (frames) => this.store.prepend(frames));
    this.store.jumped = (ms) => void before.ask(ms);
    exposeDebugView(this.store, this.view, () => this.mapFeatures);
    new IncidentPanel(this.view.map, this.incidentStage);
    this.look();
    this.link.connect();
    void this.loadMap();
    setInterval(() => this.look(), LOOK_MS);
    setInterval(() => this.refresh(), REFRESH_MS);
  }

  choose(choice: Choice, fly = false): void {
    this.choice = choice;
    this.view.chooseSite(choice?.kind === 'site' ? choice.id : null);
    if (choice && matchMedia(NARROW).matches) this.openSheet(null);
    this.refresh();
    this.move();
    const at = fly ? this.placeOf(choice) : null;
    if (at) this.view.flyTo(at, choice?.kind === 'site' ? 16.2 : 17.3);
  }

  openSheet(name: string | null): void {
    this.sheet = name;
    document.body.dataset.sheet = name ?? '';
    for (const sheet of OPENED) byId(sheet).hidden = name !== sheet;
    void this.conditions.turned(name === 'conditions');
    for (const button of document.querySelectorAll<HTMLElement>('[data-opens]')) {
      attribute(button, 'aria-expanded', String(button.dataset.opens === name));
    }
    if (name && matchMedia(NARROW).matches && this.choice) this.choose(null);
  }

  manage(site: string | null): void {
    this.fleet.open(site);
  }

  private placeOf(choice: Choice): [number, number] | null {
    switch (choice?.kind) {
      case 'site': {
        const s = this.store.frame?.sites.find((x) => x.id === choice.id);
        return s ? [s.lon, s.lat] : null;
      }
      case 'warning': {
        const w = this.store.frame?.warnings.find((x) => x.id === choice.id);
        return w ? [w.lon, w.lat] : null;
      }
      case 'junction':
        return this.junctions.get(choice.id)?.at ?? null;
      case 'roadUser': {
        const users = this.store.frame?.roadUsers;
        const i = users ? users.id.indexOf(choice.id) : -1;
        return users && i >= 0 ? [users.lon[i] as number, users.lat[i] as number] : null;
      }
      case 'truth': {
        const truth = this.store.truth();
        const i = truth ? truth.id.indexOf(choice.id) : -1;
        return truth && i >= 0 ? [truth.lon[i] as number, truth.lat[i] as number] : null;
      }
      default:
        return null;
    }
  }

  /** Tells the cloud what is looked at, when that is another than before. */
  private look(): void {
    const chosen = this.choice?.kind === 'roadUser' ? this.choice.id : null;
    const viewport = { ...this.view.viewport(), chosen };
    const key = Object.values(viewport).join();
    if (key === this.lookedAt) return;
    this.lookedAt = key;
    this.link.look(viewport);
  }

  /** Whether the past is shown. */
  private past(): boolean {
    return this.store.past?.() != null;
  }

  /** Hands the newest positions to the map. */
  private move(): void {
    const freshness = this.store.freshness();
    const users = freshness === 'lost' ? null : (this.store.frame?.roadUsers ?? null);
    const marks = new Map<bigint, number>();
    const mark = (id: bigint, flag: number): void => void marks.set(id, (marks.get(id) ?? 0) | flag);
    const chosen = this.choice;
    for (const w of this.store.currentWarnings()) {
      if (w.kind !== 'collision' && w.kind !== 'pedestrian' && !(chosen?.kind === 'warning' && chosen.id === w.id)) continue;
      for (const id of w.concerned) mark(id, FLAG.concerned);
      for (const id of w.about) mark(id, FLAG.about);
    }
    if (chosen?.kind === 'roadUser') mark(chosen.id, FLAG.selected);
    this.view.roadUsers.update(users, marks, performance.now());
    const truth = this.layers.isOn('truth') ? this.store.truth() : null;
    this.view.showTruth(truth, chosen?.kind === 'truth' ? chosen.id : null);
  }

  private refresh(): void {
    const choice = this.choice;
    this.bar.refresh();
    this.banner.refresh();
    this.warnings.refresh(choice);
    this.sites.refresh(choice);
    this.latency.refresh();
    this.layers.offerTruth(this.store.truthOffered());
    if (this.layers.isOn('truth') && !this.store.truth()) this.view.showTruth(null, null);
    this.details.refresh(choice);
    const chosen = (kind: string): string | null => (choice?.kind === kind ? String(choice.id) : null);
    const warnings = sortWarnings(this.store.warnings());
    this.view.showWarnings(warnings, chosen('warning'));
    this.warningMarkers.show(this.layers.isOn('warnings') ? warnings : [], chosen('warning'));
    this.siteMarkers.show(this.store.sites(), chosen('site'));
    const junctions = this.store.junctions();
    this.view.showSignals(junctions);
    this.signalMarkers.show(junctions, this.junctions, (p) => this.store.countdownMs(p), chosen('junction'));
    const freshness = this.store.freshness();
    this.view.roadUsers.setFaded(freshness !== 'fresh' && freshness !== 'late');
    if (freshness === 'lost') this.move();
    document.body.dataset.data = freshness;
  }

  private setGroup(group: Group, on: boolean): void {
    this.view.setGroup(group, on);
    if (group === 'truth' && !on) this.view.showTruth(null, null);
    if (group === 'traffic') this.city.setVisible(on);
    if (group === 'sites') this.siteMarkers.setVisible(on);
    if (group === 'signals') this.signalMarkers.setVisible(on);
    if (group === 'warnings') this.warningMarkers.setVisible(on);
  }

  private switchTheme(): void {
    toggleTheme();
    this.restyle();
  }

  private restyle(): void {
    applyTheme();
    this.view.setTheme(currentTheme());
    this.latency.restyle();
    this.bar.showTheme();
  }

  private async loadMap(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        const answer = await fetch('./api/v1/map.geojson');
        if (!answer.ok) throw new Error(`map: status ${answer.status}`);
        const map = (await answer.json()) as FeatureCollection;
        if (!Array.isArray(map.features)) throw new Error('map: no features');
        this.useMap(map);
        this.banner.mapFailed = false;
        return;
      } catch (error) {
        console.warn(error instanceof Error ? error.message : error);
        this.banner.mapFailed = true;
        await new Promise((done) => setTimeout(done, backoffMs(attempt, Math.random())));
      }
    }
  }

  private useMap(map: FeatureCollection): void {
    this.mapFeatures = map.features.length;
    this.junctions = junctionCentres(map);
    this.search.places = places(map);
    this.view.setMap(map);
    this.city.useMap(map);
  }

  /** Room that the panels take from the map, pixels. */
  private padding(): { top: number; right: number; bottom: number; left: number } {
    if (matchMedia(NARROW).matches) return { top: 120, right: 60, bottom: this.choice ? innerHeight * 0.42 : 90, left: 24 };
    return { top: 84, right: 384, bottom: 44, left: 372 };
  }

  private furnish(): void {
    const tool = (key: Key, name: string, act: () => void): HTMLElement => {
      const button = h('button', { type: 'button', onclick: act }, icon(name));
      onLanguage(() => {
        attribute(button, 'aria-label', t(key));
        attribute(button, 'title', t(key));
      });
      return button;
    };
    const opened = OPENED.map((sheet) => {
      const button = tool(sheet, sheet, () => this.openSheet(this.sheet === sheet ? null : sheet));
      button.dataset.opens = sheet;
      return button;
    });
    byId('tools').append(
      ...opened,
      tool('fleet', 'sites', () => this.manage(null)),
      tool('zoomIn', 'plus', () => this.view.map.zoomIn()),
      tool('zoomOut', 'minus', () => this.view.map.zoomOut()),
      tool('wholeIsland', 'home', () => this.view.goHome()),
      tool('northUp', 'compass', () => this.view.map.easeTo({ bearing: 0, pitch: 0 })),
    );
    for (const sheet of SHEETS) byId('tabs').append(this.tab(sheet));
    onLanguage(() => {
      for (const element of document.querySelectorAll<HTMLElement>('[data-t]')) text(element, t(element.dataset.t as Key));
      for (const element of document.querySelectorAll<HTMLElement>('[data-aria]')) {
        attribute(element, 'aria-label', t(element.dataset.aria as Key));
      }
      this.refresh();
    });
  }

  private tab(sheet: (typeof SHEETS)[number]): HTMLElement {
    const label = h('span');
    const onclick = (): void => this.openSheet(this.sheet === sheet ? null : sheet);
    const button = h('button', { type: 'button', 'data-opens': sheet, 'aria-expanded': 'false', onclick }, icon(sheet), label);
    onLanguage(() => text(label, t(sheet)));
    return button;
  }

  private listen(): void {
    const map = this.view.map;
    const near = (): void => {
      const zoom = map.getZoom();
      byId('map').dataset.near = zoom >= 16 ? 'close' : zoom >= 14.2 ? 'near' : 'far';
    };
    map.on('zoom', near);
    near();
    map.on('click', (event) => {
      if (this.conditions.clickAt(event.lngLat)) return;
      const user = this.view.roadUserAt(event.point.x, event.point.y);
      const truth = user === null ? this.view.truthAt(event.point.x, event.point.y) : null;
      if (user !== null) this.choose({ kind: 'roadUser', id: user });
      else if (truth !== null) this.choose({ kind: 'truth', id: truth });
      else if (!this.city.clickAt(event.point.x, event.point.y) && this.choice) this.choose(null);
    });
    document.addEventListener('keydown', (event) => this.key(event));
    document.addEventListener('visibilitychange', () => this.move());
    onSystemTheme(() => this.restyle());
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || this.fleet.isOpen) return;
    if (event.target instanceof HTMLTextAreaElement || (event.target instanceof HTMLInputElement && event.target.type === 'search')) return;
    if (event.key === 'Escape') {
      if (this.sheet) this.openSheet(null);
      else this.choose(null);
    } else if (event.key === '/') {
      event.preventDefault();
      this.search.input.focus();
    } else if (event.key === 'l' || event.key === 'L') {
      toggleLanguage();
    }
  }
}
