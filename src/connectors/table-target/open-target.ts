/**
 * A table of the subscriber's, kept as the grant shows the records: created or checked, upserted by key,
 * deletions applied. Rows and the delivery's place (`shuqiao_deliveries`) commit together, so that a
 * batch is there once, whatever dies in between.
 */
import type { LastBatch, Target, TargetBatch, TargetShape } from '../contract.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { SqlSession } from '../sql/session.ts'
import {
  type Control,
  findControlPlan,
  judgeBatch,
  lockControl,
  moveControl,
  raiseGeneration,
  readControl,
} from './control-row.ts'
import { deleteOlderSlice } from './delete-older.ts'
import type { TargetDialect } from './dialect.ts'
import {
  type DeliveryPlan,
  planDelivery,
  prepareTable,
  tableNameOf,
  type TableSettings,
} from './prepare-table.ts'
import { tellStoreErrors } from './store-errors.ts'
import { appendExchange, writeTable } from './write-rows.ts'

export interface TableTargetOptions {
  connect(): Promise<SqlSession>
  dialect: TargetDialect
  settings: TableSettings
}

/** Everything that a prepared target holds; made by `prepare`. */
interface Prepared {
  session: SqlSession
  control: Control
  delivery: DeliveryPlan
  names: ReadonlySet<string>
}

/**
 * The target is connected by `prepare`, which comes first. With `settings.exchange` it is an exchange
 * table: rows are appended with operation, batch and time for a taker, and nothing is ever deleted.
 */
export function openTableTarget({ connect, dialect, settings }: TableTargetOptions): Target {
  let prepared: Prepared | null = null
  const ready = (): Prepared => {
    if (prepared) return prepared
    throw new Error('A table target is prepared before it is written to.')
  }
  return {
    commits: 'batch',
    prepare: async (shape) => {
      const session = prepared?.session ?? (await connect())
      prepared = await makeReady(session, { dialect, settings, shape }).catch(closing(session))
    },
    lastBatch: () => lastBatch(ready()),
    write: (batch) => writeBatch(ready(), settings, batch),
    finish: async ({ generation, isFull }) => ({
      deletedCount: isFull && !settings.exchange ? await deleteOlder(ready(), generation) : 0,
    }),
    close: async () => {
      const open = prepared
      prepared = null
      await open?.session.close()
    },
  }
}

const closing =
  (session: SqlSession) =>
  async (error: unknown): Promise<never> => {
    await session.close()
    throw error
  }

async function makeReady(
  session: SqlSession,
  {
    dialect,
    settings,
    shape,
  }: { dialect: TargetDialect; settings: TableSettings; shape: TargetShape },
): Promise<Prepared> {
  const names = new Set([settings.table, ...shape.columns.map(({ name }) => name)])
  return tellStoreErrors(names, async () => {
    await dialect.settle(session)
    const table = await tableNameOf(session, dialect, settings.table)
    const delivery = planDelivery(table, settings, shape)
    const plan = await findControlPlan(session, dialect, table.schema)
    const control = { dialect, plan, delivery: shape.delivery }
    await prepareTable(session, delivery, control)
    return { session, control, delivery, names }
  })
}

async function lastBatch({ session, control, names }: Prepared): Promise<LastBatch | null> {
  const stored = await tellStoreErrors(names, () => readControl(session, control))
  if (!stored?.position || stored.number === 0) return null
  const { number, generation, position, checkpoint } = stored
  return { number, generation, position, checkpoint }
}

async function writeBatch(
  { session, control, delivery, names }: Prepared,
  { exchange }: TableSettings,
  batch: TargetBatch,
): Promise<void> {
  const place = { dialect: control.dialect, plan: delivery.plan }
  await tellStoreErrors(names, () =>
    session.transaction(async (inside) => {
      const stored = await lockControl(inside, control)
      if (judgeBatch(stored, batch) === 'arrived') return
      if (exchange) await appendExchange(inside, { ...place, exchange }, batch)
      else await writeTable(inside, place, batch)
      await moveControl(inside, control, batch)
    }),
  )
}

/** Slice by slice, each under the fence: a process that was overtaken deletes nothing. */
async function deleteOlder(
  { session, control, delivery, names }: Prepared,
  generation: number,
): Promise<number> {
  const older = { dialect: control.dialect, table: delivery.plan.table, generation }
  let deletedCount = 0
  let afterKey: string | null = null
  do {
    const slice = await tellStoreErrors(names, () =>
      session.transaction(async (inside) => {
        const stored = await lockControl(inside, control)
        if (stored.generation > generation) throw overtaken(stored.generation, generation)
        if (stored.generation < generation) await raiseGeneration(inside, control, generation)
        return deleteOlderSlice(inside, older, afterKey)
      }),
    )
    deletedCount += slice.deletedCount
    afterKey = slice.lastKey
  } while (afterKey !== null)
  return deletedCount
}

const overtaken = (stored: number, generation: number): Refusal =>
  new Refusal(
    'state-conflict',
    `目标已有第 ${stored} 代全量,第 ${generation} 代不再生效 / The target has a newer full load (${stored}) than ${generation}`,
  )
