// The console in headless Chromium.
//   npm run test:browser                                    against a stand-in for the cloud (needs `npm run build`)
//   npm run test:browser -- --url http://127.0.0.1:8080/    against a running island
//   … --screenshot FILE    also keeps a picture; --map FILE gives the stand-in another map
// Chromium is looked for in $CHROMIUM, then in the usual places; where there is none, the test says so and is skipped.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { checkAccounts } from './account.mjs';
import { launch } from './browser.mjs';
import { checkFleet } from './fleet.mjs';
import { checkIsland } from './island.mjs';
import { checkConsole } from './console.mjs';

const { values } = parseArgs({ options: { url: { type: 'string' }, screenshot: { type: 'string' }, map: { type: 'string' } } });
const say = (words) => process.stdout.write(`${words}\n`);

async function main() {
  const dist = fileURLToPath(new URL('../../dist/index.html', import.meta.url));
  if (!values.url && !existsSync(dist)) return say('skipped: the console is not built here (npm run build)');
  const browser = await launch();
  if (!browser) return say('skipped: no Chromium here (set $CHROMIUM, or install the package chromium)');
  try {
    if (values.url) await checkIsland(browser, { ...values, say });
    else {
      await checkConsole(browser, { ...values, say });
      await checkAccounts(browser, { ...values, say });
      await checkFleet(browser, { ...values, say });
    }
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  process.stderr.write(`failed: ${error.message}\n`);
  process.exitCode = 1;
});
