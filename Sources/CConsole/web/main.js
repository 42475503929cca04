// The frame of the console: who is signed in, which page is shown, in which language.

import * as api from './api.js';
import { h, t, fill, fault, field, speak } from './page.js';
import { health } from './health.js';
import { batchList, batchPage } from './batches.js';
import { historyPage } from './history.js';
import { approvals, planPage } from './approvals.js';
import { jobsPage, jobPage, schedulePage, queuePage, queuedPage } from './work.js';
import { switchesPage, auditPage, settingsPage } from './settings.js';
import { healPage, contractsPage } from './heal.js';
import { incidentsPage, incidentPage, runbooksPage } from './incidents.js';
import { releasesPage } from './releases.js';
import { supportPage, banner } from './support.js';
import { documentsPage, documentPage } from './documents.js';

const languages = ['en', 'fr'];

/** address → page; a page answers with elements, and may answer with a function that ends it. */
const pages = [
  [/^$/, health, 'health'],
  [/^batches$/, batchList, 'batches'],
  [/^batches\/([^/]+)$/, batchPage, 'batches'],
  [/^history$/, historyPage, 'history'],
  [/^approvals$/, approvals, 'approvals'],
  [/^approvals\/([^/]+)$/, planPage, 'approvals'],
  [/^jobs$/, jobsPage, 'jobs'],
  [/^jobs\/([^/]+)$/, jobPage, 'jobs'],
  [/^schedule$/, schedulePage, 'schedule'],
  [/^queue$/, queuePage, 'queue'],
  [/^queue\/(\d+)$/, queuedPage, 'queue'],
  [/^documents$/, documentsPage, 'documents'],
  [/^documents\/([^/]+)$/, documentPage, 'documents'],
  [/^heal$/, healPage, 'heal'],
  [/^contracts$/, contractsPage, 'contracts'],
  [/^incidents$/, incidentsPage, 'incidents'],
  [/^incidents\/(incident\.\d+)$/, incidentPage, 'incidents'],
  [/^runbooks$/, runbooksPage, 'runbooks'],
  [/^releases$/, releasesPage, 'releases'],
  [/^support$/, supportPage, 'support'],
  [/^switches$/, switchesPage, 'switches'],
  [/^audit$/, auditPage, 'audit'],
  [/^settings$/, settingsPage, 'settings'],
];
const menu = ['health', 'batches', 'history', 'approvals', 'jobs', 'schedule', 'queue', 'documents', 'heal', 'contracts', 'incidents',
  'runbooks', 'releases', 'switches', 'support', 'audit', 'settings'];

/** About the whole workspace: a token for one tenant is refused there. */
const ofWorkspace = ['schedule', 'documents', 'runbooks', 'releases', 'switches', 'support', 'settings'];

let session = null;
let leave = null;
let visit = 0;

/** Whether the role of who is signed in includes this one. The server refuses in any case. */
export const person = {
  may(role) {
    return Boolean(session) && (role === 'viewer' || session.roles.includes('admin') || session.roles.includes(role));
  },
  get name() { return session?.person; },
  /** The only tenant that may be shown, when it is one. */
  get tenant() { return session?.tenant; },
};

async function choose() {
  const wanted = localStorage.getItem('language') || navigator.language.slice(0, 2);
  const language = languages.includes(wanted) ? wanted : 'en';
  document.documentElement.lang = language;
  speak(await (await fetch(`/console/${language}.json`)).json());
}

async function begin() {
  await choose();
  try {
    session = await api.getAll('/api/session');
  } catch (error) {
    return signIn(error);
  }
  if (!session.person) return signIn(null);
  frame();
  await show();
}

