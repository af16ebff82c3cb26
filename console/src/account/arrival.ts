/** Where a link or the provider led: a page by its name, and what came with it. */
export interface Arrival {
  page: 'first' | 'invitation' | 'login' | '';
  token: string;
  failed: string;
}

/** Reads `#/first?token=…`, `#/invitation?token=…`, `#/login?failed=…`; anything else is none of them. */
export function arrivalOf(hash: string): Arrival {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const values = new URLSearchParams(query);
  const page = path === 'first' || path === 'invitation' || path === 'login' ? path : '';
  return { page, token: values.get('token') ?? '', failed: values.get('failed') ?? '' };
}
