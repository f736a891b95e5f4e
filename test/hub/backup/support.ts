import { bodyStore } from '../../../src/hub/intake/stored-bodies.ts'
import { runStore } from '../../../src/hub/intake/runs.ts'
import { publishDraft, publishPlain, standardDraft } from '../../support/resources.ts'
import { buildWorld, person, type World } from '../sharing/support.ts'

export interface FilledWorld extends World {
  /** Token of a bureau auditor. */
  auditor: string
  /** Token of the provider's operator, who may see rejects. */
  operator: string
  /** A run with a sealed reject. */
  rejectedRun: string
  /** A run whose stored body nobody has worked off. */
  queuedRun: string
  /** Of a delivery and of a pull, both under way. */
  deliverRun: string
  pullRun: string
}

export const resident = (sourcePersonId: string, more: Record<string, unknown> = {}) => ({
  sourcePersonId,
  name: '赵六',
  noIdReason: '无户口人员',
  sex: '1',
  birthDate: '1980-05-05',
  ethnicity: '01',
  hukouDivision: '430182',
  hukouAddress: '旧址',
  ...more,
})

const licence = (version: string) => ({
  family: 'family',
  name: '食品经营许可证',
  issuer: '局',
  holders: [{ name: '甲' }],
  status: '01',
  version,
})

/** What each layer of quoting gets wrong once; `\.` ends a COPY of older protocols. */
export const awkward = '\\N "引号" \\ 𠮷 \\. 完'

/** A hub with everything that a backup has to bring back. */
export async function fillWorld(): Promise<FilledWorld> {
  const world = await buildWorld()
  const { hub } = world
  await fillPeople(world)
  await publishDraft(hub, standardDraft('residents', 'police', 'population'))
  await world.push('residents', [resident('r1'), resident('r2')])
  await world.push('residents', [resident('r1', { hukouAddress: '新址' })])
  await publishDraft(hub, standardDraft('licences', 'police', 'licence'))
  await world.push('licences', [licence('1')])
  await world.push('licences', [licence('2')])
  await publishPlain(hub, { id: 'busy', provider: 'police' })
  const rejected = await hub.call('POST', '/v1/resources/people/batches', {
    token: world.machine,
    body: [{ personId: 'p9', bornOn: '去年' }],
  })
  return {
    ...world,
    auditor: await hub.makeStaff('auditor', ['auditor']),
    operator: await hub.makeStaff('operator', ['operator'], 'police'),
    rejectedRun: rejected.json().runId,
    queuedRun: await leaveQueued(world),
    ...(await leaveSyncs(world)),
  }
}

async function fillPeople(world: World): Promise<void> {
  await world.push('people', [
    person('p1', { homes: [{ unit: 'U1', owner: '张三', address: awkward }], height: '1.70' }),
    person('p2', { division: 'B', name: null, bornOn: null, formerNumbers: ['F2'] }),
    person('p3'),
  ])
  await world.grant({}, { rows: { division: ['A'] } })
  await world.push('people', [person('p2', { number: 'N2b' })])
  await world.push('people', [{ personId: 'p3' }], 'delete')
}

/** As a call leaves it that was answered before its rows had landed, by a process that died at once. */
async function leaveQueued({ hub }: World): Promise<string> {
  const { pool } = hub.testDatabase.database
  const run = await runStore(pool).open(
    {
      resource: 'people',
      kind: 'push',
      mode: 'upsert',
      state: 'queued',
      department: 'police',
      system: 'front',
      mediaType: 'application/x-ndjson',
    },
    'dead',
  )
  const row = Buffer.from(`${JSON.stringify(person('q1', { name: '排队' }))}\n`)
  await bodyStore(pool).keep(run.id, toStream(row))
  return run.id
}

async function* toStream(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}

/** A delivery and a pull in the middle of their runs. */
async function leaveSyncs({ hub }: World): Promise<{ deliverRun: string; pullRun: string }> {
  const { pool } = hub.testDatabase.database
  const { rows } = await pool.query<{ id: string }>('select id from hub.staff limit 1')
  await pool.query(
    `insert into hub.syncs (id, resource, direction, department, connector, settings, origin, mode, cursor,
       position, generation, batch_number, grant_id, created_by)
     select kind, 'people', kind, 'police', 'postgres', '{}', 'test', 'incremental', '{at}',
       '{"seq": 3}', 4, 17, case when kind = 'deliver' then (select min(id) from hub.grants) end, $1
     from unnest(array['pull', 'deliver']) as kind`,
    [rows[0]?.id],
  )
  const begin = async (kind: string): Promise<string> => {
    const made = await pool.query<{ id: string }>(
      `insert into hub.runs (id, resource, kind, mode, state, department, sync, plan, leased_by, leased_until)
       values (gen_random_uuid(), 'people', $1, 'changes', 'running', 'police', $1, '{}', 'dead',
         now() + interval '1 hour') returning id`,
      [kind],
    )
    return made.rows[0]?.id ?? ''
  }
  return { deliverRun: await begin('deliver'), pullRun: await begin('pull') }
}