function signIn(error) {
  session = null;
  const token = field(t('sign.token'), { type: 'password', name: 'token', required: true, autocomplete: 'current-password' });
  const outcome = h('div', null, error ? fault(error) : null);
  const form = h('form', { class: 'sign' }, h('h1', { tabindex: -1 }, 'BatchManager'), h('p', null, t('sign.why')), token.element,
    h('button', { class: 'first', type: 'submit' }, t('sign.in')), outcome,
    h('p', { class: 'same' }, `${t('sign.make')} `, h('code', null, 'batchmgr token create NAME --role operator')));
  form.addEventListener('submit', async event => {
    event.preventDefault();
    try {
      await api.postAll('/api/session', { token: token.input.value.trim() });
      await begin();
    } catch (refused) {
      fill(outcome, fault(refused));
      token.input.select();
    }
  });
  fill(document.body, h('main', { id: 'page' }, form));
  token.input.focus();
}

async function signOut() {
  await api.postAll('/api/session/end').catch(() => null);
  sessionStorage.clear();
  signIn(null);
}

function frame() {
  const side = h('div', { class: 'side' });
  const toggle = h('button', { class: 'menu', type: 'button', 'aria-expanded': 'false' }, t('menu'));
  toggle.addEventListener('click', () => toggle.setAttribute('aria-expanded', String(side.classList.toggle('open'))));
  const chosen = () => { show(); };
  const database = field(t('database'), { value: api.scope.database, onchange: event => { api.scope.database = event.target.value; chosen(); } },
    [['', t('first')], ...session.databases.map(name => [name, name])]);
  const tenant = field(t('tenant'), { value: api.scope.tenant, placeholder: t('all'), onchange: event => { api.scope.tenant = event.target.value.trim(); chosen(); } });
  const language = field(t('language'), {
    value: document.documentElement.lang, onchange: async event => {
      localStorage.setItem('language', event.target.value);
      await choose();
      frame();
      show();
    },
  }, [['en', 'English'], ['fr', 'Français']]);
  fill(side, h('strong', null, 'BatchManager'), toggle,
    h('nav', { 'aria-label': t('menu') }, menu.filter(name => !session.tenant || !ofWorkspace.includes(name)).map(name =>
      h('a', { href: name === 'health' ? '#/' : `#/${name}`, 'data-page': name, onclick: () => side.classList.remove('open') }, t(`page.${name}`)))),
    h('div', { class: 'who' },
      session.databases.length > 1 ? database.element : null,
      session.tenant ? h('p', null, `${t('tenant')}: ${session.tenant}`) : tenant.element,
      language.element,
      h('p', null, t('who', { person: session.person, role: session.roles.join(', ') })),
      h('button', { type: 'button', onclick: signOut }, t('sign.out'))));
  fill(document.body, h('a', { class: 'skip', href: '#page', onclick: event => { event.preventDefault(); document.querySelector('h1')?.focus(); } }, t('skip')),
    h('div', { class: 'shell' }, side, h('main', { id: 'page' })));
}

async function show() {
  if (!session) return;
  const mine = (visit += 1);
  leave?.();
  leave = null;
  const [address, query] = location.hash.replace(/^#\/?/, '').split('?');
  const found = pages.map(([pattern, page, name]) => [address.match(pattern), page, name]).find(([match]) => match);
  const main = document.getElementById('page');
  for (const link of document.querySelectorAll('.side nav a')) {
    if (found && link.dataset.page === found[2]) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  const title = found ? t(`page.${found[2]}`) : t('nothing');
  document.title = `${title} – BatchManager`;
  main.setAttribute('aria-busy', 'true');
  try {
    const [match, page] = found || [[]];
    const view = page
      ? await page({ words: match.slice(1).map(decodeURIComponent), query: new URLSearchParams(query || ''), again: show, person })
      : { body: [h('p', null, t('nothing.here'))] };
    if (mine !== visit) return view.leave?.();
    leave = view.leave || null;
    fill(main, banner(session), h('h1', { tabindex: -1 }, view.title || title), view.body);
  } catch (error) {
    if (mine !== visit) return;
    if (error.status === 401) return signIn(error);
    fill(main, h('h1', { tabindex: -1 }, title), fault(error));
  }
  main.removeAttribute('aria-busy');
  if (document.activeElement === document.body) main.querySelector('h1').focus();
}

addEventListener('hashchange', () => { document.activeElement?.blur?.(); show(); });
begin();
