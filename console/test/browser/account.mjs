// Who gets into the console, and what an admin does there: against a stand-in for the cloud that has accounts.
import assert from 'node:assert/strict';
import { startMock } from '../mock/server.mjs';
import { openConsole, until } from './steps.mjs';

const PASSWORD = 'correct horse battery';

export async function checkAccounts(browser, { map, say }) {
  const cloud = await startMock({ map, count: 40, accounts: true });
  const { page, context, errors, foreign } = await openConsole(browser, `${cloud.url}#/first?token=${cloud.accounts.first}`, { locale: 'en-GB' });
  try {
    await theFirstAccountIsMade(page);
    const link = await anAdminInvites(page);
    await rightsAndLocksChange(page, cloud);
    await tokensAreMadeAndRevoked(page);
    await theAuditLogIsShown(page, cloud);
    await thePasswordChanges(page);
    await loggedOutAndInAgain(page);
    await anInvitationIsTakenUp(browser, link);
    await aSessionThatEndsLeadsToTheLogIn(page, cloud);
    assert.deepEqual(errors, [], 'the page threw no errors');
    assert.deepEqual(foreign, [], 'nothing was asked of another origin');
    say('passed: accounts in Chromium');
  } finally {
    await context.close();
    await cloud.close();
  }

  async function theFirstAccountIsMade(p) {
    await p.locator('#gate [data-page=first]').waitFor();
    assert.equal(new URL(p.url()).hash, '', 'the link’s secret does not stay in the address');
    assert.equal(await p.locator('.maplibregl-map').count(), 0, 'nothing of the island is shown yet');
    await p.locator('#gate [name=name]').fill('chief');
    // The page's own keys rest while somebody types.
    await p.locator('#gate [name=password]').pressSequentially('l/l/');
    assert.equal(await p.evaluate(() => document.documentElement.lang), 'en');
    await p.locator('#gate [name=password]').fill(PASSWORD);
    await p.keyboard.press('Enter');
    await p.locator('#gate').waitFor({ state: 'detached' });
    await until(p, 'the console is live', () => window.__jxz?.link === 'open');
    say('  first account: made by the link, then the island');
  }

  async function open(p, item) {
    await p.locator('#account').focus();
    await p.keyboard.press('Enter');
    await p.locator(`#account-menu [data-item=${item}]`).click();
  }

  async function close(p) {
    await p.keyboard.press('Escape');
    await p.locator('dialog[open]').waitFor({ state: 'detached' });
  }

  async function anAdminInvites(p) {
    await open(p, 'accAccounts');
    await p.locator('dialog [name=name]').fill('clerk');
    await p.locator('dialog [name=right]').selectOption('operator');
    await p.locator('dialog[open] form button[type=submit]').click();
    const link = await p.locator('dialog .secret').inputValue();
    assert.match(link, /#\/invitation\?token=\w+$/);
    await p.locator('tr[data-account=clerk]').waitFor();
    assert.match(await p.locator('tr[data-account=clerk]').textContent(), /invited until/);
    await p.locator('dialog [name=name]').fill('clerk');
    await p.locator('dialog[open] form button[type=submit]').click();
    await until(p, 'a name that is taken is refused', () => document.querySelector('dialog form .refused').textContent.includes('already'));
    return link;
  }

  async function rightsAndLocksChange(p, { accounts }) {
    await p.locator('tr[data-account=clerk] select').selectOption('viewer');
    await until(p, 'the right is kept', () => document.querySelector('tr[data-account=clerk] select')?.value === 'viewer');
    assert.equal(accounts.people.get('clerk').right, 'viewer');
    await p.locator('tr[data-account=clerk]').getByText('Lock', { exact: true }).click();
    await until(p, 'it is locked', () => document.querySelector('tr[data-account=clerk]')?.textContent.includes('locked'));
    await p.locator('tr[data-account=clerk]').getByText('Unlock').click();
    await until(p, 'it is unlocked', () => !document.querySelector('tr[data-account=clerk]')?.textContent.includes('locked'));
    await p.locator('tr[data-account=chief] select').selectOption('viewer');
    await until(p, 'the last admin stays', () => document.querySelector('dialog .refused[role=alert]:not(:empty)')?.textContent.includes('another admin'));
    await close(p);
    say('  accounts: invited, another right, locked and unlocked, the last admin kept');
  }

  async function tokensAreMadeAndRevoked(p) {
    await open(p, 'accTokens');
    await p.locator('dialog [name=label]').fill('weekly report');
    await p.locator('dialog[open] form button[type=submit]').click();
    await p.locator('dialog .secret').waitFor();
    assert.equal(await p.locator('dialog .secret').inputValue(), 'a-token-shown-once');
    await p.locator('tr[data-token]').getByText('Revoke').click();
    await until(p, 'it is gone', () => document.querySelectorAll('tr[data-token]').length === 0 && !document.querySelector('.secret'));
    await close(p);
  }

  async function theAuditLogIsShown(p, { accounts }) {
    await open(p, 'accAudit');
    await until(p, 'entries are listed', () => document.querySelectorAll('dialog tbody tr').length >= 4);
    assert.match(await p.locator('dialog[open]').textContent(), /chain of entries holds/);
    assert.match(await p.locator('dialog tbody').textContent(), /account\.lock.*account clerk/);
    await close(p);
    accounts.firstBreak = 2;
    await open(p, 'accAudit');
    await until(p, 'a broken chain is said', () => document.querySelector('dialog p.refused')?.textContent.includes('from entry 2'));
    assert.ok((await p.locator('dialog tr[data-doubtful]').count()) >= 3);
    await close(p);
    say('  audit: entries, a chain that holds and one that does not');
  }

  async function thePasswordChanges(p) {
    await open(p, 'accChangePassword');
    await p.locator('dialog [name=present]').fill('not the password');
    await p.locator('dialog [name=new]').fill('another horse');
    await p.keyboard.press('Enter');
    await until(p, 'a wrong password is refused', () => document.querySelector('dialog .refused').textContent.includes('wrong'));
    await p.locator('dialog [name=present]').fill(PASSWORD);
    await p.keyboard.press('Enter');
    await until(p, 'it is changed', () => document.querySelector('dialog [role=status]')?.textContent.includes('changed'));
    await close(p);
  }

  async function loggedOutAndInAgain(p) {
    await open(p, 'accLogOut');
    await p.locator('#gate [data-page=login]').waitFor();
    const logIn = async (password) => {
      await p.locator('#gate [name=name]').fill('chief');
      await p.locator('#gate [name=password]').fill(password);
      await p.keyboard.press('Enter');
    };
    await logIn(PASSWORD);
    await until(p, 'the old password is refused', () => document.querySelector('#gate .refused[role=alert]')?.textContent.includes('No account'));
    await p.locator('#gate button').getByText('中文').click();
    await until(p, 'the page is Chinese', () => document.querySelector('#gate h2').textContent.includes('登录'));
    await p.locator('#gate button').getByText('EN').click();
    await logIn('another horse');
    await p.locator('#gate').waitFor({ state: 'detached' });
    say('  password: changed; logged out and in again');
  }

  async function anInvitationIsTakenUp(b, link) {
    const clerk = await openConsole(b, link, { locale: 'zh-CN', colorScheme: 'light' });
    try {
      await clerk.page.locator('#gate [data-page=invitation]').waitFor();
      await clerk.page.locator('#gate [name=password]').fill(PASSWORD);
      await clerk.page.keyboard.press('Enter');
      await clerk.page.locator('#gate').waitFor({ state: 'detached' });
      await clerk.page.locator('#account').click();
      assert.match(await clerk.page.locator('#account-menu').textContent(), /clerk · 查看者/);
      assert.equal(await clerk.page.locator('#account-menu [data-item=accAccounts]').count(), 0, 'a viewer keeps no accounts');
      assert.deepEqual(clerk.errors, []);
    } finally {
      await clerk.context.close();
    }
  }

  async function aSessionThatEndsLeadsToTheLogIn(p, mock) {
    await until(p, 'the console is live', () => window.__jxz?.link === 'open');
    mock.accounts.endSessionsOf('chief');
    mock.interrupt();
    await p.locator('#gate [data-page=login]').waitFor();
    mock.resume();
    say('  invitation taken up; an ended session leads to the log-in');
  }
}
