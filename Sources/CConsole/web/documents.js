// Scans and what was read on them.

import { getAll, postAll } from './api.js';
import { h, t, fill, table, facts, state, count, field, ask, fault, sameAs, commandOf } from './page.js';

const link = (key, name) => h('a', { href: `#/documents/${key}` }, name);
const percent = part => (part === null || part === undefined ? '–' : `${Math.round(part * 100)} %`);

export async function documentsPage({ query, again, person }) {
  const [chosen, words, offset] = [query.get('state') || '', query.get('words') || '', Number(query.get('offset') || 0)];
  const list = await getAll('/api/documents', { state: chosen, limit: 100, offset });
  const status = field(t('state'), { value: chosen, onchange: event => { location.hash = `#/documents?state=${event.target.value}`; } },
    [['', t('all')], ...Object.entries(list.states).map(([name, number]) => [name, `${t(`document.${name}`)} (${count(number)})`])]);
  const wanted = field(t('document.words'), { value: words, type: 'search' });
  const hits = words ? (await getAll('/api/documents/search', { words, limit: 50 })).hits : null;
  const step = (text, to) => h('button', { type: 'button', disabled: to < 0 || to >= list.total, onclick: () => { location.hash = `#/documents?state=${chosen}&offset=${to}`; } }, text);
  const discover = () => ask({ title: t('document.discover'), body: h('p', null, t('document.discover.what')), confirm: t('document.discover'), perform: async () => { const done = await postAll('/api/documents/discover'); await again(); return t('document.discovered', { count: count(done.jobs.length) }); } });
  return {
    body: [
      h('form', { class: 'bar', role: 'search', onsubmit: event => { event.preventDefault(); location.hash = `#/documents?words=${encodeURIComponent(wanted.input.value.trim())}`; } },
        wanted.element, h('button', { type: 'submit', class: 'first' }, t('document.search'))),
      hits ? [h('h2', null, t('document.hits', { count: count(hits.length) })),
        table(t('document.search'), [[t('document'), hit => link(`${hit.job_key}?page=${hit.page}&words=${encodeURIComponent(words)}`, hit.name)], [t('document.page'), hit => hit.page, true], [t('document.snippet'), hit => marked(hit.snippet)]], hits, t('document.nohits')),
        sameAs(commandOf('ocr', 'search', words)), h('h2', null, t('page.documents'))] : null,
      h('div', { class: 'bar' }, status.element, person.may('operator') ? h('button', { type: 'button', onclick: discover }, t('document.discover')) : null),
      table(t('page.documents'), [
        [t('name'), entry => link(entry.job_key, entry.name)], [t('state'), entry => stateOf(entry.state)], [t('document.pages'), entry => entry.pages ?? '–', true],
        [t('document.confidence'), entry => percent(entry.mean_confidence), true], [t('why'), entry => entry.message || entry.error || ''], [t('batch'), entry => h('a', { href: `#/batches/${entry.batch}` }, entry.batch)],
      ], list.jobs, t('documents.none')),
      list.held.length ? [h('h2', null, t('document.held')), h('p', null, t('document.decide.what')), h('ul', null, list.held.map(key => h('li', null, link(key, list.jobs.find(entry => entry.job_key === key)?.name || key.slice(0, 12)))))] : null,
      list.total > 100 ? h('div', { class: 'bar' }, step(t('previous'), offset - 100), step(t('next'), offset + 100)) : null,
      sameAs(commandOf('ocr', 'list', ...(chosen ? ['--state', chosen] : []))),
    ],
  };
}

const stateOf = name => h('span', { class: `state ${name === 'DONE' ? 'good' : name.startsWith('ERROR') ? 'bad' : 'warn'}` }, t(`document.${name}`) === `document.${name}` ? name : t(`document.${name}`));

/** `[word]` of a snippet, marked. */
const marked = text => text.split(/(\[[^\]]*\])/).map(part => (part.startsWith('[') ? h('mark', null, part.slice(1, -1)) : part));

