import type { Theme } from './map/view';

const STORED = 'jxz.theme';
const light = matchMedia('(prefers-color-scheme: light)');

/** The theme chosen here, else the system's. */
export function currentTheme(): Theme {
  const stored = localStorage.getItem(STORED);
  if (stored === 'dark' || stored === 'light') return stored;
  return light.matches ? 'light' : 'dark';
}

export function applyTheme(): void {
  document.documentElement.dataset.theme = currentTheme();
}

export function toggleTheme(): void {
  localStorage.setItem(STORED, currentTheme() === 'dark' ? 'light' : 'dark');
  applyTheme();
}

/** Calls `listener` when the system's theme changes. */
export function onSystemTheme(listener: () => void): void {
  light.addEventListener('change', listener);
}
