import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createThings, openPullHub, type PullHub } from './pulling-support.ts'
import { differenceStore } from '../../../src/hub/syncs/pull-compare.ts'

let hub: PullHub
beforeAll(async () => {
  hub = await openPullHub()
})
afterAll(() => hub.close())

const differencesOf = async (runId: string) => {
  const { parts } = hub.app.hub.intake
  return differenceStore(parts.pool, parts.vault).list(runId)
}

describe('a check by key', () => {
  test('finds nothing where source and records agree, and changes nothing', async () => {
    await createThings(hub.source, 'same', { rows: 3000 })
    const sync = await hub.makeSync({ table: 'same' })
    await hub.pulled(sync)
    const before = await hub.sync(sync)
    const run = await hub.pulled(sync, { kind: 'check' })
    expect(run).toMatchObject({ state: 'succeeded', counts: { read: 3000, unchanged: 3000 } })
    expect(run.reconciliation).toMatchObject({
      agrees: true,
      recordCount: 3000,
      differences: { missing: 0, extra: 0, differing: 0 },
    })
    expect(await hub.sync(sync)).toEqual(before)
  })

  test('names every missing, extra and differing key, sealed', async () => {
    await createThings(hub.source, 'unlike', { rows: 2000 })
    const sync = await hub.makeSync({ table: 'unlike' })
    const { resource } = await hub.sync(sync)
    await hub.pulled(sync)
    await hub.pushed(resource, [{ thing: 'extra', amount: '1' }])
    // None of it is behind the cursor: only a check can tell.
    await hub.source.query(
      `insert into unlike values (9001, 'missing', '1', '2020-01-01'); update unlike set amount = '2' where id = 5`,
    )
    const run = await hub.pulled(sync, { kind: 'check' })
    expect(run.reconciliation).toMatchObject({
      agrees: false,
      differences: { missing: 1, extra: 1, differing: 1 },
    })
    const keys = (await differencesOf(run.id)).map(({ key, kind }) => `${kind} ${key}`).toSorted()
    expect(keys).toEqual(
      [/^differing .*t-0000005/, /^extra .*extra/, /^missing .*missing/].map((line) =>
        expect.stringMatching(line),
      ),
    )
    const raw = await hub.sql<{ sealed: Buffer }>('select sealed from hub.run_differences')
    expect(raw.every(({ sealed }) => !sealed.includes('missing'))).toBe(true)
  })

  test('counts all differences and keeps the first thousand', async () => {
    await createThings(hub.source, 'many', { rows: 2500 })
    const sync = await hub.makeSync({ table: 'many' })
    const run = await hub.pulled(sync, { kind: 'check' })
    expect(run.reconciliation?.differences).toEqual({ missing: 2500, extra: 0, differing: 0 })
    expect(await differencesOf(run.id)).toHaveLength(1000)
    const { resource } = await hub.sync(sync)
    expect(await hub.records(resource)).toEqual([])
  })
})
