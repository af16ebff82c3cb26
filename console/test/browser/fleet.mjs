// The window of nodes and roll-outs, against the stand-in.
import { startMock } from '../mock/server.mjs';
import { PATIENCE_MS, until } from './steps.mjs';


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

    // A token is shown once.
    await page.locator('#fleet .acts .act:not(.danger)').click();
    await until(page, 'the token is shown', () => document.querySelector('#token')?.open === true);
    const command = await page.textContent('#token .command');
    if (!command.startsWith('jxz-edge join ') || !command.includes('jxz1/')) throw new Error(`the command is ${command}`);
    await page.keyboard.press('Escape');
    await until(page, 'the token is gone from the page', () => document.querySelector('#token').textContent === '');

    // Revoking takes two presses.
    const danger = page.locator('#fleet .act.danger');
    await danger.click();
    if ([...mock.fleet.nodes.values()].some((node) => node.revoked)) throw new Error('one press was enough to revoke');
    await page.locator('#fleet .act.danger').click();
    await until(page, 'the node is cut off', () => document.querySelector('#fleet .node .badge')?.dataset.state === 'lost');

    // A roll-out from beginning to end.
    await page.locator('#fleet [role=tab]').nth(1).click();
    await page.locator('#fleet form input[type=number]').fill('1');
    await page.locator('#fleet form [type=submit]').click();
    await until(page, 'the roll-out is done', () => document.querySelector('#fleet .rollout')?.dataset.state === 'fresh');
    if (screenshot) await page.screenshot({ path: screenshot.replace(/(\.png)?$/, '-rollouts.png') });

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
