// Jobs, when they run, and those that wait.

import { get, getAll, post, postAll, listen } from './api.js';
import { h, t, fill, table, facts, time, state, rowsOf, count, field, ask, tell, newest, sameAs, commandOf } from './page.js';

export async function jobsPage() {
  const { jobs, broken } = await get('/api/catalog');
  return {
    body: [
      broken.length ? h('div', { class: 'notice bad' }, h('strong', null, t('jobs.broken')), h('ul', null, broken.map(entry => h('li', null, `${entry.file}: ${entry.mistakes}`)))) : null,
      table(t('page.jobs'), [
        [t('job'), job => h('a', { href: `#/jobs/${job.id}` }, job.id)], [t('version'), job => job.version], [t('what'), job => job.description],
        [t('level'), job => job.level, true], [t('needs'), job => job.needs.join(', ') || '–'],
      ], jobs, t('jobs.none')),
      sameAs(commandOf('catalog', 'list')),
    ],
  };
}

export async function jobPage({ words: [id], person }) {
  const [job, list] = await Promise.all([get(`/api/catalog/${id}`), get('/api/batches', { job: id, limit: 20 })]);
  return {
    title: job.id,
    body: [
      h('p', null, job.description),
      person.may('operator') ? h('div', { class: 'bar' },
        h('button', { type: 'button', class: 'first', onclick: () => run(job, '/api/runs') }, t('run')),
        h('button', { type: 'button', onclick: () => run(job, '/api/queue') }, t('enqueue'))) : null,
      facts([[t('version'), job.version], [t('level'), String(job.level)], [t('tenant'), t(`tenancy.${job.tenant}`)], [t('needs'), job.needs.join(', ') || null], [t('file'), job.file]]),
      h('h2', null, t('parameters')),
      table(t('parameters'), [[t('name'), entry => entry.name], [t('kind'), entry => entry.type], [t('default'), entry => (entry.default ?? '–')], [t('what'), entry => entry.description || '']], job.params || [], t('parameters.none')),
      h('h2', null, t('batch.steps')),
      table(t('batch.steps'), [[t('step'), step => step.id], [t('kind'), step => step.kind]], job.steps || []),
      h('h2', null, t('health.latest')),
      table(t('health.latest'), [
        [t('batch'), batch => h('a', { href: `#/batches/${batch.batch}` }, batch.batch)], [t('state'), batch => state(batch.status)],
        [t('rows'), batch => rowsOf(batch.rows), true], [t('ended'), batch => time(batch.finished_at)],
      ], list.batches, t('batches.none')),
      job.text ? [h('h2', null, t('definition')), h('pre', { tabindex: 0 }, job.text)] : null,
      sameAs(commandOf('catalog', 'show', job.id)),
    ],
  };
}

function run(job, path) {
  const inputs = (job.params || []).map(entry => [entry, field(entry.required ? `${entry.name} *` : entry.name, { placeholder: entry.default ?? '', required: entry.required })]);
  const tenant = field(t('tenant'), { value: sessionStorage.getItem('tenant') || '', required: job.tenant === 'required' });
  const dry = field(t('dry'), { type: 'checkbox', checked: path === '/api/runs' });
  const outcome = h('div', { 'aria-live': 'polite' });
  ask({
    title: `${path === '/api/runs' ? t('run') : t('enqueue')}: ${job.id}`,
    body: [job.tenant === 'none' ? null : tenant.element, inputs.map(([, input]) => input.element), path === '/api/runs' ? dry.element : null, outcome],
    confirm: path === '/api/runs' ? t('run') : t('enqueue'),
    perform: async () => {
      const set = {};
      for (const [entry, input] of inputs) {
        if (input.input.value !== '') set[entry.name] = ['integer', 'real'].includes(entry.type) ? Number(input.input.value) : input.input.value;
      }
      const isDry = path === '/api/runs' && dry.input.checked;
      const done = await post(path, { job: job.id, set, ...(isDry ? { dry_run: true } : {}) }, { tenant: tenant.input.value.trim() });
      if (isDry) return t('dry.done', { rows: count((done.rows?.inserted || 0) + (done.rows?.updated || 0) + (done.rows?.deleted || 0)) });
      if (done.plan) location.hash = `#/approvals/${done.plan}`;
      else if (done.batch) location.hash = `#/batches/${done.batch}`;
      else if (done.id) location.hash = `#/queue/${done.id}`;
      return `${job.id}: ${done.status || done.state || t('done')}`;
    },
  });
}

