// The console against a stand-in for the cloud: what an operator sees, from the first frame to a lost connection.
import assert from 'node:assert/strict';
import { Changes } from '../mock/changes.mjs';
import { startMock } from '../mock/server.mjs';
import { coloursOnMap, openConsole, until, untilMoving } from './steps.mjs';

const COUNT = 240;

export async function checkConsole(browser, { map, screenshot, say }) {
  const cloud = await startMock({ map, count: COUNT });
  const { page, context, errors, foreign } = await openConsole(browser, cloud.url);
  try {
    await theMapIsDrawn(page, cloud);
    await roadUsersAreCountedAndMove(page, cloud);
    await sitesSayWhatIsKnown(page, cloud);
    await warningsSpeakBothLanguages(page);
    await layersSwitch(page);
    await truthIsShownWhereOffered(page, cloud);
    await aSiteIsFoundByName(page, cloud);
    await congestionIsColoured(page, cloud);
    await thePastIsPlayed(page);
    await incidentsAreWorkedOn(page, cloud);
    if (screenshot) await page.screenshot({ path: screenshot });
    await aLostConnectionIsSaid(page, cloud);
    assert.deepEqual(errors, [], 'the page threw no errors');
    assert.deepEqual(foreign, [], 'nothing was asked of another origin');
    assert.equal(await page.evaluate(() => window.__jxz.refused), 0, 'every frame was read');
    assert.ok(Changes.told > 20, 'the console said what it looks at, and was sent what changed');
    say(`  frames: ${Changes.told} told of changes alone, none refused`);
    say('passed: the console in Chromium');
  } finally {
    await context.close();
    await cloud.close();
  }

  async function theMapIsDrawn(p, { map: features }) {
    await until(p, 'the map is loaded', (n) => window.__jxz.mapFeatures === n, features.features.length);
    const deadline = Date.now() + 60_000;
    // Without road users, sites, signals or warnings: what is left is the map.
    for (const layer of ['tracks', 'sites', 'signals', 'warnings']) await setLayer(p, layer, false);
    let colours = 0;
    while (colours < 4 && Date.now() < deadline) colours = await coloursOnMap(p);
    assert.ok(colours >= 4, `the map has ${colours} colours`);
    for (const layer of ['tracks', 'sites', 'signals', 'warnings']) await setLayer(p, layer, true);
    assert.ok(await p.getByText('© OpenStreetMap contributors (ODbL)').isVisible(), 'the credit is on the map');
    say(`  map drawn: ${features.features.length} features`);
  }

  async function roadUsersAreCountedAndMove(p) {
    await until(p, 'road users are counted', () => (window.__jxz.counters.roadUsers ?? 0) > 0);
    const { roadUsers, byClass } = await p.evaluate(() => window.__jxz.counters);
    assert.ok(roadUsers > COUNT / 2 && roadUsers <= COUNT, `${roadUsers} of ${COUNT} (those of a lost site are not sent)`);
    assert.equal(byClass.motor + byClass.non_motor + byClass.pedestrian, roadUsers);
    await until(p, 'the bar shows a number', () => /^\d+$/.test(document.querySelector('#count-roadUsers').textContent));
    const drawn = await untilMoving(p, 20);
    say(`  road users: ${roadUsers} counted, ${drawn} drawn and moving`);
  }

  async function sitesSayWhatIsKnown(p, { traffic }) {
    await until(p, 'sites are listed', (n) => document.querySelectorAll('.row.site').length === n, traffic.sites.length);
    const states = await p.locator('.row.site').evaluateAll((rows) => rows.map((r) => r.dataset.state));
    assert.deepEqual([states[0], states[4], states[9], states[11]], ['fresh', 'late', 'stale', 'lost']);
    const lost = await p.locator('.row.site').nth(11).locator('.num').first().textContent();
    assert.equal(lost, '–', 'a lost site has no number of tracks');
    const online = await p.locator('#count-online').textContent();
    assert.equal(online, `${traffic.sites.length - 2}/${traffic.sites.length}`);
  }

  async function warningsSpeakBothLanguages(p) {
    await until(p, 'a warning is listed', () => document.querySelector('.row.warning .reason')?.textContent);
    const reasons = () => p.locator('.row.warning .reason').allTextContents();
    assert.ok((await reasons()).includes('行人正在人行横道上，车辆 3.0 秒后到达'));
    assert.equal(await p.locator('#warnings h2').textContent(), '预警');
    await p.keyboard.press('l');
    await until(p, 'the page is English', () => document.documentElement.lang === 'en');
    assert.ok((await reasons()).includes('Pedestrian on the crossing, vehicle arrives in 3.0 s'));
    assert.equal(await p.locator('#warnings h2').textContent(), 'Warnings');
    await p.locator('.row.warning[data-kind=pedestrian]').first().click();
    await until(p, 'its details are open', () => !document.querySelector('#details').hidden);
    assert.match(await p.locator('#details').textContent(), /Vulnerable road user \(VRUCW\)/);
    await until(p, 'the ways that it supposes are drawn', () => window.__jxz.predictedDrawn > 0);
    await p.keyboard.press('Escape');
    await until(p, 'Escape closes them', () => document.querySelector('#details').hidden);
    say('  warnings: in Chinese, then in English');
  }

  async function layersSwitch(p) {
    await setLayer(p, 'sites', false);
    assert.equal(await p.locator('.site-marker:visible').count(), 0);
    assert.notEqual(await p.locator('.warning-marker:visible').count(), 0, 'its neighbour stays');
    await setLayer(p, 'sites', true);
    assert.notEqual(await p.locator('.site-marker:visible').count(), 0);
  }

  async function truthIsShownWhereOffered(p, { traffic }) {
    const row = p.locator('label:has([data-layer=truth])');
    assert.equal(await p.evaluate(() => window.__jxz.truthOffered), false);
    assert.ok(await row.evaluate((label) => label.hidden), 'a cloud without a simulator has no such layer');
    traffic.truth = { ageMs: 20 };
    await until(p, 'truth is offered', () => window.__jxz.truthOffered && !document.querySelector('label:has([data-layer=truth])').hidden);
    assert.equal(await p.locator('[data-layer=truth]').isChecked(), false, 'it is off until asked for');
    assert.equal(await p.evaluate(() => window.__jxz.truthDrawn), 0);
    await setLayer(p, 'truth', true);
    await until(p, 'every road user of the truth is drawn', (n) => window.__jxz.truthDrawn === n, COUNT);
    traffic.truth = { ageMs: 20_000 };
    await until(p, 'truth goes when the simulator falls silent', () => window.__jxz.truthDrawn === 0);
    traffic.truth = { ageMs: 20 };
    await until(p, 'and comes back with it', (n) => window.__jxz.truthDrawn === n, COUNT);
    await setLayer(p, 'truth', false);
    await until(p, 'it is switched off', () => window.__jxz.truthDrawn === 0);
    traffic.truth = null;
    await until(p, 'it is no longer offered', () => document.querySelector('label:has([data-layer=truth])').hidden);
    say('  truth: offered, drawn, gone with the simulator');
  }

  async function aSiteIsFoundByName(p, { traffic }) {
    const site = traffic.sites[2];
    await p.keyboard.press('/');
    await p.keyboard.type(site.name_en);
    await p.keyboard.press('Enter');
    await until(p, 'the site’s details are open', (name) => document.querySelector('#details h2')?.textContent === name, site.name_en);
    const text = await p.locator('#details').textContent();
    for (const wanted of ['radar-1', 'camera-1', '0.1.0', '5f2c9a71']) assert.ok(text.includes(wanted), `details have ${wanted}`);
    await p.keyboard.press('Escape');
  }

  async function congestionIsColoured(p, { past }) {
    const observed = past.links.filter((_, i) => i % 3).length;
    assert.ok(await p.locator('#city-legend').isHidden(), 'the layer is off until asked for');
    await setLayer(p, 'traffic', true);
    await until(p, 'links have their class', (n) => document.body.dataset.linksObserved === String(n), observed);
    assert.match(await p.locator('#city-legend').textContent(), /not observed/);
    const colours = await coloursOnMap(p);
    assert.ok(colours >= 6, `the map has ${colours} colours with the layer`);
    await setLayer(p, 'traffic', false);
    assert.ok(await p.locator('#city-legend').isHidden());
    say(`  congestion: ${observed} links coloured`);
  }

  async function thePastIsPlayed(p) {
    await until(p, 'the time bar is there', () => !document.querySelector('#timebar').hidden);
    await p.evaluate(() => document.activeElement?.blur());
    await p.keyboard.press('Space');
    await until(p, 'the past is shown', () => window.__jxz.pastMs !== null && document.body.dataset.time === 'past');
    await p.keyboard.press('ArrowLeft');
    await until(p, 'its frame is shown', () => window.__jxz.sentAtMs <= window.__jxz.pastMs && window.__jxz.pastMs - window.__jxz.sentAtMs < 1500);
    assert.match(await p.locator('#timebar').textContent(), /Past: .* ago/);
    assert.ok(await p.locator('#pastframe').isVisible());
    const still = await p.evaluate(() => window.__jxz.sentAtMs);
    await p.waitForTimeout(1200);
    assert.equal(await p.evaluate(() => window.__jxz.sentAtMs), still, 'a pause stands still');
    assert.ok((await p.evaluate(() => window.__jxz.counters.roadUsers)) > 0, 'and nothing in it grows old');
    await until(p, 'the chart of latencies has the time before it', () => window.__jxz.latencyPoints > 3);
    assert.ok((await p.locator('#latency .note').allTextContents()).some((words) => /before the time that is played back/.test(words)));
    await p.locator('[data-speed="4"]').click();
    await p.locator('#play').click();
    await until(p, 'it runs', (t) => window.__jxz.sentAtMs > t + 4000, still);
    await p.locator('#live').click();
    await until(p, 'the present is back', () => window.__jxz.pastMs === null && Date.now() - window.__jxz.sentAtMs < 2000);
    assert.ok(await p.locator('#pastframe').isHidden());
    say('  past: stopped, stepped back, played, left');
  }

  async function incidentsAreWorkedOn(p, { past }) {
    await until(p, 'incidents are listed', () => document.querySelectorAll('#incidents .row').length === 2);
    assert.equal(await p.locator('#incidents').getAttribute('data-open'), '1');
    await p.locator('#incidents .row').first().click();
    await until(p, 'its record is shown', () => document.querySelectorAll('#incidents .record li').length === 1);
    await p.locator('#incidents [data-action=play]').click();
    await until(p, 'it is played from half a minute before', (t) => window.__jxz.pastMs !== null && window.__jxz.pastMs < t, past.incidents[0].opened_ms);
    await p.locator('#live').click();
    await p.locator('#incidents [data-action=close]').click();
    assert.match(await p.locator('#incidents .failure').textContent(), /note first/);
    await p.locator('#incidents textarea').fill('towed away');
    await p.locator('#incidents [data-action=close]').click();
    await until(p, 'it is closed', () => document.querySelector('#incidents').dataset.open === '0');
    assert.equal(past.incidents[0].notes[0].text, 'towed away');
    await p.locator('#incidents header button').click();
    say('  incidents: listed, played back, closed with a note');
  }

  async function aLostConnectionIsSaid(p, mock) {
    assert.ok(await p.locator('#banner').isHidden(), 'no banner while connected');
    mock.interrupt();
    await until(p, 'the banner appears', () => !document.querySelector('#banner').hidden);
    assert.match(await p.locator('#banner p').textContent(), /No connection to the cloud\. .*is \d+ s old/);
    await until(p, 'numbers become unknown', () => document.querySelector('#count-roadUsers').textContent === '–');
    assert.equal((await p.evaluate(() => window.__jxz.positions())).length, 0, 'nothing is shown as if it were there');
    mock.resume();
    await until(p, 'it connects again by itself', () => window.__jxz.link === 'open' && window.__jxz.counters.roadUsers > 0);
    await until(p, 'the banner goes', () => document.querySelector('#banner').hidden);
    say('  connection: lost, said, found again');
  }
}

async function setLayer(page, layer, on) {
  const panel = page.locator('#layers');
  if (await panel.isHidden()) await page.locator('#tools [data-opens=layers]').click();
  await page.locator(`[data-layer=${layer}]`).setChecked(on);
  await page.keyboard.press('Escape');
}
