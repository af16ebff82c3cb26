// The console on a running island.
import assert from 'node:assert/strict';
import { coloursOnMap, openConsole, until, untilMoving } from './steps.mjs';

export async function checkIsland(browser, { url, screenshot, say }) {
  const { page, context, errors, foreign } = await openConsole(browser, url);
  try {
    await until(page, 'a node is online', () => (window.__jxz?.counters.nodesOnline ?? 0) >= 1);
    await until(page, 'the map is loaded', () => window.__jxz.mapFeatures > 0);
    await until(page, 'there are road users', () => (window.__jxz.counters.roadUsers ?? 0) > 0);
    const drawn = await untilMoving(page, 1);
    assert.ok((await coloursOnMap(page)) >= 4, 'the map is not blank');
    // The last tiles and labels.
    await page.waitForTimeout(4000);
    if (screenshot) await page.screenshot({ path: screenshot });
    assert.deepEqual(errors, [], 'the page threw no errors');
    assert.deepEqual(foreign, [], 'nothing was asked of another origin');
    const { counters, refused, rendersPerS } = await page.evaluate(() => ({ ...window.__jxz }));
    assert.equal(refused, 0, 'every frame was read');
    say(`passed: ${JSON.stringify({ ...counters, drawn, rendersPerS })}`);
  } finally {
    await context.close();
  }
}