// Schedules

export async function schedulePage({ again, person }) {
  const { schedules } = await getAll('/api/schedules');
  const reason = () => field(t('reason'), { required: true });
  const act = (name, word, body) => postAll(`/api/schedules/${name}/${word}`, body).then(async () => { await again(); return `${name}: ${t('done')}`; });
  const place = h('div', { 'aria-live': 'polite' });
  const look = newest(place, async name => {
    const [next, { firings }] = await Promise.all([getAll(`/api/schedules/${name}/next`), getAll(`/api/schedules/${name}/history`, { limit: 50 })]);
    return [h('h2', null, `${t('firings.next')}: ${name}`), nextFirings(next),
      h('h2', null, `${t('firings')}: ${name}`), table(t('firings'), [
        [t('instant'), firing => time(firing.time)], [t('state'), firing => state(firing.outcome)], [t('why'), firing => firing.reason || t(`cause.${firing.cause}`)],
        [t('job'), firing => (firing.job ? h('a', { href: `#/queue/${firing.job}` }, firing.job) : '–')],
      ], firings, t('firings.none')), sameAs(commandOf('schedule', 'history', name))];
  });
  const buttons = entry => {
    const why = reason();
    return h('div', { class: 'bar' }, h('button', { type: 'button', onclick: () => look(entry.name) }, t('firings')),
      person.may('operator') ? [
        entry.paused
          ? h('button', { type: 'button', onclick: () => ask({ title: `${t('resume')}: ${entry.name}`, body: null, confirm: t('resume'), perform: () => act(entry.name, 'resume') }) }, t('resume'))
          : h('button', { type: 'button', onclick: () => ask({ title: `${t('pause')}: ${entry.name}`, body: why.element, confirm: t('pause'), perform: () => act(entry.name, 'pause', { reason: why.input.value }) }) }, t('pause')),
        h('button', { type: 'button', onclick: () => ask({ title: `${t('trigger')}: ${entry.name}`, body: null, confirm: t('trigger'), perform: () => act(entry.name, 'trigger') }) }, t('trigger')),
        h('button', { type: 'button', onclick: () => backfill(entry.name, again) }, t('backfill')),
      ] : null);
  };
  return {
    body: [
      table(t('page.schedule'), [
        [t('name'), entry => entry.name], [t('job'), entry => h('a', { href: `#/jobs/${entry.job}` }, entry.job)], [t('expression'), entry => h('code', null, entry.cron)],
        [t('zone'), entry => entry.timezone], [t('next.here'), entry => time(entry.next)], ['UTC', entry => (entry.next ? entry.next.replace('T', ' ').replace('Z', '') : '–')],
        [t('state'), entry => (entry.paused ? h('span', { class: 'warn' }, entry.paused) : t('active'))], [t('actions'), buttons],
      ], schedules, t('schedules.none')),
      place, sameAs(commandOf('schedule', 'list')),
    ],
  };
}

/** In the zone of the schedule, here, and in UTC; where the clocks of its zone change between two of them, a note. */
function nextFirings({ times, local, timezone }) {
  const offset = index => local[index].slice(-6);
  return table(t('firings.next'), [
    [timezone, row => row.local], [t('next.here'), row => time(row.utc)], ['UTC', row => row.utc.replace('T', ' ').replace('Z', '')],
    [t('note'), row => (row.index > 0 && offset(row.index) !== offset(row.index - 1) ? t('dst.changed', { from: offset(row.index - 1), to: offset(row.index) }) : '')],
  ], times.map((utc, index) => ({ utc, index, local: local[index] })), t('firings.never'));
}

