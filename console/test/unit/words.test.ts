import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DICTIONARIES, firstLanguage, tKind, tName } from '../../src/i18n';
import { PALETTES, WARNING_KINDS } from '../../src/map/palette';
import { Store } from '../../src/state/store';
import { bannerWords } from '../../src/ui/banner';
import { clock, decimal, kmh, millis, percent, span, UNKNOWN, whole } from '../../src/ui/format';

const { zh, en } = DICTIONARIES;

describe('both languages', () => {
  it('have the same keys, none empty, with the same places for values', () => {
    expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort());
    const places = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map((m) => m[0]).sort();
    for (const key of Object.keys(en) as (keyof typeof en)[]) {
      expect(zh[key], key).not.toBe('');
      expect(places(zh[key]), key).toEqual(places(en[key]));
    }
  });

  it('say Chinese in Chinese: only the credit and the switch are not', () => {
    const latin = Object.entries(zh).filter(([, text]) => !/[\u4e00-\u9fff]/.test(text)).map(([key]) => key);
    expect(latin.sort()).toEqual(['credit', 'languageShort']);
  });

  it('name every key that the page and the wire use', () => {
    const page = readFileSync(new URL('../../index.html', import.meta.url), 'utf8');
    const used = [...page.matchAll(/data-(?:t|aria)="(\w+)"/g)].map((m) => m[1] as string);
    const proto = readFileSync(new URL('../../../proto/jxz/console/v1/console.proto', import.meta.url), 'utf8');
    const listed = (field: RegExp): string[] => (field.exec(proto)?.[1] ?? '').split(/,\s*/);
    const wire = [
      ...listed(/\/\/ (.*)\.\n\s*string kind = 2;\n\s*string site/),
      ...listed(/\/\/ (.*)\.\n\s*string light/),
      ...listed(/\/\/ (.*)\.\n\s*string stage = 1/),
      ...listed(/\/\/ (.*)\.\n\s*string stage = 9/),
    ];
    expect(wire.length).toBe(8 + 6 + 6 + 3);
    for (const key of [...used, ...wire]) expect(en, key).toHaveProperty(key);
  });

  it('are chosen by memory, then by the browser', () => {
    expect(firstLanguage('en', ['zh-CN'])).toBe('en');
    expect(firstLanguage(null, ['zh-TW', 'en'])).toBe('zh');
    expect(firstLanguage(null, ['de'])).toBe('en');
    expect(firstLanguage('xx', [])).toBe('en');
  });

  it('leave a name that they do not have readable', () => {
    expect(tName('some_new_cause')).toBe('some new cause');
    expect(tKind('pedestrian')).toBe('行人预警');
    expect(tName('pedestrian')).toBe('行人');
  });
});

describe('numbers', () => {
  it('that are not known are a dash, never 0', () => {
    for (const show of [whole, millis, decimal, percent, span, kmh]) {
      expect(show(null)).toBe(UNKNOWN);
      expect(show(NaN)).toBe(UNKNOWN);
    }
    expect(whole(0)).toBe('0');
  });

  it('are written for reading', () => {
    expect(whole(1234567)).toBe('1,234,567');
    expect([0.123, 12.34, 123.4].map(millis)).toEqual(['0.12', '12.3', '123']);
    expect([0.996, 1, 0.5].map(percent)).toEqual(['99%', '100%', '50%']);
    expect([900, 61_000, 3_720_000].map(span)).toEqual(['900 毫秒', '1 分 1 秒', '1 小时 2 分']);
    expect(kmh(13.9)).toBe('50 km/h');
    expect(clock(Date.UTC(2026, 0, 1, 20, 3, 4))).toBe('04:03:04');
  });
});

describe('the banner', () => {
  const live = { sentAtMs: 0, roadUsers: null, truth: null, sites: [], warnings: [], junctions: [], latencies: [], dropped: new Map() };

  it('is silent while all is well and says how old the data are when it is not', () => {
    let now = 0;
    const store = new Store(() => now);
    store.setLink('open', null);
    store.take(live, 0);
    expect(bannerWords(store, 10_000, false, now)).toBeNull();
    now = 6_000;
    expect(bannerWords(store, 10_000, false, now)).toBe('已连接云端，但没有收到新数据。 当前显示的是 6 秒前的数据。');
    store.setLink('waiting', 4_000);
    expect(bannerWords(store, 10_000, false, now)).toBe('与云端的连接已断开。 当前显示的是 6 秒前的数据。 4 秒后重新连接。');
    now = 20_000;
    expect(bannerWords(store, 10_000, false, now)).toContain('已不能代表当前状况');
  });

  it('waits a moment before it says that nothing has ever come', () => {
    const store = new Store(() => 0);
    expect(bannerWords(store, 1_000, false, 0)).toBeNull();
    expect(bannerWords(store, 5_000, false, 0)).toContain('尚未收到任何数据');
    expect(bannerWords(store, 1_000, true, 0)).toContain('地图加载失败');
  });
});

describe('colours', () => {
  it('exist for every kind of warning in both themes', () => {
    for (const palette of Object.values(PALETTES)) {
      expect(Object.keys(palette.warnings).sort()).toEqual([...WARNING_KINDS].sort());
    }
  });
});
