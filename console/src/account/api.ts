import { en, type Key } from '../i18n/en';
import { t } from '../i18n';

export type Right = 'viewer' | 'operator' | 'admin';
export const RIGHTS: readonly Right[] = ['viewer', 'operator', 'admin'];

/** Who asks, as `/api/v1/session` tells it. */
export interface Caller {
  name: string;
  right: Right;
  by: 'open_viewing' | 'session' | 'token';
  ends_ms: number | null;
  has_password: boolean;
}

export interface WhoIAm {
  caller: Caller | null;
  first: boolean;
  provider: string | null;
}

export interface Account {
  name: string;
  right: Right;
  locked: boolean;
  has_password: boolean;
  by_provider: boolean;
  invited_until_ms: number | null;
  sessions: number;
}

export interface Token {
  id: number;
  account: string;
  label: string;
  right: Right;
  made_ms: number;
  expires_ms: number;
}

export interface AuditEntry {
  number: number;
  at_ms: number;
  who: string;
  action: string;
  detail: string;
}

/** Why the cloud did not do as asked. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** Asks the cloud's API; a change carries the header that no other page can send. */
export async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { 'x-jxz-request': '1' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  const answer = await fetch(`./api/v1/${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const said = await answer.text();
  if (!answer.ok) throw refusal(answer.status, said);
  return (said === '' ? undefined : JSON.parse(said)) as T;
}

/** The refusal in a body of the API's one shape, or in any other. */
export function refusal(status: number, body: string): Refused {
  try {
    const { error } = JSON.parse(body) as { error: { code: string; message: string } };
    return new Refused(status, String(error.code), String(error.message));
  } catch {
    return new Refused(status, 'unknown', body.slice(0, 200) || `HTTP ${status}`);
  }
}

/** A refusal's words in the current language: ours for a code that we know, else the cloud's. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof Refused)) return t('accUnreachable');
  return wordsOfCode(error.code) ?? error.message;
}

/** The words of a code, or null if there are none. */
export function wordsOfCode(code: string): string | null {
  const key = code.startsWith('id_token_') ? 'err_id_token' : `err_${code}`;
  return key in en ? t(key as Key) : null;
}
