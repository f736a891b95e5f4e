import type { ClientBase } from 'pg'
import { rowCodes } from '../../../schemas/api/row-codes.ts'
import type { UnitReceipt } from '../../connectors/contract.ts'
import { Refusal } from '../../shared/refusal.ts'
import { rejectStore } from '../intake/reject-store.ts'
import type { UnitTally } from './pull-checkpoint.ts'
import { pullLimits } from './pull-limits.ts'
import type { PullParts } from './pull-parts.ts'
import { answered } from './pull-watch.ts'

/** Keeps what became of a unit, in the transaction of its last rows. */
export const keepUnit = (
  client: Pick<ClientBase, 'query'>,
  runId: string,
  tally: UnitTally,
): Promise<unknown> =>
  client.query(
    `insert into hub.run_units (run_id, unit, read_count, landed_count, flagged_count, rejected_count)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (run_id, unit) do update set read_count = excluded.read_count,
       landed_count = excluded.landed_count, flagged_count = excluded.flagged_count,
       rejected_count = excluded.rejected_count, landed_at = now(), acknowledged_at = null`,
    [runId, tally.unit, tally.read, tally.landed, tally.flagged, tally.rejected],
  )

interface OpenUnit extends UnitTally {
  runId: string
}

/** Units of the sync that have landed and whose source has not been told: by this run or one that broke off. */
async function openUnits({ intake, sync }: PullParts): Promise<OpenUnit[]> {
  const { rows } = await intake.pool.query<OpenUnit>(
    `select u.run_id as "runId", u.unit, u.read_count as read, u.landed_count as landed,
       u.flagged_count as flagged, u.rejected_count as rejected
     from hub.run_units u join hub.runs r on r.id = u.run_id
     where r.sync = $1 and u.acknowledged_at is null order by u.landed_at, u.unit`,
    [sync.id],
  )
  return rows
}

/**
 * Tells the source what became of each unit that is durable here. What the source cannot be told now it is
 * told by the next run, or when this one is taken up again: its rows never land twice for that.
 */
export async function acknowledgeUnits(parts: PullParts): Promise<void> {
  const { source, intake, watch } = parts
  if (source.acknowledge === undefined) return
  for (const unit of await openUnits(parts)) {
    await answered(acknowledged(parts, receiptOf(parts, unit)), watch)
    await intake.pool.query(
      'update hub.run_units set acknowledged_at = now() where run_id = $1 and unit = $2',
      [unit.runId, unit.unit],
    )
  }
}

async function acknowledged({ source }: PullParts, receipt: UnitReceipt): Promise<void> {
  try {
    await source.acknowledge?.(receipt)
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal(
      'source-unreachable',
      `未能向来源确认 ${receipt.unit} / The source could not be told of ${receipt.unit}`,
      { cause: error },
    )
  }
}

const receiptOf = (parts: PullParts, unit: OpenUnit): UnitReceipt => ({
  unit: unit.unit,
  runId: unit.runId,
  readCount: unit.read,
  landedCount: unit.landed,
  flaggedCount: unit.flagged,
  rejectedCount: unit.rejected,
  rejects: rejectsOf(parts, unit),
})

type ReceiptReject = UnitReceipt['rejects'] extends AsyncIterable<infer Reject> ? Reject : never
type ReceiptReason = ReceiptReject['reasons'][number]

/** Kept reasons are texts; every one of them was written with a code of the table. */
const isReason = (reason: { code: string }): reason is ReceiptReason =>
  Object.hasOwn(rowCodes, reason.code)

async function* rejectsOf(
  { intake }: PullParts,
  { runId, unit }: OpenUnit,
): AsyncGenerator<ReceiptReject> {
  const store = rejectStore(intake.pool, intake.vault)
  for (let after = 0; ;) {
    const page = await store.page(runId, { after, limit: pullLimits.receiptPageRows, unit })
    for (const { source, reasons } of page) yield { source, reasons: reasons.filter(isReason) }
    const last = page.at(-1)
    if (last === undefined || page.length < pullLimits.receiptPageRows) return
    after = last.line
  }
}
