import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createThings, failureOf, openPullHub, type PullHub } from './pulling-support.ts'

let hub: PullHub
beforeAll(async () => {
  hub = await openPullHub()
})
afterAll(() => hub.close())

const changedTable = async (
  table: string,
  onDrift: 'pause' | 'ignore' | 'add',
): Promise<string> => {
  await createThings(hub.source, table, { rows: 10 })
  await hub.source.query(`alter table ${table} add column note text`)
  const sync = await hub.makeSync({ table, onDrift })
  await hub.pulled(sync)
  await hub.source.query(
    `alter table ${table} add column extra integer, drop column note, alter column thing type varchar(99);
     update ${table} set updated_at = '2026-06-01', amount = '4'`,
  )
  return sync
}

describe('columns that change', () => {
  test('pause the sync before anything lands, every one named', async () => {
    const sync = await changedTable('paused', 'pause')
    const words = ['extra', 'note', 'thing']
    const failure = await failureOf(hub.pulled(sync))
    expect(failure).toMatchObject({ code: 'state-conflict' })
    const { state, pausedFor, resource } = await hub.sync(sync)
    expect(state).toBe('paused')
    for (const word of words) {
      expect(pausedFor).toContain(word)
      expect(failure.message).toContain(word)
    }
    expect(await hub.records(resource)).not.toContainEqual(expect.objectContaining({ amount: '4' }))
    const forced = await hub.pulled(sync, { plan: { force: true } })
    expect(forced.counts.updated).toBe(10)
    expect((await hub.sync(sync)).sourceColumns?.map(({ name }) => name)).toContain('extra')
  })

  test.each(['ignore', 'add'] as const)(
    'are noted once and accepted where the sync says %s',
    async (onDrift) => {
      const sync = await changedTable(`noted_${onDrift}`, onDrift)
      const run = await hub.pulled(sync)
      expect(run.counts.updated).toBe(10)
      const { drift } = await hub.findRun(run.id)
      expect(drift?.join()).toMatch(/extra.*note|note.*extra/s)
      const next = await hub.findRun((await hub.pulled(sync)).id)
      expect(next.drift).toEqual(['extra'])
    },
  )

  test('fail the run where the mapping needs what is gone, also when drift is ignored', async () => {
    await createThings(hub.source, 'gone', { rows: 10 })
    const sync = await hub.makeSync({ table: 'gone', onDrift: 'ignore' })
    await hub.source.query('alter table gone drop column amount')
    await expect(hub.pulled(sync)).rejects.toMatchObject({ code: 'request-invalid' })
  })

  test('of a table without mapping are left out until a field of their name is there', async () => {
    await createThings(hub.source, 'plain', { rows: 10 })
    const sync = await hub.makeSync({ table: 'plain', mapping: null, mode: 'full' })
    const run = await hub.pulled(sync)
    expect(run.counts).toMatchObject({ inserted: 10, rejected: 0, flagged: 0 })
    expect((await hub.findRun(run.id)).drift).toEqual(['id', 'updated_at'])
  })
})
