import type { KeyObject } from 'node:crypto'
import { v7 as createId } from 'uuid'
import { Refusal } from '../../shared/refusal.ts'
import { AnonymousCalls, untilNextMinute } from './anonymous-calls.ts'
import { buildEntry, monthOfId } from './entry.ts'
import type { AuditFacts, AuditLog, AuditReceipt } from './facts.ts'
import type { AuditKeys } from './keys.ts'
import { type AuditGauges, AuditWriter, type WriterOptions } from './writer.ts'

export interface AuditLogOptions extends WriterOptions {
  keys: AuditKeys
}

export interface OpenAuditLog extends AuditLog {
  /** Counts a call without a caller; written with its address's others when the minute ends, or at close. */
  appendAnonymous(facts: AuditFacts): Promise<null>
  gauges(): AuditGauges & { foldedAddresses: number }
  /** Writes what waits, and what was counted; takes nothing after. */
  close(): Promise<void>
}

/** The log of this process. Connects with the first entry. */
export function openAuditLog({ keys, ...options }: AuditLogOptions): OpenAuditLog {
  const writer = new AuditWriter(options)
  const anonymous = new AnonymousCalls()

  async function append(facts: AuditFacts): Promise<AuditReceipt> {
    const id = createId()
    const entry = buildEntry(id, facts, {
      subjects: keys.subjects,
      details: await monthKey(keys, id),
    })
    await writer.write(entry, facts.system === undefined && facts.staff === undefined)
    return { id, leaf: entry.leaf.hash }
  }

  /** Faults are told to `onFault` by the writer; counts that cannot be written are given up. */
  async function writeFolded(): Promise<void> {
    await Promise.allSettled(anonymous.take().map(async (facts) => append(facts)))
  }

  const folding = startFolding(writeFolded)
  return {
    append,
    appendAnonymous: async (facts) => {
      anonymous.add(facts)
      return null
    },
    gauges: () => ({ ...writer.gauges(), foldedAddresses: anonymous.size }),
    close: async () => {
      folding.stop()
      await writeFolded()
      await writer.close()
    },
  }
}

async function monthKey(keys: AuditKeys, id: string): Promise<KeyObject> {
  try {
    return await keys.month(monthOfId(id))
  } catch (cause) {
    throw new Refusal(
      'unavailable',
      '审计月度密钥不可用 / The month key of the audit log is missing',
      {
        cause,
      },
    )
  }
}

/** Runs at the end of every minute, without keeping the process alive. */
function startFolding(write: () => Promise<void>): { stop(): void } {
  let timer: NodeJS.Timeout
  const schedule = (): void => {
    timer = setTimeout(() => {
      void write().finally(schedule)
    }, untilNextMinute(Date.now()))
    timer.unref()
  }
  schedule()
  return { stop: () => clearTimeout(timer) }
}
