// What is in use, what was, and the way back.

import { getAll, postAll } from './api.js';
import { h, t, newest, table, time, state, shown, field, ask, sameAs, commandOf } from './page.js';

export async function releasesPage({ again, person }) {
  const { releases } = await getAll('/api/releases');
  const place = h('div', { 'aria-live': 'polite' });
  const compare = newest(place, async name => {
    const found = await getAll(`/api/releases/${name}/compare`);
    return [
      h('h2', null, t('release.differs', { release: name })),
      table(t('release.differs', { release: name }), [[t('release.part'), entry => entry.part], [t('name'), entry => entry.name], [t('before'), entry => short(entry.before)], [t('after'), entry => short(entry.after)]], found.differences, t('release.same')),
      sameAs(commandOf('release', 'compare', name)),
    ];
  });
  const validate = name => ask({ title: `${t('release.validate')}: ${name}`, body: h('p', null, t('release.validate.what')), confirm: t('release.validate'), perform: async () => { await postAll(`/api/releases/${name}/validate`); await again(); return `${name}: ${t('done')}`; } });
  const record = () => {
    const name = field(t('release.name'), { placeholder: t('release.name.default') });
    ask({ title: t('release.record'), body: name.element, confirm: t('release.record'), perform: async () => { await postAll('/api/releases', name.input.value.trim() ? { name: name.input.value.trim() } : {}); await again(); return t('done'); } });
  };
  const buttons = release => h('div', { class: 'bar' }, h('button', { type: 'button', onclick: () => compare(release.release) }, t('compare.do')),
    person.may('operator') && !release.validated ? h('button', { type: 'button', onclick: () => validate(release.release) }, t('release.validate')) : null,
    person.may('admin') ? h('button', { type: 'button', class: 'danger', onclick: () => back(release.release, again) }, t('release.rollback')) : null);
  return {
    body: [
      person.may('operator') ? h('div', { class: 'bar' }, h('button', { type: 'button', class: 'first', onclick: record }, t('release.record'))) : null,
      table(t('page.releases'), [
        [t('name'), release => release.release], [t('made'), release => time(release.created_at)], [t('state'), release => (release.validated ? h('span', { class: 'state good' }, t('release.valid')) : t('release.unproven'))],
        [t('version'), release => release.tool || '–'], [t('actions'), buttons],
      ], releases, t('releases.none')),
      place, sameAs(commandOf('release', 'list')),
    ],
  };
}

const short = value => (typeof value === 'string' && value.length > 24 ? h('code', { title: value }, `${value.slice(0, 16)}…`) : shown(value));

/** The preview says what would be done before anything can be confirmed. */
function back(name, again) {
  const withBatches = field(t('release.with'), { type: 'checkbox' });
  const place = h('div', { 'aria-live': 'polite' });
  const body = () => ({ with_batches: withBatches.input.checked });
  const preview = newest(place, async () => {
    const plan = await postAll(`/api/releases/${name}/rollback`, { ...body(), dry_run: true });
    return table(t('release.rollback'), [[t('what'), row => row[0]], [t('name'), row => row[1]]], [
      ...plan.restored.map(file => [t('release.restored'), file]), ...plan.removed.map(file => [t('release.removed'), file]),
      ...plan.batches.map(batch => [t('undo'), batch]), ...plan.warnings.map(text => [t('release.warning'), text]),
    ], t('release.same'));
  });
  withBatches.input.addEventListener('change', preview);
  ask({
    title: `${t('release.rollback')}: ${name}`, body: [withBatches.element, place], confirm: t('release.rollback'), typed: name, isDanger: true,
    perform: async () => { await postAll(`/api/releases/${name}/rollback`, body()); await again(); return `${name}: ${t('done')}`; },
  });
  preview();
}

