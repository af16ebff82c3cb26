// How smooth the map is: 2,000 moving road users at 10 Hz in headless Chromium at 1280x720.
//   npm run bench:frames [-- --count N --seconds N --json]
// Printed are the time between the browser's frames while the map draws each of them, and the time that the page's own
// thread is busy for one. With WebGL in software the first is the machine's; the second is the console's.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startMock } from '../mock/server.mjs';
import { launch } from './browser.mjs';
import { openConsole, until } from './steps.mjs';

const BUDGET_MS = 33;
const { values } = parseArgs({ options: { count: { type: 'string' }, seconds: { type: 'string' }, json: { type: 'boolean' } } });
const count = Number(values.count ?? 2000);
const seconds = Number(values.seconds ?? 20);

const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
const summary = (times) => {
  const sorted = [...times].sort((a, b) => a - b);
  const round = (ms) => Math.round(ms * 10) / 10;
  return { p50: round(at(sorted, 0.5)), p95: round(at(sorted, 0.95)), max: round(sorted.at(-1) ?? Number.NaN), count: sorted.length };
};

async function main() {
  const browser = await launch();
  if (!browser) return process.stdout.write('skipped: no Chromium here (set $CHROMIUM, or install the package chromium)\n');
  const cloud = await startMock({ count });
  const { page, context } = await openConsole(browser, cloud.url, { viewport: { width: 1280, height: 720 } });
  try {
    await until(page, 'road users are counted', () => (window.__jxz.counters.roadUsers ?? 0) > 0);
    await page.waitForTimeout(5000);
    const measured = await page.evaluate(measure, seconds);
    const report = {
      road_users: measured.roadUsers,
      seconds,
      frame_interval_ms: summary(measured.intervals),
      page_thread_busy_ms_per_frame: summary(measured.busy),
      frames_from_cloud_per_s: Math.round((measured.received / seconds) * 10) / 10,
      budget_ms: BUDGET_MS,
    };
    if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
    else tell(report);
  } finally {
    await context.close();
    await cloud.close();
    await browser.close();
  }
}

/** Runs in the page: every frame of the browser, and how long its callbacks and drawing kept the thread. */
async function measure(seconds) {
  const intervals = [];
  const busy = [];
  const before = window.__jxz.frames;
  const channel = new MessageChannel();
  const end = performance.now() + seconds * 1000;
  await new Promise((done) => {
    let last = null;
    const frame = (began) => {
      if (last !== null) intervals.push(began - last);
      last = began;
      // A message posted within the frame is handled once every callback of the frame has run.
      channel.port1.onmessage = () => busy.push(performance.now() - began);
      channel.port2.postMessage(0);
      if (began < end) requestAnimationFrame(frame);
      else setTimeout(done, 100);
    };
    requestAnimationFrame(frame);
  });
  return { intervals, busy, received: window.__jxz.frames - before, roadUsers: window.__jxz.counters.roadUsers };
}

function tell(report) {
  const line = (name, { p50, p95, max, count: n }) => `  ${name}: p50 ${p50} ms, p95 ${p95} ms, max ${max} ms (${n} frames)\n`;
  process.stdout.write(
    `${report.road_users} road users for ${seconds} s, ${report.frames_from_cloud_per_s} frames a second from the cloud\n` +
      line('between frames', report.frame_interval_ms) +
      line('page thread busy for a frame', report.page_thread_busy_ms_per_frame) +
      `  budget: p95 ${BUDGET_MS} ms; between frames that is ${(report.frame_interval_ms.p95 / BUDGET_MS).toFixed(2)} of it\n`,
  );
}

main().catch((error) => {
  process.stderr.write(`failed: ${error.message}\n`);
  process.exitCode = 1;
});
