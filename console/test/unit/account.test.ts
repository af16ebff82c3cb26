import { describe, expect, it } from 'vitest';
import { refusal, Refused, wordsOf, wordsOfCode } from '../../src/account/api';
import { arrivalOf } from '../../src/account/arrival';
import { detailOf } from '../../src/account/words';
import { DICTIONARIES } from '../../src/i18n';

describe('a link', () => {
  it('leads to its page with its token', () => {
    expect(arrivalOf('#/first?token=a-b_c')).toEqual({ page: 'first', token: 'a-b_c', failed: '' });
    expect(arrivalOf('#/invitation?token=x')).toEqual({ page: 'invitation', token: 'x', failed: '' });
    expect(arrivalOf('#/login?failed=no_right')).toEqual({ page: 'login', token: '', failed: 'no_right' });
  });

  it('that is none of ours leads nowhere', () => {
    for (const hash of ['', '#', '#/', '#/elsewhere?token=x', '#first', '#14/32.1/118.7']) {
      expect(arrivalOf(hash).page, hash).toBe(hash === '#first' ? 'first' : '');
    }
  });
});

describe('a refusal', () => {
  it('is read from the one shape of an error, and from any other', () => {
    const shaped = refusal(403, '{"error":{"code":"last_admin","message":"nobody would be left","causes":[]}}');
    expect([shaped.status, shaped.code, shaped.message]).toEqual([403, 'last_admin', 'nobody would be left']);
    expect(refusal(502, '<html>').message).toBe('<html>');
    expect(refusal(500, '').message).toBe('HTTP 500');
    expect(refusal(400, '{"error":null}').code).toBe('unknown');
  });

  it('has our words for a code that we know, else the cloud’s', () => {
    expect(wordsOf(new Refused(401, 'login_refused', 'x'))).toBe(DICTIONARIES.zh.err_login_refused);
    expect(wordsOf(new Refused(409, 'something_new', 'the cloud’s words'))).toBe('the cloud’s words');
    expect(wordsOf(new TypeError('network'))).toBe(DICTIONARIES.zh.accUnreachable);
    expect(wordsOfCode('id_token_nonce')).toBe(DICTIONARIES.zh.err_id_token);
    expect(wordsOfCode('toString')).toBeNull();
  });
});

describe('an audit entry', () => {
  it('is told by its fields', () => {
    expect(detailOf('{"account":"li","right":"admin","token":3}')).toBe('account li · right admin · token 3');
    expect(detailOf('{}')).toBe('');
    for (const odd of ['not json', '[1]', 'null', '"x"']) expect(detailOf(odd)).toBe(odd);
  });
});
