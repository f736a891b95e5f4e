import { KeyObject } from 'node:crypto'
import { Refusal } from '../../shared/refusal.ts'
import { AnonymousCalls, untilNextMinute } from './anonymous-calls.ts'
import { buildEntry, monthOfId } from './entry.ts'
import type { AuditFacts, AuditLog, AuditReceipt } from './facts.ts'
import { createEntryId } from './ids.ts'
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

  // Without a promise of its own where the key is at hand, as it is for all calls but a month's first.
  function append(facts: AuditFacts): Promise<AuditReceipt> {
    const id = createEntryId()
    const key = keys.month(monthOfId(id))
    return key instanceof KeyObject ? write(id, facts, key) : writeLater(id, facts, key)
  }

  function write(id: string, facts: AuditFacts, details: KeyObject): Promise<AuditReceipt> {
    const entry = buildEntry(id, facts, { subjects: keys.subjects, details })
    return writer.write(entry, facts.system === undefined && facts.staff === undefined)
  }

  const writeLater = async (
    id: string,
    facts: AuditFacts,
    key: Promise<KeyObject>,
  ): Promise<AuditReceipt> => write(id, facts, await availableKey(key))

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

async function availableKey(key: Promise<KeyObject>): Promise<KeyObject> {
  try {
    return await key
  } catch (cause) {
    throw new Refusal(
      'unavailable',
      '审计月度密钥不可用 / The month key of the audit log is missing',
      { cause },
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
