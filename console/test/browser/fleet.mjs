// The window of nodes and roll-outs, against the stand-in.
import { startMock } from '../mock/server.mjs';
import { PATIENCE_MS, sure, until } from './steps.mjs';


export async function checkFleet(browser, { map, screenshot, say }) {
  const mock = await startMock({ map });
  const page = await browser.newPage({ viewport: { width: 1280, height: 840 } });
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  try {
    await page.goto(mock.url);
    await until(page, 'the sites are listed', () => document.querySelectorAll('#sites .row').length > 2);
    const shown = await page.evaluate(() => window.__jxz !== undefined);
    if (!shown) throw new Error('the page does not live');

    // From a site's panel, by the keyboard, to its node.
    await page.locator('#sites .row').first().click();
    const manage = page.locator('#details .links button').first();
    await manage.focus();
    await page.keyboard.press('Enter');
    await until(page, 'the window opens', () => document.querySelector('#fleet')?.open === true);
    await until(page, 'twenty switches are there', () => document.querySelectorAll('#fleet .applications input').length === 20);

    // A switch is pending until the node says so.
    const states = () => page.$$eval('#fleet .applications .state', (all) => all.map((one) => one.textContent));
    const before = await states();
    mock.fleet.hold = true;
    await page.locator('#fleet .applications input').first().focus();
    await page.keyboard.press('Space');
    await until(page, 'the switch is pending', (old) => document.querySelector('#fleet .applications .state')?.textContent !== old, before[0]);
    const pending = (await states())[0];
    mock.fleet.hold = false;
    await until(page, 'the node has taken the switch', (old) => document.querySelector('#fleet .applications .state')?.textContent !== old, pending);
    const off = (await states())[0];
    if (new Set([before[0], pending, off]).size !== 3) throw new Error(`a switch went ${before[0]}, ${pending}, ${off}`);
    if ((await states()).slice(1).some((state) => state !== before[1])) throw new Error('another application was touched');
    if (screenshot) await page.screenshot({ path: screenshot.replace(/(\.png)?$/, '-fleet.png') });

    // The log is asked for while it is looked at, and what it says is text.
    if (mock.fleet.looks !== 0) throw new Error('a log was asked for that nobody looks at');
    await page.locator('#fleet [data-action=log]').click();
    await until(page, 'lines are shown', () => document.querySelectorAll('#fleet .log [data-level]').length >= 4);
    const log = await page.textContent('#fleet .log');
    if (!log.includes('<img src=x') || (await page.$('#fleet .log img, #fleet .log script')) || (await page.evaluate(() => window.hacked))) throw new Error(`the log is not text: ${log}`);
    await until(page, 'lost lines are told of', () => /\b7\b/.test(document.querySelector('#fleet .log .between')?.textContent ?? ''));
    const lines = await page.$$eval('#fleet .log [data-level] span', (all) => all.map((one) => one.textContent));
    if (new Set(lines).size !== lines.length) throw new Error('a line is shown twice');
    await page.locator('#fleet .log').evaluate((log) => log.scrollIntoView({ block: 'end' }));
    if (screenshot) await page.screenshot({ path: screenshot.replace(/(\.png)?$/, '-log.png') });
    await page.locator('#fleet .row.managed').nth(1).click();
    await page.waitForTimeout(1500);
    const looks = mock.fleet.looks;
    await page.waitForTimeout(2500);
    if (mock.fleet.looks !== looks) throw new Error('the log of a node that is not shown is still asked for');
    await page.locator('#fleet .row.managed').first().click();

    // A token is shown once.
    await page.locator('#fleet .acts .act:not(.danger):not([data-action])').click();
    await until(page, 'the token is shown', () => document.querySelector('#token')?.open === true);
    const command = await page.textContent('#token .command');
    if (!command.startsWith('jxz-edge join ') || !command.includes('jxz1/')) throw new Error(`the command is ${command}`);
    await page.keyboard.press('Escape');
    await until(page, 'the token is gone from the page', () => document.querySelector('#token').textContent === '');

    // Revoking takes two presses.
    const danger = page.locator('#fleet .act.danger');
    await danger.click();
    if ([...mock.fleet.nodes.values()].some((node) => node.revoked)) throw new Error('one press was enough to revoke');
    await sure(page, '#fleet .act.danger');
    await until(page, 'the node is cut off', () => document.querySelector('#fleet .node .badge')?.dataset.state === 'lost');

    // A roll-out from beginning to end.
    await page.locator('#fleet [role=tab]').nth(1).click();
    await page.locator('#fleet form input[type=number]').fill('1');
    await page.locator('#fleet form [type=submit]').click();
    await until(page, 'the roll-out is done', () => document.querySelector('#fleet .rollout')?.dataset.state === 'fresh');
    if (screenshot) await page.screenshot({ path: screenshot.replace(/(\.png)?$/, '-rollouts.png') });

    await page.keyboard.press('Escape');
    await theRoadIsReported(page, mock, screenshot);
    await page.locator('#tools button').nth(2).click();
    await until(page, 'the window is back', () => document.querySelector('#fleet')?.open === true);

    // The other language, and out by the keyboard.
    const chinese = await page.textContent('#fleet header h2');
    await page.keyboard.press('Escape');
    await until(page, 'the window closes', () => document.querySelector('#fleet').open === false);
    await page.keyboard.press('l');
    const english = await page.textContent('#fleet header h2');
    if (chinese === english) throw new Error('the window speaks one language');
    if (complaints.length > 0) throw new Error(`the page complains: ${complaints.join('; ')}`);
    say('nodes and roll-outs: ok');
  } finally {
    await page.close();
    await mock.close();
  }
}

