import { t, type Key } from '../i18n';
import { h } from '../ui/dom';
import { ask, RIGHTS, wordsOf, type Account, type Caller, type Right } from './api';
import { choice, field, form, openDialog, shownOnce } from './dialog';
import { moment } from './words';

interface Invitation {
  name: string;
  token: string;
}

/** The accounts, for admins: list, invite, right, lock. */
export async function openAccounts(caller: Caller): Promise<void> {
  const body = openDialog('accAccounts', true);
  const told = h('div');
  const list = h('div');
  const invited = (invitation: Invitation): void => {
    const link = new URL(`./#/invitation?token=${invitation.token}`, location.href).href;
    told.replaceChildren(shownOnce('accInvitationLink', link));
  };
  const refresh = async (): Promise<void> => {
    const { accounts } = await ask<{ accounts: Account[] }>('GET', 'accounts');
    list.replaceChildren(table(accounts.map((account) => row(account, caller, act, invited))));
  };
  /** Does something, says why it could not be done, and shows what then is. */
  const act = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      told.replaceChildren(h('p', { class: 'refused', role: 'alert' }, wordsOf(error)));
    }
    await refresh().catch(() => undefined);
  };
  const rights = RIGHTS.map((right): [string, string] => [right, t(`right_${right}`)]);
  const fields = [field('accName', { name: 'name', maxlength: 64, autocomplete: 'off' }), choice('accRight', 'right', rights, 'viewer')];
  const make = form('accInvite', fields, async (data) => {
    invited(await ask<Invitation>('POST', 'accounts', data));
    make.reset();
    await refresh();
  });
  body.append(told, list, h('h3', {}, t('accNew')), make);
  await act(async () => {});
}

function row(account: Account, caller: Caller, act: (work: () => Promise<void>) => Promise<void>, invited: (i: Invitation) => void): HTMLElement {
  const path = `accounts/${encodeURIComponent(account.name)}`;
  const right = h('select', { 'aria-label': `${t('accRight')}: ${account.name}`, disabled: account.by_provider });
  right.append(...RIGHTS.map((r) => h('option', { value: r, selected: r === account.right }, t(`right_${r}`))));
  right.addEventListener('change', () => void act(() => ask('PATCH', path, { right: right.value as Right })));
  const lock = (): Promise<void> => act(() => ask('PATCH', path, { locked: !account.locked }));
  const invite = (): Promise<void> => act(async () => invited(await ask<Invitation>('POST', `${path}/invitation`)));
  const button = (key: Key, work: () => Promise<void>): HTMLElement => h('button', { type: 'button', class: 'link', onclick: () => void work() }, t(key));
  return h(
    'tr',
    { 'data-account': account.name },
    h('th', { scope: 'row' }, account.name),
    h('td', {}, right),
    h('td', {}, state(account)),
    h('td', {}, String(account.sessions)),
    h('td', { class: 'links' }, account.name === caller.name ? null : button(account.locked ? 'accUnlock' : 'accLock', lock), account.by_provider ? null : button('accInviteAgain', invite)),
  );
}

function state(account: Account): string {
  if (account.locked) return t('accLocked');
  if (account.by_provider) return t('accByProvider');
  if (account.invited_until_ms !== null) return t('accInvitedUntil', { at: moment(account.invited_until_ms) });
  return account.has_password ? t('accActive') : t('accNoPassword');
}

function table(rows: HTMLElement[]): HTMLElement {
  const heads = (['accName', 'accRight', 'state', 'accSessions', 'accActions'] as const).map((key) => h('th', { scope: 'col' }, t(key)));
  return h('table', {}, h('thead', {}, h('tr', {}, ...heads)), h('tbody', {}, ...rows));
}
