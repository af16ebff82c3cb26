// Steps that both browser tests take.
import assert from 'node:assert/strict';

/** Software WebGL on a busy machine is slow; only what never comes is a failure. */
export const PATIENCE_MS = 90_000;

/** Opens the console and gathers what the page complains of. */
export async function openConsole(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'zh-CN', colorScheme: 'dark', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const errors = [];
  const foreign = [];
  page.on('pageerror', (error) => errors.push(error.message));
  const origin = new URL(url).origin;
  page.on('request', (request) => {
    if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(origin)) foreign.push(request.url());
  });
  await page.goto(url);
  return { page, context, errors, foreign };
}

/** Presses a button that asks whether one is sure a second time, at once: on a busy machine it would have forgotten the first. */
export const sure = (page, selector) =>
  page.evaluate((found) => {
    const button = document.querySelector(found);
    if (!button.hasAttribute('data-armed')) button.click();
    button.click();
  }, selector);

/** Waits until `predicate`, run in the page, is true. */
export async function until(page, what, predicate, argument) {
  try {
    await page.waitForFunction(predicate, argument, { timeout: PATIENCE_MS, polling: 250 });
  } catch {
    const state = await page.evaluate(() => ({ ...window.__jxz, positions: undefined }));
    assert.fail(`never: ${what}; the console says ${JSON.stringify(state)}`);
  }
}

/** How many colours there are in the middle of the map, where no panel covers it: a blank canvas has one. */
export async function coloursOnMap(page) {
  const box = { x: 380, y: 80, width: 640, height: 700 };
  const png = await page.screenshot({ clip: box });
  return page.evaluate(async (base64) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${base64}`)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, image.width, image.height);
    const seen = new Map();
    for (let i = 0; i < data.length; i += 4) {
      const colour = (data[i] << 16) | (data[i + 1] << 8) | data[i + 2];
      seen.set(colour, (seen.get(colour) ?? 0) + 1);
    }
    return [...seen.values()].filter((n) => n >= 20).length;
  }, png.toString('base64'));
}

/** Reads positions until at least `least` of the road users seen first have moved by more than a tenth of a metre. */
export async function untilMoving(page, least) {
  const before = await page.evaluate(() => window.__jxz.positions());
  await until(
    page,
    `${least} of ${before.length} road users move`,
    ([first, wanted]) => {
      const now = new Map(window.__jxz.positions().map((u) => [u.id, u]));
      const moved = first.filter((u) => {
        const other = now.get(u.id);
        return other && Math.hypot((other.lon - u.lon) * 94_000, (other.lat - u.lat) * 111_000) > 0.1;
      });
      return moved.length >= wanted;
    },
    [before, least],
  );
  return before.length;
}