/** Within the bounds of the rule; an empty number is that of the rule again. */
function setThreshold(rule, again) {
  const [number, why] = [field(t('rule.threshold'), { value: rule.threshold, type: 'number', step: 'any', min: rule.bounds[0], max: rule.bounds[1] }), field(t('reason'), { required: true })];
  const name = `threshold:${rule.rule}.threshold`;
  ask({
    title: `${t('threshold.set')}: ${rule.rule}`, body: [h('p', null, t('threshold.what', { least: rule.bounds[0], most: rule.bounds[1] })), number.element, why.element], confirm: t('threshold.set'),
    perform: async () => { await postAll('/api/switches', { name, value: number.input.value.trim() || 'default', reason: why.input.value }); await again(); return `${name}: ${t('done')}`; },
  });
}

/** Modules, flags and circuits: parts of the page of switches. */
export async function holds({ again, person }) {
  const [{ modules, flags }, { circuits }, { rules }] = await Promise.all([getAll('/api/modules'), getAll('/api/circuits'), getAll('/api/rules')]);
  const withReason = (title, perform) => {
    const why = field(t('reason'), { required: true });
    ask({ title, body: why.element, confirm: title, perform: async () => { await perform(why.input.value); await again(); return t('done'); } });
  };
  const isDegraded = modules.some(module => module.state === 'degraded');
  const flip = flag => withReason(`${flag.id}: ${t(flag.on ? 'switch.off' : 'switch.on')}`, reason => postAll('/api/switches', { name: `flag:${flag.id}`, value: flag.on ? 'off' : 'on', reason }));
  return [
    h('h2', null, t('modules')),
    person.may('admin') && modules.length ? h('div', { class: 'bar' },
      isDegraded ? h('button', { type: 'button', onclick: () => withReason(t('degrade.end'), reason => postAll('/api/degrade/end', { reason })) }, t('degrade.end'))
        : h('button', { type: 'button', onclick: () => withReason(t('degrade'), reason => postAll('/api/degrade', { reason })) }, t('degrade'))) : null,
    table(t('modules'), [[t('name'), module => module.id], [t('what'), module => module.description], [t('module.critical'), module => t(module.critical ? 'yes' : 'no')], [t('state'), module => state(module.state)]], modules, t('modules.none')),
    h('h2', null, t('flags')),
    table(t('flags'), [
      [t('name'), flag => flag.id], [t('what'), flag => flag.description], [t('module'), flag => flag.module || '–'], [t('flag.sensitive'), flag => t(flag.sensitive ? 'yes' : 'no')], [t('state'), flag => t(flag.on ? 'switch.on' : 'switch.off')],
      [t('actions'), flag => (person.may('admin') ? h('button', { type: 'button', onclick: () => flip(flag) }, t(flag.on ? 'switch.off.do' : 'switch.on.do')) : '')],
    ], flags, t('flags.none')),
    h('h2', null, t('circuits')),
    table(t('circuits'), [
      [t('name'), circuit => circuit.name], [t('state'), circuit => state(`circuit.${circuit.state}`)], [t('why'), circuit => circuit.reason || ''], [t('circuit.retry'), circuit => time(circuit.retry_at)],
      [t('actions'), circuit => (!person.may('admin') ? '' : circuit.state === 'closed'
        ? h('button', { type: 'button', onclick: () => withReason(`${t('circuit.open')}: ${circuit.name}`, reason => postAll(`/api/circuits/${circuit.name}/open`, { reason })) }, t('circuit.open'))
        : h('button', { type: 'button', onclick: () => ask({ title: `${t('circuit.close')}: ${circuit.name}`, body: null, confirm: t('circuit.close'), perform: async () => { await postAll(`/api/circuits/${circuit.name}/close`); await again(); } }) }, t('circuit.close')))],
    ], circuits, t('circuits.none')),
    h('h2', null, t('rules')),
    table(t('rules'), [[t('name'), rule => rule.rule], [t('what'), rule => rule.description || ''], [t('rule.threshold'), rule => shown(rule.threshold), true], [t('rule.bounds'), rule => rule.bounds.join(' – ')], [t('action'), rule => rule.action || '–'],
      [t('actions'), rule => (person.may('admin') ? h('button', { type: 'button', onclick: () => setThreshold(rule, again) }, t('threshold.set')) : '')]], rules, t('rules.none')),
  ];
}
