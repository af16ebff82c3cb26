import { t } from '../i18n';
import { h } from '../ui/dom';
import { ask, wordsOf, type AuditEntry } from './api';
import { openDialog } from './dialog';
import { detailOf, moment } from './words';

interface Page {
  entries: AuditEntry[];
  first_break: number | null;
}

const PAGE = 100;

/** The audit log, for admins: whether its chain holds, and its entries, the newest first. */
export async function openAudit(): Promise<void> {
  const body = openDialog('accAudit', true);
  const chain = h('p', { class: 'note', role: 'status' });
  const rows = h('tbody');
  const older = h('button', { type: 'button', class: 'link' }, t('accOlder'));
  let before: number | null = null;
  const load = async (): Promise<void> => {
    older.disabled = true;
    try {
      const page = await ask<Page>('GET', `audit?limit=${PAGE}${before === null ? '' : `&before=${before}`}`);
      const broken = page.first_break !== null;
      chain.className = broken ? 'refused' : 'note';
      chain.textContent = broken ? t('accChainBroken', { n: page.first_break ?? 0 }) : t('accChainHolds');
      rows.append(...page.entries.map((entry) => row(entry, page.first_break)));
      before = page.entries.at(-1)?.number ?? before;
      older.hidden = page.entries.length < PAGE || before === 1;
    } catch (error) {
      chain.className = 'refused';
      chain.textContent = wordsOf(error);
    }
    older.disabled = false;
  };
  older.addEventListener('click', () => void load());
  const heads = (['number', 'accWhen', 'accWho', 'accAction', 'details'] as const).map((key) => h('th', { scope: 'col' }, t(key)));
  body.append(chain, h('table', {}, h('thead', {}, h('tr', {}, ...heads)), rows), h('p', { class: 'links' }, older));
  await load();
}

function row(entry: AuditEntry, firstBreak: number | null): HTMLElement {
  const doubtful = firstBreak !== null && entry.number >= firstBreak;
  return h(
    'tr',
    { 'data-doubtful': doubtful },
    h('th', { scope: 'row' }, String(entry.number)),
    h('td', {}, moment(entry.at_ms)),
    h('td', {}, entry.who),
    h('td', {}, entry.action),
    h('td', { class: 'detail' }, detailOf(entry.detail)),
  );
}