export async function documentPage({ words: [key], query, again, person }) {
  const found = await getAll(`/api/documents/${key}`);
  const document = found.jobs[0];
  const pages = document.pages || 0;
  const chosen = Math.min(Math.max(Number(query.get('page') || 1), 1), Math.max(pages, 1));
  const view = h('div', { class: 'sheet-place' });
  const show = number => { location.hash = `#/documents/${key}?page=${number}${query.get('words') ? `&words=${encodeURIComponent(query.get('words'))}` : ''}`; };
  if (document.final_pdf) await sheet(view, key, chosen, query.get('words') || '');
  const act = (word, body) => postAll(`/api/documents/${key}/${word}`, body).then(async () => { await again(); return `${document.name}: ${t('done')}`; });
  const decide = () => {
    const action = field(t('action'), { value: 'reuse' }, ['reuse', 'discard', 'reprocess'].map(name => [name, t(`decide.${name}`)]));
    ask({ title: `${t('document.decide')}: ${document.name}`, body: [h('p', null, t('document.decide.what')), action.element], confirm: t('document.decide'), perform: () => act('decide', { action: action.input.value }) });
  };
  return {
    title: document.name,
    body: [
      person.may('operator') ? h('div', { class: 'bar' },
        found.held ? h('button', { type: 'button', class: 'first', onclick: decide }, t('document.decide')) : null,
        document.state.startsWith('ERROR') ? h('button', { type: 'button', onclick: () => ask({ title: `${t('retry')}: ${document.name}`, body: null, confirm: t('retry'), perform: () => act('retry') }) }, t('retry')) : null) : null,
      facts([
        [t('state'), stateOf(document.state)], [t('why'), document.message || document.error], [t('document.pages'), pages ? String(pages) : null], [t('document.confidence'), percent(document.mean_confidence)],
        [t('file'), document.final_pdf], [t('key'), h('code', null, document.job_key)], [t('batch'), h('a', { href: `#/batches/${document.batch}` }, document.batch)], [t('attempts'), String(document.attempts)],
      ]),
      document.state === 'REVIEW' ? await review(key, again, person) : null,
      document.final_pdf ? [
        h('h2', null, t('document.page.of', { page: chosen, pages })),
        pages > 1 ? h('div', { class: 'bar' }, h('button', { type: 'button', disabled: chosen <= 1, onclick: () => show(chosen - 1) }, t('previous')), h('button', { type: 'button', disabled: chosen >= pages, onclick: () => show(chosen + 1) }, t('next'))) : null,
        view,
      ] : h('p', { class: 'quiet' }, t('document.nopdf')),
      sameAs(commandOf('ocr', 'show', key.split('__').map((part, place) => part.slice(0, place ? 6 : 12)).join('__'))),
    ],
  };
}

/** The words that may be wrong, to be corrected; then the document is published or rejected. */
async function review(key, again, person) {
  const found = await getAll(`/api/documents/${key}/review`);
  const inputs = found.words.slice(0, 500).map(word => [word, field(`${t('review.word')} ${word.page}.${word.number}`, { value: word.text, disabled: !person.may('operator') })]);
  const correct = async () => {
    const changed = inputs.filter(([word, entry]) => entry.input.value.trim() !== word.text);
    for (const page of new Set(changed.map(([word]) => word.page))) {
      const words = Object.fromEntries(changed.filter(([word]) => word.page === page).map(([word, entry]) => [word.number, entry.input.value.trim()]));
      await postAll(`/api/documents/${key}/review`, { action: 'correct', page, words });
    }
    await again();
    return `${t('review.word')}: ${count(changed.length)}`;
  };
  const to = field(t('review.to'), {});
  const act = (action, body) => postAll(`/api/documents/${key}/review`, { action, ...body }).then(async () => { await again(); return t('done'); });
  return [
    h('h2', null, t('review')), h('p', null, `${t('review.why')}: ${found.reason || '–'}${found.reviewer ? ` (${found.reviewer})` : ''}`),
    inputs.length ? h('div', { class: 'bar' }, inputs.map(([, entry]) => entry.element)) : h('p', { class: 'quiet' }, t('review.none')),
    person.may('operator') ? h('div', { class: 'bar' },
      inputs.length ? h('button', { type: 'button', onclick: () => ask({ title: t('review.correct'), body: null, confirm: t('review.correct'), perform: correct }) }, t('review.correct')) : null,
      h('button', { type: 'button', class: 'first', onclick: () => ask({ title: t('review.accept'), body: null, confirm: t('review.accept'), perform: () => act('accept') }) }, t('review.accept')),
      h('button', { type: 'button', class: 'danger', onclick: () => ask({ title: t('review.reject'), body: to.element, confirm: t('review.reject'), isDanger: true, perform: () => act('reject', to.input.value.trim() ? { to: to.input.value.trim() } : {}) }) }, t('review.reject'))) : null,
  ];
}

/** The picture of a page, and above it its words: they can be selected, and those that were looked for are marked. */
async function sheet(place, key, page, wanted) {
  try {
    const found = await getAll(`/api/documents/${key}/words`, { page });
    const looked = new Set(wanted.toLowerCase().split(/[^\p{L}\p{N}]+/u).filter(Boolean));
    const words = found.words.map(word => {
      const [x, y, width, height] = word.box;
      const isHit = word.text.toLowerCase().split(/[^\p{L}\p{N}]+/u).some(part => looked.has(part));
      const span = h('span', { class: isHit ? 'hit' : null }, `${word.text} `);
      span.style.left = `${(100 * x) / found.width}%`;
      span.style.top = `${(100 * y) / found.height}%`;
      span.style.width = `${(100 * width) / found.width}%`;
      span.style.height = `${(100 * height) / found.height}%`;
      span.style.fontSize = `${(100 * height * 0.8) / found.width}cqw`;
      return span;
    });
    fill(place, h('div', { class: 'sheet' }, h('img', { src: `/api/documents/${key}/image?page=${page}`, alt: t('document.picture', { page }) }), h('div', { class: 'words' }, words)));
  } catch (error) { fill(place, fault(error)); }
}
