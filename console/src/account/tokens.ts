import { t } from '../i18n';
import { h } from '../ui/dom';
import { ask, RIGHTS, wordsOf, type Caller, type Token } from './api';
import { choice, field, form, openDialog, shownOnce } from './dialog';
import { moment } from './words';

/** Tokens for programs: one's own; an admin sees everybody's. */
export async function openTokens(caller: Caller): Promise<void> {
  const body = openDialog('accTokens', true);
  const told = h('div');
  const list = h('div');
  const refresh = async (): Promise<void> => {
    const { tokens } = await ask<{ tokens: Token[] }>('GET', 'tokens');
    list.replaceChildren(tokens.length === 0 ? h('p', { class: 'note' }, t('accNoTokens')) : table(tokens, revoke));
  };
  const said = (error: unknown): void => told.replaceChildren(h('p', { class: 'refused', role: 'alert' }, wordsOf(error)));
  const revoke = (id: number): void =>
    void ask('DELETE', `tokens/${id}`)
      .then(() => told.replaceChildren())
      .catch(said)
      .then(refresh)
      .catch(said);
  const rights = RIGHTS.slice(0, RIGHTS.indexOf(caller.right) + 1).map((right): [string, string] => [right, t(`right_${right}`)]);
  const make = form(
    'accMakeToken',
    [
      field('accLabel', { name: 'label', maxlength: 64, autocomplete: 'off' }),
      choice('accRight', 'right', rights, 'viewer'),
      field('accDays', { name: 'days', type: 'number', min: 1, max: 366, value: 90 }),
    ],
    async ({ label, right, days }) => {
      const made = await ask<{ token: string }>('POST', 'tokens', { label, right, days: Number(days) });
      told.replaceChildren(shownOnce('accTokenOnce', made.token));
      await refresh();
    },
  );
  body.append(h('p', { class: 'note' }, t('accTokensHint')), told, list, h('h3', {}, t('accNew')), make);
  await refresh().catch(said);
}

function table(tokens: Token[], revoke: (id: number) => void): HTMLElement {
  const heads = (['accLabel', 'accAccount', 'accRight', 'accExpires', 'accActions'] as const).map((key) => h('th', { scope: 'col' }, t(key)));
  const rows = tokens.map((token) => {
    const expired = token.expires_ms <= Date.now();
    return h(
      'tr',
      { 'data-token': token.id },
      h('th', { scope: 'row' }, token.label),
      h('td', {}, token.account),
      h('td', {}, t(`right_${token.right}`)),
      h('td', {}, expired ? t('accExpired') : moment(token.expires_ms)),
      h('td', {}, h('button', { type: 'button', class: 'link', onclick: () => revoke(token.id) }, t('accRevoke'))),
    );
  });
  return h('table', {}, h('thead', {}, h('tr', {}, ...heads)), h('tbody', {}, ...rows));
}
