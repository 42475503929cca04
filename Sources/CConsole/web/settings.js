// Switches, the audit, and settings that hold at once.

import { get, getAll, postAll } from './api.js';
import { holds } from './releases.js';
import { h, t, fill, table, facts, time, state, field, ask, fault, sameAs, commandOf } from './page.js';

export async function switchesPage({ again, person }) {
  const [now, past, parts] = await Promise.all([getAll('/api/switches'), getAll('/api/switches', { history: true }), holds({ again, person })]);
  const fields = [field(t('name'), { value: 'safe_mode' }), field(t('value'), { value: 'on' }), field(t('reason'), { required: true }), field(t('for'), { placeholder: '2h' })];
  const set = () => ask({
    title: t('switch.set'), body: fields.map(entry => entry.element), confirm: t('switch.set'),
    perform: async () => {
      const [name, value, reason, span] = fields.map(entry => entry.input.value.trim());
      await postAll('/api/switches', { name, value, reason, ...(span ? { for: span } : {}) });
      await again();
      return `${name}: ${value}`;
    },
  });
  const back = entry => {
    const why = field(t('reason'), { required: true });
    ask({ title: `${t('switch.undo')}: ${entry.name}`, body: why.element, confirm: t('switch.undo'), perform: async () => { await postAll('/api/switches/undo', { name: entry.name, reason: why.input.value }); await again(); return `${entry.name}: ${t('done')}`; } });
  };
  const columns = [
    [t('name'), entry => entry.name], [t('value'), entry => entry.value], [t('reason'), entry => entry.reason], [t('actor'), entry => entry.actor],
    [t('made'), entry => time(entry.set_at || entry.at)], [t('until'), entry => time(entry.expires_at)],
  ];
  return {
    body: [
      person.may('admin') ? h('div', { class: 'bar' }, h('button', { type: 'button', class: 'first', onclick: set }, t('switch.set'))) : null,
      table(t('page.switches'), [...columns, [t('actions'), entry => (person.may('admin') ? h('button', { type: 'button', onclick: () => back(entry) }, t('switch.undo')) : '')]], now.switches, t('switches.none')),
      parts,
      h('h2', null, t('switch.past')), table(t('switch.past'), columns, past.switches, t('switches.never')),
      sameAs(commandOf('switch', 'list')),
    ],
  };
}

export async function auditPage({ query, person }) {
  const names = ['batch', 'actor', 'action', 'trace', 'since'];
  const fields = names.map(name => [name, field(t(`audit.${name}`), { value: query.get(name) || '' })]);
  const place = h('div');
  let entries = [];
  const wanted = () => Object.fromEntries(fields.map(([name, entry]) => [name, entry.input.value.trim()]));
  const load = async () => {
    try {
      entries = (await get('/api/audit', { ...wanted(), limit: 1000 })).entries;
      fill(place, h('p', { class: 'quiet' }, t('audit.count', { count: entries.length })), table(t('page.audit'), [
        [t('at'), entry => time(entry.at)], [t('actor'), entry => entry.actor], [t('tenant'), entry => entry.tenant || '–'], [t('action'), entry => entry.action],
        [t('batch'), entry => (entry.batch ? h('a', { href: `#/batches/${entry.batch}` }, entry.batch) : '–')], [t('outcome'), entry => state(entry.outcome)],
        [t('trace'), entry => h('a', { href: `#/audit?trace=${entry.trace_id}` }, entry.trace_id.slice(0, 8))],
      ], [...entries].reverse(), t('audit.none')));
    } catch (error) { fill(place, fault(error)); }
  };
  const save = async () => {
    try {
      // More than the page shows: as many as one answer may have.
      const all = entries.length < 1000 ? entries : (await get('/api/audit', { ...wanted(), limit: 10000 })).entries;
      const link = h('a', { href: URL.createObjectURL(new Blob([JSON.stringify(all, null, 2)], { type: 'application/json' })), download: 'audit.json' });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    } catch (error) { fill(outcome, fault(error)); }
  };
  const outcome = h('div', { 'aria-live': 'polite' });
  const verify = async () => {
    fill(outcome, h('p', { class: 'quiet' }, t('loading')));
    try {
      const found = await postAll('/api/verify', { fast: false });
      fill(outcome, h('p', { class: `notice ${found.ok ? '' : 'bad'}` }, h('strong', { class: found.ok ? 'good' : 'bad' }, found.ok ? t('verify.ok') : t('verify.bad'))),
        table(t('verify'), [[t('what'), check => check.name], [t('state'), check => state(check.outcome)], [t('why'), check => check.detail || '']], found.checks));
    } catch (error) { fill(outcome, fault(error)); }
  };
  await load();
  return {
    body: [
      h('form', { class: 'bar', onsubmit: event => { event.preventDefault(); location.hash = `#/audit?${new URLSearchParams(fields.map(([name, entry]) => [name, entry.input.value.trim()]).filter(([, value]) => value))}`; } },
        fields.map(([, entry]) => entry.element), h('button', { type: 'submit' }, t('filter'))),
      h('div', { class: 'bar' }, h('button', { type: 'button', onclick: save }, t('export')), person.tenant ? null : h('button', { type: 'button', onclick: verify }, t('verify'))),
      outcome, place, sameAs(commandOf('audit', 'list')),
    ],
  };
}

export async function settingsPage({ again, person }) {
  const [config, info] = await Promise.all([getAll('/config'), getAll('/info')]);
  const hot = Object.entries(config).filter(([, value]) => typeof value !== 'object');
  const fields = hot.map(([name, value]) => [name, value, field(name, { value, disabled: !person.may('admin') })]);
  const save = () => {
    const changed = fields.filter(([, value, entry]) => entry.input.value !== String(value))
      .map(([name, value, entry]) => [name, typeof value === 'number' ? Number(entry.input.value) : entry.input.value]);
    ask({
      title: t('settings.set'), body: changed.length ? facts(changed.map(([name, value]) => [name, String(value)])) : h('p', null, t('settings.same')), confirm: t('settings.set'),
      perform: async () => { if (changed.length) await postAll('/config', Object.fromEntries(changed)); await again(); return t('done'); },
    });
  };
  return {
    body: [
      h('p', { class: 'quiet' }, t('settings.hot')),
      h('div', { class: 'bar' }, fields.map(([, , entry]) => entry.element)),
      person.may('admin') ? h('div', { class: 'bar' }, h('button', { type: 'button', class: 'first', onclick: save }, t('settings.set'))) : null,
      h('h2', null, 'HTTP'), facts(Object.entries(config.http || {}).map(([name, value]) => [name, String(Array.isArray(value) ? value.join(', ') || '–' : value)])),
      h('h2', null, t('versions')), facts([['batchmgr', info.version], ...Object.entries(info.libraries || {})]),
      sameAs(commandOf('config', 'show')),
    ],
  };
}