/** A road condition at a place clicked on the map: entered, taken on, taken back. */
async function theRoadIsReported(page, mock, screenshot) {
  await page.locator('#tools [data-opens=conditions]').click();
  await page.locator('#conditions form').waitFor();
  if (!(await page.locator('#conditions [type=submit]').isDisabled())) throw new Error('a condition without a place could be entered');
  await page.locator('#conditions [name=hazard]').selectOption('ice');
  await page.locator('#conditions [name=text]').fill('<b>black</b> ice');
  // Where no site is near the cloud says no, in words.
  const click = () => page.mouse.click(800, 300);
  await click();
  mock.conditions.sites = mock.traffic.sites.map((site) => ({ ...site, at: [0, 0] }));
  await page.locator('#conditions [type=submit]').click();
  await until(page, 'it is refused', () => document.querySelector('#conditions .refused')?.hidden === false);
  mock.conditions.sites = mock.traffic.sites;
  await page.locator('#conditions [type=submit]').click();
  await until(page, 'it holds', () => document.querySelector('#conditions').dataset.held === '1');
  const [row] = mock.conditions.rows;
  if (row.hazard !== 'ice' || row.text !== '<b>black</b> ice' || row.radius_m !== 30 || !(row.until_ms > Date.now())) throw new Error(`entered: ${JSON.stringify(row)}`);
  await until(page, 'the site warns of it', () => document.querySelector('#conditions .rows li')?.dataset.state === 'fresh');
  if ((await page.locator('.condition-marker:not(.draft)').count()) !== 1 || (await page.$('#conditions b'))) throw new Error('its mark, or its text as text, is not there');
  if (screenshot) await page.screenshot({ path: screenshot.replace(/(\.png)?$/, '-conditions.png') });
  await page.locator('#conditions .rows .danger').click();
  if (row.ended_ms !== null) throw new Error('one press was enough to take it back');
  await sure(page, '#conditions .rows .danger');
  await until(page, 'none holds', () => document.querySelector('#conditions').dataset.held === '0' && document.querySelectorAll('.condition-marker').length === 0);
  await page.keyboard.press('Escape');
}
