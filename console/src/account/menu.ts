import { onLanguage, t, type Key } from '../i18n';
import { attribute, byId, h } from '../ui/dom';
import { icon } from '../ui/icons';
import { openAccounts } from './accounts';
import { ask, type Caller, type WhoIAm } from './api';
import { openAudit } from './audit';
import { field, form, keepKeys, openDialog } from './dialog';
import { openTokens } from './tokens';

/** While somebody moves or types, the cloud hears of it this often: else a session ends as idle. */
const SIGN_OF_LIFE_MS = 60_000;

/** The account's button in the bar: who I am, and what I may do about it. */
export class AccountMenu {
  private readonly button = byId<HTMLButtonElement>('account');
  private readonly menu = h('div', { id: 'account-menu', class: 'card', role: 'menu', hidden: true });
  private signedAt = performance.now();

  constructor(private readonly caller: Caller) {
    this.button.append(icon('user'));
    attribute(this.button, 'aria-haspopup', 'menu');
    this.button.addEventListener('click', () => this.open(this.menu.hidden));
    this.menu.addEventListener('keydown', (event) => this.key(event));
    keepKeys(this.menu);
    document.addEventListener('pointerdown', (event) => {
      if (!this.menu.contains(event.target as Node) && !this.button.contains(event.target as Node)) this.open(false);
    });
    document.body.append(this.menu);
    onLanguage(() => this.furnish());
    if (caller.by === 'session') {
      for (const sign of ['pointerdown', 'keydown', 'wheel']) document.addEventListener(sign, () => this.alive(), { capture: true, passive: true });
    }
    addEventListener('jxz:link-lost', () => void this.check());
  }

  private furnish(): void {
    const { caller } = this;
    const label = `${t('accAccount')}: ${caller.by === 'open_viewing' ? t('accNobody') : caller.name}`;
    attribute(this.button, 'aria-label', label);
    attribute(this.button, 'title', label);
    const item = (key: Key, act: () => void): HTMLElement =>
      h('button', { type: 'button', role: 'menuitem', class: 'row', 'data-item': key, onclick: () => {
        this.open(false);
        act();
      } }, t(key));
    const items: HTMLElement[] = [];
    if (caller.by === 'open_viewing') {
      items.push(item('accLogIn', () => logInAgain()));
    } else {
      if (caller.has_password) items.push(item('accChangePassword', () => openPassword()));
      items.push(item('accTokens', () => void openTokens(caller)));
    }
    if (caller.right === 'admin') items.push(item('accAccounts', () => void openAccounts(caller)), item('accAudit', () => void openAudit()));
    items.push(h('a', { role: 'menuitem', class: 'row', href: './api' }, t('accApi')));
    if (caller.by === 'session') items.push(item('accLogOut', () => void logOut()));
    const who = h('p', { class: 'note' }, caller.by === 'open_viewing' ? t('accOpenViewing') : `${caller.name} · ${t(`right_${caller.right}`)}`);
    this.menu.replaceChildren(who, ...items);
    attribute(this.button, 'aria-expanded', String(!this.menu.hidden));
  }

  private open(open: boolean): void {
    if (this.menu.hidden !== open) return;
    this.menu.hidden = !open;
    attribute(this.button, 'aria-expanded', String(open));
    if (open) this.menu.querySelector<HTMLElement>('[role=menuitem]')?.focus();
  }

  private key(event: KeyboardEvent): void {
    const items = [...this.menu.querySelectorAll<HTMLElement>('[role=menuitem]')];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      items[(at + step + items.length) % items.length]?.focus();
    } else if (event.key === 'Escape') {
      this.open(false);
      this.button.focus();
    }
  }

  private alive(): void {
    if (performance.now() - this.signedAt < SIGN_OF_LIFE_MS) return;
    this.signedAt = performance.now();
    void this.check();
  }

  /** Whether we are still let in as who we were: if not, the page begins anew, at the log-in. */
  private async check(): Promise<void> {
    try {
      const { caller } = await ask<WhoIAm>('GET', 'session');
      if (caller?.name !== this.caller.name || caller.right !== this.caller.right) location.reload();
    } catch {
      // The cloud is away; the banner says so.
    }
  }
}

function logInAgain(): void {
  location.hash = '#/login';
  location.reload();
}

async function logOut(): Promise<void> {
  await ask('DELETE', 'session');
  location.reload();
}

function openPassword(): void {
  const body = openDialog('accChangePassword');
  const password = { type: 'password', maxlength: 256 };
  body.append(
    form(
      'accSetPassword',
      [
        field('accPresentPassword', { name: 'present', autocomplete: 'current-password', ...password }),
        field('accNewPassword', { name: 'new', autocomplete: 'new-password', minlength: 10, ...password }),
        h('p', { class: 'note' }, t('accPasswordRule')),
      ],
      async (data) => {
        await ask('PUT', 'password', data);
        body.replaceChildren(h('p', { class: 'note', role: 'status' }, t('accPasswordChanged')));
      },
    ),
  );
}
