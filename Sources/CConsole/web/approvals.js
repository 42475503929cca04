// Plans that wait for somebody else than who made them.

import { get, post } from './api.js';
import { h, t, table, facts, time, state, rowsOf, shown, field, ask, sameAs, commandOf } from './page.js';

export async function approvals() {
  const { plans } = await get('/api/plans');
  return {
    body: [
      table(t('page.approvals'), [
        [t('plan'), plan => h('a', { href: `#/approvals/${plan.plan}` }, plan.plan)], [t('job'), plan => plan.job], [t('tenant'), plan => plan.tenant || '–'],
        [t('state'), plan => state(plan.expired && plan.status === 'proposed' ? 'expired' : plan.status)], [t('author'), plan => plan.author],
        [t('made'), plan => time(plan.created_at)], [t('until'), plan => time(plan.expires_at)],
      ], plans, t('plans.none')),
      sameAs(commandOf('plan', 'list')),
    ],
  };
}

export async function planPage({ words: [id], again, person }) {
  const plan = await get(`/api/plans/${id}`);
  const isAuthor = plan.author === person.name;
  const open = plan.status === 'proposed' && !plan.expired && !plan.stale;
  const reason = field(t('reason'), { required: true });
  const act = (word, body) => post(`/api/plans/${id}/${word}`, body).then(async () => { await again(); return `${id}: ${t(`plan.${word}.done`)}`; });
  const buttons = h('div', { class: 'bar' },
    open && person.may('approver') && !isAuthor ? [
      h('button', { type: 'button', class: 'first', onclick: () => ask({ title: `${t('approve')}: ${id}`, body: h('p', null, t('approve.what', { hash: plan.sha256.slice(0, 16) })), confirm: t('approve'), perform: () => act('approve') }) }, t('approve')),
      h('button', { type: 'button', class: 'danger', onclick: () => ask({ title: `${t('reject')}: ${id}`, body: reason.element, confirm: t('reject'), isDanger: true, perform: () => act('reject', { reason: reason.input.value }) }) }, t('reject')),
    ] : null,
    plan.status === 'approved' && person.may('operator')
      ? h('button', { type: 'button', class: 'first', onclick: () => ask({ title: `${t('apply')}: ${id}`, body: null, confirm: t('apply'), typed: id, perform: () => act('apply') }) }, t('apply')) : null);
  const radius = plan.blast_radius;
  return {
    title: id,
    body: [
      plan.stale ? h('p', { class: 'notice warn' }, t('stale.why', { why: plan.stale })) : null,
      open && isAuthor ? h('p', { class: 'notice warn' }, t('approve.never')) : null, buttons,
      facts([
        [t('state'), state(plan.status)], [t('job'), plan.job], [t('tenant'), plan.tenant], [t('author'), plan.author], [t('why'), plan.because], [t('level'), String(plan.level)],
        [t('made'), time(plan.created_at)], [t('until'), time(plan.expires_at)], [t('decided'), plan.decided_by ? [plan.decided_by, ' ', time(plan.decided_at)] : null],
        [t('reason'), plan.reason], [t('hash'), h('code', null, plan.sha256)], [t('stale'), plan.stale],
        [t('batch'), plan.batch ? h('a', { href: `#/batches/${plan.batch}` }, plan.batch) : null],
      ]),
      h('h2', null, t('radius')),
      radius ? [facts([[t('tenants'), radius.tenants.join(', ') || '–'], [t('rows'), rowsOf(radius.rows)], [t('radius.referring'), radius.referring_tables.join(', ') || '–']]),
        table(t('radius'), [[t('table'), entry => entry.table], [t('rows'), entry => rowsOf(entry), true]], radius.tables)] : null,
      h('h2', null, t('batch.changes')),
      table(t('batch.changes'), [
        [t('table'), row => row.table], [t('key'), row => shown(row.key)], [t('change'), row => t(`op.${row.op}`)],
        [t('before'), row => pairs(row.before)], [t('after'), row => pairs(row.after)],
      ], (plan.diff?.changes || []).slice(0, 500), t('changes.none')),
      sameAs(commandOf('plan', 'show', id)),
    ],
  };
}

const pairs = row => (row ? Object.entries(row).map(([column, value]) => h('div', null, h('span', { class: 'quiet' }, `${column} `), shown(value))) : '–');
