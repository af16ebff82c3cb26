// The console in headless Chromium.
//   npm run test:browser                                    against a stand-in for the cloud (needs `npm run build`)
//   npm run test:browser -- --url http://127.0.0.1:8080/    against a running island
//   … --screenshot FILE    also keeps a picture; --map FILE gives the stand-in another map
// Chromium is looked for in $CHROMIUM, then in the usual places; where there is none, the test says so and is skipped.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { checkIsland } from './island.mjs';
import { checkConsole } from './console.mjs';

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

const { values } = parseArgs({ options: { url: { type: 'string' }, screenshot: { type: 'string' }, map: { type: 'string' } } });
const say = (words) => process.stdout.write(`${words}\n`);

async function main() {
  const executablePath = PLACES.find((path) => path && existsSync(path));
  if (!executablePath) return say('skipped: no Chromium here (set $CHROMIUM, or install the package chromium)');
  const dist = fileURLToPath(new URL('../../dist/index.html', import.meta.url));
  if (!values.url && !existsSync(dist)) return say('skipped: the console is not built here (npm run build)');
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  try {
    if (values.url) await checkIsland(browser, { ...values, say });
    else await checkConsole(browser, { ...values, say });
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  process.stderr.write(`failed: ${error.message}\n`);
  process.exitCode = 1;
});