function backfill(name, again) {
  const day = shift => new Date(Date.now() + shift * 86_400_000).toISOString().slice(0, 16);
  const [from, to] = [field(t('from'), { type: 'datetime-local', value: day(-7), required: true }), field(t('to'), { type: 'datetime-local', value: day(0), required: true })];
  const place = h('div', { 'aria-live': 'polite' });
  const span = () => ({ from: `${from.input.value}Z`, to: `${to.input.value}Z` });
  const preview = newest(place, async () => {
    const { missing } = await postAll(`/api/schedules/${name}/backfill`, { ...span(), dry_run: true });
    return h('p', null, t('backfill.count', { count: count(missing) }));
  });
  for (const { input } of [from, to]) input.addEventListener('change', () => preview());
  ask({
    title: `${t('backfill')}: ${name}`, body: [h('p', null, t('backfill.what')), from.element, to.element, place], confirm: t('backfill'),
    perform: async () => { const { jobs } = await postAll(`/api/schedules/${name}/backfill`, span()); await again(); return t('backfill.done', { count: count((jobs || []).length) }); },
  });
  preview();
}

// Queue

const queueStates = ['queued', 'running', 'waiting', 'retrying', 'done', 'failed', 'dead', 'cancelled', 'resolved'];

export async function queuePage({ query, again, person }) {
  const [chosen, job] = [query.get('state') || '', query.get('job') || ''];
  const isRemoved = chosen === 'removed';
  const list = await get('/api/queue', { ...(isRemoved ? { removed: true } : { state: chosen }), job, limit: 200 });
  const status = field(t('state'), { value: chosen },
    [['', t('open')], ...queueStates.map(name => [name, `${t(`state.${name}`)} (${count(list.counts[name])})`]), ['removed', t('removed')]]);
  const kind = field(t('job'), { value: job });
  const choose = event => {
    event.preventDefault();
    const wanted = [['state', status.input.value], ['job', kind.input.value.trim()]].filter(([, value]) => value);
    location.hash = `#/queue?${new URLSearchParams(wanted)}`;
  };
  status.input.addEventListener('change', choose);
  const why = field(t('reason'), { required: true });
  let soon = null;
  const end = listen(name => { if (name === 'job' && !soon && !document.querySelector('dialog')) soon = setTimeout(again, 2000); });
  const pause = () => ask({ title: t('queue.pause'), body: why.element, confirm: t('pause'), perform: async () => { await postAll('/api/queue/pause', { reason: why.input.value }); await again(); } });
  const resume = () => ask({ title: t('queue.resume'), body: null, confirm: t('resume'), perform: async () => { await postAll('/api/queue/resume'); await again(); } });
  return {
    leave: () => { clearTimeout(soon); end(); },
    body: [
      h('form', { class: 'bar', onsubmit: choose }, status.element, kind.element, h('button', { type: 'submit' }, t('filter'))),
      person.may('operator') ? h('div', { class: 'bar' },
        bulkOf(chosen).map(action => h('button', { type: 'button', onclick: () => bulk(action, isRemoved ? '' : chosen, job, again) }, t(`bulk.${action}`))),
        list.paused.length ? h('button', { type: 'button', onclick: resume }, t('queue.resume')) : h('button', { type: 'button', onclick: pause }, t('queue.pause'))) : null,
      list.paused.length ? h('p', { class: 'notice warn' }, list.paused.map(entry => `${t('paused')}: ${entry.job || t('all')} – ${entry.reason}`).join('; ')) : null,
      h('p', { class: 'quiet' }, t('queue.count', { count: count(list.total) })),
      table(t('page.queue'), [
        [t('number'), entry => h('a', { href: `#/queue/${entry.id}` }, entry.id), true], [t('job'), entry => entry.job], [t('tenant'), entry => entry.tenant || '–'], [t('state'), entry => state(entry.state)],
        [t('why'), entry => entry.why || entry.reason || ''], [t('attempts'), entry => `${entry.attempts}/${entry.max_attempts}`, true], [t('since'), entry => time(entry.since)],
      ], list.jobs, t('queue.none')),
      sameAs(commandOf('queue', 'list', ...(isRemoved ? ['--removed'] : chosen ? ['--state', chosen] : []), ...(job ? ['--job', job] : []))),
    ],
  };
}

const withoutReason = ['retry', 'restore'];

