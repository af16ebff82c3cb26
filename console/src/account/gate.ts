import { onLanguage, t, toggleLanguage, type Key } from '../i18n';
import { currentTheme, applyTheme, toggleTheme } from '../theme';
import { h } from '../ui/dom';
import { icon } from '../ui/icons';
import { arrivalOf, type Arrival } from './arrival';
import { ask, wordsOfCode, type Caller, type WhoIAm } from './api';
import { field, form, keepKeys } from './dialog';

const RETRY_MS = 2000;

/** Waits until the cloud tells who we are, then shows the log-in page unless somebody is let in; returns who. */
export async function pass(): Promise<Caller> {
  const arrival = arrivalOf(location.hash);
  const who = await whoAmI();
  // A link is taken up also by somebody who may look already; a secret does not stay in the address.
  if (arrival.page !== '') history.replaceState(null, '', location.pathname + location.search);
  if (who.caller && arrival.page === '') return who.caller;
  await new Promise<void>((done) => show(who, arrival, done));
  return (await whoAmI()).caller ?? pass();
}

async function whoAmI(): Promise<WhoIAm> {
  for (;;) {
    try {
      return await ask<WhoIAm>('GET', 'session');
    } catch (error) {
      console.warn(error instanceof Error ? error.message : error);
      await new Promise((later) => setTimeout(later, RETRY_MS));
    }
  }
}

function show(who: WhoIAm, arrival: Arrival, done: () => void): void {
  const gate = h('div', { id: 'gate' });
  keepKeys(gate);
  const leave = (): void => {
    open = false;
    gate.remove();
    done();
  };
  let open = true;
  document.body.append(gate);
  onLanguage(() => {
    if (open) gate.replaceChildren(card(who, arrival, leave));
    gate.querySelector<HTMLElement>('input')?.focus();
  });
}

function card(who: WhoIAm, arrival: Arrival, leave: () => void): HTMLElement {
  const language = h('button', { type: 'button', class: 'ghost', 'aria-label': t('language'), onclick: () => toggleLanguage() }, t('languageShort'));
  const theme = h('button', { type: 'button', class: 'ghost', 'aria-label': t(currentTheme() === 'dark' ? 'themeToLight' : 'themeToDark') }, icon('sun'));
  theme.addEventListener('click', () => {
    toggleTheme();
    applyTheme();
  });
  const titles: Record<Arrival['page'], Key> = { first: 'accFirst', invitation: 'accInvitation', login: 'accLogIn', '': 'accLogIn' };
  const body = arrival.page === 'first' ? firstForm(arrival.token, leave) : arrival.page === 'invitation' ? invitationForm(arrival.token, leave) : logInForm(leave);
  const hints: (HTMLElement | null)[] = [
    arrival.failed === '' ? null : h('p', { class: 'refused', role: 'alert' }, wordsOfCode(arrival.failed) ?? t('accFailed', { code: arrival.failed })),
    arrival.page === 'first' ? h('p', { class: 'note' }, t('accFirstHint')) : null,
    who.first && arrival.page !== 'first' ? h('p', { class: 'note' }, t('accFirstMissing')) : null,
  ];
  const provider = who.provider !== null && arrival.page !== 'first' && arrival.page !== 'invitation';
  const others = [
    provider ? h('a', { class: 'primary', href: './api/v1/oidc/start' }, t('accProvider', { name: who.provider ?? '' })) : null,
    who.caller ? h('button', { type: 'button', class: 'link', onclick: leave }, t('accJustLook')) : null,
  ];
  return h('main', { class: 'card account', 'data-page': arrival.page || 'login' }, h('header', {}, h('h2', {}, `${t('brand')} · ${t(titles[arrival.page])}`), theme, language), ...hints, body, ...others);
}

const name = (): HTMLElement => field('accName', { name: 'name', autocomplete: 'username', maxlength: 64, autocapitalize: 'none', spellcheck: 'false' });
const newPassword = (): HTMLElement[] => [
  field('accNewPassword', { name: 'password', type: 'password', autocomplete: 'new-password', minlength: 10, maxlength: 256 }),
  h('p', { class: 'note' }, t('accPasswordRule')),
];

function logInForm(leave: () => void): HTMLElement {
  const password = field('accPassword', { name: 'password', type: 'password', autocomplete: 'current-password' });
  return form('accLogIn', [name(), password], async (data) => {
    await ask('POST', 'session', data);
    leave();
  });
}

function firstForm(token: string, leave: () => void): HTMLElement {
  return form('accMakeFirst', [name(), ...newPassword()], async (data) => {
    await ask('POST', 'first', { token, ...data });
    leave();
  });
}

function invitationForm(token: string, leave: () => void): HTMLElement {
  return form('accSetPassword', newPassword(), async (data) => {
    await ask('POST', 'invitation', { token, ...data });
    leave();
  });
}
