import { en, type Dictionary, type Key } from './en';
import { zh } from './zh';

export type { Key } from './en';
export type Language = 'zh' | 'en';
export const DICTIONARIES: Record<Language, Dictionary> = { zh, en };
const STORED = 'jxz.language';

/** The remembered language, else the browser's: Chinese for any Chinese, English for all others. */
export function firstLanguage(stored: string | null, browser: readonly string[]): Language {
  if (stored === 'zh' || stored === 'en') return stored;
  return browser[0]?.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

let language: Language = 'zh';
const listeners: (() => void)[] = [];

export const currentLanguage = (): Language => language;

export function startLanguage(): void {
  setLanguage(firstLanguage(localStorage.getItem(STORED), navigator.languages));
}

export function setLanguage(next: Language): void {
  language = next;
  document.documentElement.lang = next === 'zh' ? 'zh-CN' : 'en';
  document.title = t('title');
  for (const listener of listeners) listener();
}

export function toggleLanguage(): void {
  const next = language === 'zh' ? 'en' : 'zh';
  localStorage.setItem(STORED, next);
  setLanguage(next);
}

/** Calls `listener` now and after each change of language. */
export function onLanguage(listener: () => void): void {
  listeners.push(listener);
  listener();
}

/** The text of a key in the current language, `{name}` replaced by its value. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return DICTIONARIES[language][key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The text of a name that the cloud sent; the name itself, spaced, where there is none. */
export function tName(name: string): string {
  return name in en ? t(name as Key) : name.replaceAll('_', ' ');
}

/** A warning kind's name: `pedestrian` is also a class of road users, which reads differently. */
export function tKind(kind: string): string {
  return kind === 'pedestrian' ? t('pedestrianWarning') : tName(kind);
}

/** An application's name; its abbreviation where there is none. */
export function tApplication(application: string): string {
  const key = `app_${application}`;
  return key in en ? t(key as Key) : application.toUpperCase();
}

/** Of two names, the one in the current language; the other where that is empty. */
export function pick(nameZh: string, nameEn: string): string {
  return language === 'zh' ? nameZh || nameEn : nameEn || nameZh;
}