/** What can be done to all jobs in a state; '' are those that are open or lost. */
function bulkOf(chosen) {
  if (chosen === 'removed') return ['restore'];
  if (['queued', 'running', 'waiting', 'retrying'].includes(chosen)) return chosen === 'running' ? ['cancel'] : ['cancel', 'remove'];
  if (['failed', 'dead'].includes(chosen)) return ['retry', 'resolve', 'remove'];
  if (chosen === 'cancelled') return ['retry', 'remove'];
  return chosen === '' ? ['retry', 'resolve', 'cancel', 'remove'] : ['remove'];
}

/** Counts what fits, wants the number typed, and goes on until none is left; what was done so far is always told. */
async function bulk(action, chosen, job, again) {
  const filter = { action, ...(chosen ? { state: chosen } : {}), ...(job ? { job } : {}) };
  let counted;
  try { counted = await post('/api/queue/bulk', { ...filter, dry_run: true }); } catch (error) { tell(error.message); return; }
  if (!counted.jobs) { tell(t('bulk.none')); return; }
  const needsReason = !withoutReason.includes(action);
  const why = field(t('reason'), { required: true });
  const progress = h('progress', { max: counted.jobs, value: 0, 'aria-label': t('progress') });
  const told = h('p', { class: 'quiet', role: 'status' });
  ask({
    title: `${t(`bulk.${action}`)} (${count(counted.jobs)})`,
    body: [h('p', null, t(`bulk.${action}.what`, { count: count(counted.jobs) })), needsReason ? why.element : null, progress, told,
      sameAs(commandOf('queue', 'bulk', action, ...(chosen ? ['--state', chosen] : []), ...(job ? ['--job', job] : []), ...(needsReason ? ['--reason', '…'] : [])))],
    confirm: t(`bulk.${action}`), typed: String(counted.jobs), isDanger: needsReason,
    perform: async () => {
      let [done, left] = [0, counted.jobs];
      while (left > 0) {
        const slice = await post('/api/queue/bulk', { ...filter, ...(needsReason ? { reason: why.input.value } : {}), confirm: left });
        [done, left] = [done + slice.done, slice.done ? slice.left : 0];
        progress.value = done;
        fill(told, t('bulk.done', { count: count(done) }));
      }
      await again();
      return t('bulk.done', { count: count(done) });
    },
  });
}

export async function queuedPage({ words: [id], again, person }) {
  const job = await get(`/api/queue/${id}`);
  const act = (word, needsReason) => {
    const why = field(t('reason'), { required: true });
    return () => ask({
      title: `${t(word)}: ${id}`, body: needsReason ? why.element : null, confirm: t(word),
      perform: async () => { await post(`/api/queue/${id}/${word}`, needsReason ? { reason: why.input.value } : {}); await again(); return `${id}: ${t('done')}`; },
    });
  };
  const isOpen = ['queued', 'running', 'waiting', 'retrying'].includes(job.state);
  const isLost = ['failed', 'dead'].includes(job.state);
  return {
    title: `${t('queued.job')} ${id}`,
    body: [
      person.may('operator') ? h('div', { class: 'bar' },
        isLost || job.state === 'cancelled' ? h('button', { type: 'button', onclick: act('retry', false) }, t('retry')) : null,
        isOpen ? h('button', { type: 'button', class: 'danger', onclick: act('cancel', true) }, t('cancel')) : null,
        isLost ? h('button', { type: 'button', onclick: act('resolve', true) }, t('resolve')) : null) : null,
      facts([
        [t('state'), state(job.state)], [t('why'), job.why], [t('reason'), job.reason], [t('job'), h('a', { href: `#/jobs/${job.job}` }, job.job)], [t('tenant'), job.tenant],
        [t('parameters'), job.arguments.join(', ') || null], [t('attempts'), `${job.attempts}/${job.max_attempts}`], [t('crashes'), String(job.crashes)],
        [t('actor'), job.actor], [t('made'), time(job.created_at)], [t('since'), time(job.since)],
        [t('batch'), job.batch ? h('a', { href: `#/batches/${job.batch}` }, job.batch) : null], [t('plan'), job.plan ? h('a', { href: `#/approvals/${job.plan}` }, job.plan) : null],
      ]),
      sameAs(commandOf('queue', 'show', id)),
    ],
  };
}
