// An operator's day on a real island: `jxz demo` with its cloud, nodes and simulator, each a process, in Chromium.
//   npm run test:day [-- --jxz PATH --shots FOLDER]
// PATH is the program `jxz` with jxz-edge and jxz-cloud beside it (else $CARGO_TARGET_DIR or target, debug); screenshots go to FOLDER.
import assert from 'node:assert/strict';
import { spawn, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { launch } from './browser.mjs';
import { openConsole, sure, until, untilMoving } from './steps.mjs';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target');
const PASSWORD = 'a long enough password';
const SITES = 3;
const { values } = parseArgs({ options: { jxz: { type: 'string', default: join(TARGET, 'debug', 'jxz') }, shots: { type: 'string' } } });
const say = (words) => process.stdout.write(`${words}\n`);

async function main() {
  if (!existsSync(values.jxz)) return say(`skipped: ${values.jxz} is not built (cargo build --workspace --bins)`);
  const browser = await launch();
  if (!browser) return say('skipped: no Chromium here (set $CHROMIUM, or install the package chromium)');
  const folder = mkdtempSync(join(tmpdir(), 'jxz-day-'));
  const island = await startIsland(folder);
  try {
    await walk(browser, island);
    say('passed: an operator’s day');
  } finally {
    await browser.close();
    await island.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Starts the demo and reads from what it says where its console is and by which link one gets in first. */
async function startIsland(folder) {
  const demo = spawn(values.jxz, ['demo', '--headless', '--sites', String(SITES), '--keep', folder], { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  demo.stderr.on('data', (bytes) => (said += bytes));
  const gone = new Promise((done) => demo.on('exit', done));
  const link = await new Promise((found, failed) => {
    const look = setInterval(() => {
      const match = /first account, an admin: (\S+)/.exec(said);
      if (!match && demo.exitCode === null) return;
      clearInterval(look);
      if (match) found(match[1]);
      else failed(new Error(`the demo ended:\n${said}`));
    }, 200);
  });
  /** The process of a site's node. */
  const node = (site) => Number(execFileSync('pgrep', ['-f', `jxz-edge run --config ${folder}/${site}.toml`], { encoding: 'utf8' }).trim().split('\n')[0]);
  return {
    link,
    node,
    stop: () => {
      demo.kill('SIGINT');
      return gone;
    },
  };
}

async function walk(browser, island) {
  const { page, context, errors, foreign } = await openConsole(browser, island.link);
  const shot = async (name) => {
    if (!values.shots) return;
    await page.waitForTimeout(1500);
    await page.screenshot({ path: join(values.shots, `day-${name}.png`) });
  };
  try {
    await firstLogIn(page);
    await watch(page);
    await shot('1-watch');
    const application = await aWarningAndItsWhy(page);
    await shot('2-why');
    await theOtherLanguage(page);
    await anApplicationOff(page, application);
    await shot('3-application-off');
    await itsLogIsFollowed(page);
    await shot('8-log');
    await aNodeIsAdded(page);
    await shot('4-token');
    await page.keyboard.press('Escape');
    await aConfigurationIsRolledOut(page);
    await shot('5-roll-out');
    await page.keyboard.press('Escape');
    await aRoadConditionIsEntered(page, shot);
    await aNodeDiesAndReturns(page, island, shot);
    await thePastAndAnIncident(page, shot);
    assert.deepEqual(errors, [], 'the page threw no errors');
    assert.deepEqual(foreign, [], 'nothing was asked of another origin');
    assert.equal(await page.evaluate(() => window.__jxz.refused), 0, 'every frame was read');
  } catch (error) {
    if (values.shots) await page.screenshot({ path: join(values.shots, 'day-failed.png') });
    throw error;
  } finally {
    await context.close();
  }
}

async function firstLogIn(page) {
  await page.locator('#gate [data-page=first]').waitFor();
  await page.locator('#gate [name=name]').fill('duty');
  await page.locator('#gate [name=password]').fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.locator('#gate').waitFor({ state: 'detached' });
  await until(page, 'the console is live', () => window.__jxz?.link === 'open');
  say('  first log-in: by the one-time link');
}

async function watch(page) {
  await until(page, 'every node is online', (n) => (window.__jxz?.counters.nodesOnline ?? 0) >= n, SITES);
  await until(page, 'there are road users', () => (window.__jxz.counters.roadUsers ?? 0) > 5);
  const drawn = await untilMoving(page, 3);
  say(`  watched: ${drawn} road users drawn, they move`);
}

async function aWarningAndItsWhy(page) {
  await until(page, 'a warning is listed', () => document.querySelector('.row.warning .reason')?.textContent);
  // Warnings come and go: open whichever is there until one's details stay long enough to be read.
  for (let attempt = 0; attempt < 40; attempt++) {
    const row = page.locator('.row.warning').first();
    if ((await row.count()) > 0) await row.click({ timeout: 2000 }).catch(() => {});
    const told = await page.evaluate(() => (document.querySelector('#details')?.hidden === false ? document.querySelector('#details').textContent : ''));
    const name = /\(([A-Z_]{3,10})\)|（([A-Z_]{3,10})）/.exec(told);
    if (told.length > 80) {
      say(`  a warning opened: ${told.slice(0, 60)}…`);
      return (name?.[1] ?? name?.[2] ?? '').toLowerCase();
    }
    await page.waitForTimeout(500);
  }
  return assert.fail('no warning could be opened');
}

async function theOtherLanguage(page) {
  await page.keyboard.press('Escape');
  const before = await page.evaluate(() => document.documentElement.lang);
  await page.keyboard.press('l');
  await until(page, 'the page speaks the other language', (old) => document.documentElement.lang !== old, before);
  say(`  language: ${before}, then ${await page.evaluate(() => document.documentElement.lang)}`);
}

async function openNode(page) {
  await page.locator('.row.site[data-state=fresh]').first().click();
  await page.locator('#details .links button').first().click();
  await until(page, 'the node’s window opens', () => document.querySelector('#fleet')?.open === true);
  await until(page, 'its switches are there', () => document.querySelectorAll('#fleet .applications input').length === 20);
}

async function anApplicationOff(page) {
  await openNode(page);
  await until(page, 'the node says what it runs', () => document.querySelectorAll('#fleet .applications input:checked').length > 10);
  const before = await page.$$eval('#fleet .applications .state', (all) => all.map((one) => one.textContent));
  await page.locator('#fleet .applications input').first().click();
  await until(
    page,
    'the node says that the application is off',
    (old) => {
      const now = [...document.querySelectorAll('#fleet .applications .state')].map((one) => one.textContent);
      const first = document.querySelector('#fleet .applications label');
      // Its neighbours are as they were.
      return now[0] !== old[0] && first.dataset.state === 'stale' && now.slice(1).every((state, i) => state === old[i + 1]);
    },
    before,
  );
  const after = await page.textContent('#fleet .applications .state');
  say(`  an application switched: “${before[0]}”, then “${after}”, as the node says`);
}

async function itsLogIsFollowed(page) {
  await page.locator('#fleet [data-action=log]').click();
  await until(page, 'the node’s own words are there', () => [...document.querySelectorAll('#fleet .log li')].some((line) => line.textContent.includes('edge node is up')));
  // The switch before is in it: it is this node's log, of now.
  await until(page, 'and what it has just taken on', () => document.querySelector('#fleet .log').textContent.includes('takes on the cloud'));
  await page.locator('#fleet .log').evaluate((log) => log.scrollIntoView({ block: 'end' }));
  const lines = await page.locator('#fleet .log [data-level]').count();
  say(`  its log: ${lines} lines`);
}

async function aNodeIsAdded(page) {
  await page.locator('#fleet .acts .act:not(.danger):not([data-action])').click();
  await until(page, 'the token is shown', () => document.querySelector('#token')?.open === true);
  const command = await page.textContent('#token .command');
  assert.match(command, /^jxz-edge join .*jxz1\//);
  say('  a node: its token is shown once');
}

async function aConfigurationIsRolledOut(page) {
  await page.locator('#fleet [role=tab]').nth(1).click();
  await page.locator('#fleet form input[type=number]').fill('5');
  await page.locator('#fleet form [type=submit]').click();
  await until(page, 'the roll-out is done', () => document.querySelector('#fleet .rollout')?.dataset.state === 'fresh');
  say('  a configuration: to one site, then to the rest');
}

async function aRoadConditionIsEntered(page, shot) {
  await until(page, 'the window closes', () => document.querySelector('#fleet')?.open !== true);
  // A site that works, from near: where its mark is, there are roads.
  const row = page.locator('.row.site[data-state=fresh]').first();
  // It may be the one that is looked at already, with its own words in the list's place.
  if (await row.isVisible()) await row.click();
  await page.locator('#details header button').nth(1).click();
  await page.waitForTimeout(2500);
  await page.locator('#tools [data-opens=conditions]').click();
  await page.locator('#conditions form').waitFor();
  await page.locator('#conditions [name=hazard]').selectOption('works');
  await page.locator('#conditions [name=radius]').fill('60');
  await page.locator('#conditions [name=text]').fill('water main, lane closed');
  const warned = () => page.evaluate(() => [...document.querySelectorAll('.row.warning')].filter((one) => /施工|Road works/.test(one.textContent)).length);
  const before = await warned();
  // The site that the map went to is in its middle.
  const mark = await page.$$eval('.site-marker', (marks) => {
    const middles = marks.map((one) => one.getBoundingClientRect()).map((box) => [box.x + box.width / 2, box.y + box.height / 2]);
    const off = ([x, y]) => Math.hypot(x - innerWidth / 2, y - innerHeight / 2);
    return middles.sort((a, b) => off(a) - off(b))[0];
  });
  await page.mouse.click(mark[0] + 34, mark[1] + 30);
  await page.locator('#conditions [type=submit]').click();
  await until(page, 'it holds', () => document.querySelector('#conditions').dataset.held === '1' || !document.querySelector('#conditions .refused').hidden);
  assert.equal(await page.locator('#conditions .refused').isHidden(), true, await page.textContent('#conditions .refused'));
  await until(page, 'its sites say that they have it', () => document.querySelector('#conditions .rows li .chips-flow [data-state=fresh]') !== null);
  const works = (n) => [...document.querySelectorAll('.row.warning')].filter((one) => /施工|Road works/.test(one.textContent)).length > n;
  await until(page, 'a site warns of it', works, before);
  await shot('9-road-condition');
  await sure(page, '#conditions .rows .danger');
  await until(page, 'it is taken back', () => document.querySelector('#conditions').dataset.held === '0');
  await until(page, 'and no site warns any more', (n) => [...document.querySelectorAll('.row.warning')].filter((one) => /施工|Road works/.test(one.textContent)).length <= n, before);
  await page.keyboard.press('Escape');
  await page.locator('#tools button').nth(5).click();
  await page.evaluate(() => document.activeElement?.blur());
  say('  a road condition: entered on the map, warned of, taken back');
}

async function aNodeDiesAndReturns(page, island, shot) {
  await until(page, 'the window closes', () => document.querySelector('#fleet')?.open !== true);
  // Whichever is first in the list of those that work, by its place in the list.
  const { site, place } = await page.evaluate(async () => {
    const { nodes } = await (await fetch('/api/v1/nodes')).json();
    const rows = [...document.querySelectorAll('.row.site')];
    const index = rows.findIndex((row) => row.dataset.state === 'fresh');
    const words = rows[index].textContent;
    return { site: nodes.find((node) => words.includes(node.name_zh) || words.includes(node.name_en)).site, place: index };
  });
  const running = island.node(site);
  const seen = new Set();
  const row = page.locator('.row.site').nth(place);
  const look = setInterval(() => row.getAttribute('data-state').then((state) => seen.add(state), () => {}), 100);
  const stands = (state) => until(page, `the node is ${state}`, ([n, s]) => document.querySelectorAll('.row.site')[n]?.dataset.state === s, [place, state]);
  process.kill(running, 'SIGSTOP');
  try {
    await stands('lost');
    await shot('6-node-lost');
  } finally {
    process.kill(running, 'SIGCONT');
  }
  await stands('fresh');
  clearInterval(look);
  for (const state of ['late', 'stale', 'lost', 'fresh']) assert.ok(seen.has(state), `the node went through ${[...seen]}`);
  say(`  a node stopped and went on: ${[...seen].join(', ')}`);
}

async function thePastAndAnIncident(page, shot) {
  const incidents = await page.evaluate(async () => (await (await fetch('/api/v1/incidents')).json()).incidents.length);
  if (incidents > 0) {
    await until(page, 'an incident is listed', () => document.querySelectorAll('#incidents .row').length > 0);
    if (!(await page.locator('#incidents').isVisible())) await page.locator('#tools [data-opens=incidents]').click();
    await page.locator('#incidents .row').first().click();
    await page.locator('#incidents [data-action=play]').click();
  } else {
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press('Space');
    await page.keyboard.press('ArrowLeft');
  }
  await until(page, 'the past is shown', () => window.__jxz.pastMs !== null && document.body.dataset.time === 'past');
  await until(page, 'with road users in it', () => (window.__jxz.counters.roadUsers ?? 0) > 0);
  await shot('7-past');
  await page.locator('#live').click();
  await until(page, 'the present is back', () => window.__jxz.pastMs === null);
  say(`  the past: played back${incidents > 0 ? ' from an incident' : '; no incident happened'}, and left`);
}

main().catch((error) => {
  process.stderr.write(`failed: ${error.message}\n`);
  process.exitCode = 1;
});
