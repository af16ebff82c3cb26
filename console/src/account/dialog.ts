import { t, type Key } from '../i18n';
import { h } from '../ui/dom';
import { icon } from '../ui/icons';
import { wordsOf } from './api';

/** Keys pressed here are for what is here: the page's own keys rest. */
export function keepKeys(element: HTMLElement): void {
  element.addEventListener('keydown', (event) => event.stopPropagation());
}

/** Opens a dialog above the page; Escape closes it. Returns its body. */
export function openDialog(title: Key, wide = false): HTMLElement {
  const body = h('div', { class: 'scroll' });
  const dialog = h('dialog', { class: wide ? 'card account wide' : 'card account', 'aria-label': t(title), 'data-dialog': title });
  const close = h('button', { type: 'button', class: 'ghost', 'aria-label': t('close'), title: t('close'), onclick: () => dialog.close() }, icon('close'));
  dialog.append(h('header', {}, h('h2', {}, t(title)), close), body);
  dialog.addEventListener('close', () => dialog.remove());
  keepKeys(dialog);
  document.body.append(dialog);
  dialog.showModal();
  return body;
}

/** A labelled field of a form. */
export function field(label: Key, attributes: Record<string, string | number | boolean>): HTMLLabelElement {
  return h('label', {}, h('span', {}, t(label)), h('input', { required: true, ...attributes }));
}

/** A labelled choice. */
export function choice(label: Key, name: string, options: readonly [string, string][], chosen: string): HTMLLabelElement {
  const all = options.map(([value, words]) => h('option', { value, selected: value === chosen }, words));
  return h('label', {}, h('span', {}, t(label)), h('select', { name }, ...all));
}

/** A form that sends its fields, says why it was refused, and cannot be sent twice at once. */
export function form(button: Key, fields: readonly HTMLElement[], send: (data: Record<string, string>) => Promise<void>): HTMLFormElement {
  const submit = h('button', { type: 'submit', class: 'primary' }, t(button));
  const said = h('p', { class: 'refused', role: 'alert' });
  const element = h('form', {}, ...fields, said, submit);
  element.addEventListener('submit', (event) => {
    event.preventDefault();
    submit.disabled = true;
    said.textContent = '';
    const data = Object.fromEntries([...new FormData(element)].map(([name, value]) => [name, String(value)]));
    send(data)
      .catch((error: unknown) => {
        said.textContent = wordsOf(error);
      })
      .finally(() => {
        submit.disabled = false;
      });
  });
  return element;
}

/** A secret that is shown once, with a button that copies it. */
export function shownOnce(words: Key, secret: string): HTMLElement {
  const value = h('input', { readonly: true, value: secret, 'aria-label': t(words), class: 'secret' });
  value.addEventListener('focus', () => value.select());
  const copy = h('button', { type: 'button', class: 'link' }, t('accCopy'));
  copy.addEventListener('click', () => {
    value.select();
    void navigator.clipboard?.writeText(secret).then(() => {
      copy.textContent = t('accCopied');
    });
  });
  return h('div', { class: 'once', role: 'status' }, h('p', {}, t(words)), value, copy);
}
