// The browser of the tests: Chromium from $CHROMIUM or the usual places, WebGL in software.
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

const PLACES = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
// WebGL in software, and no traffic of the browser's own.
const FLAGS = [
  '--no-sandbox',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
];

/** Starts it; null where there is none. */
export async function launch() {
  const executablePath = PLACES.find((path) => path && existsSync(path));
  return executablePath ? chromium.launch({ executablePath, args: FLAGS }) : null;
}
