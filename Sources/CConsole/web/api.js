// Calls of the service: all of them are in openapi.yaml.

export class Refused extends Error {
  constructor(status, error) {
    super(error.message);
    this.status = status;
    this.code = error.code;
    this.hint = error.hint;
  }
}

/** What every call is about, when something is chosen: a database, a tenant. */
export const scope = {
  get database() { return sessionStorage.getItem('database') || ''; },
  set database(name) { sessionStorage.setItem('database', name); },
  get tenant() { return sessionStorage.getItem('tenant') || ''; },
  set tenant(name) { sessionStorage.setItem('tenant', name); },
};

function address(path, query, isScoped) {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query || {})) {
    if (value !== undefined && value !== null && value !== '') given.set(name, value);
  }
  if (isScoped && scope.database) given.set('database', scope.database);
  if (isScoped && scope.tenant && !given.has('tenant')) given.set('tenant', scope.tenant);
  const text = given.toString();
  return text ? `${path}?${text}` : path;
}

async function call(method, path, query, body, isScoped) {
  let answer;
  try {
    answer = await fetch(address(path, query, isScoped), {
      method,
      credentials: 'same-origin',
      headers: {
        'X-Batchmgr-Console': '1', 'Accept': 'application/json',
        ...(body ? { 'Content-Type': 'application/json' } : {}),
      },
      body: body ? JSON.stringify(body) : undefined,
    });
  } catch {
    throw new Refused(0, { message: 'the service does not answer', code: '', hint: 'batchmgr serve' });
  }
  const text = await answer.text();
  let value = null;
  try { value = text ? JSON.parse(text) : null; } catch { value = { text }; }
  if (answer.ok || (answer.status === 503 && value && 'ready' in value)) return value;
  const error = value && value.error;
  throw new Refused(answer.status, typeof error === 'object' ? error : { message: error || text, code: '', hint: '' });
}

export const get = (path, query) => call('GET', path, query, null, true);
/** About the whole workspace: not limited to a tenant. */
export const getAll = (path, query) => call('GET', path, query, null, false);
export const post = (path, body, query) => call('POST', path, query, body || {}, true);
export const postAll = (path, body) => call('POST', path, null, body || {}, false);

/** Server-sent events until the page is left. */
export function listen(told) {
  const source = new EventSource(address('/api/events', null, true));
  for (const name of ['batch', 'job', 'incident']) {
    source.addEventListener(name, event => told(name, JSON.parse(event.data)));
  }
  return () => source.close();
}
