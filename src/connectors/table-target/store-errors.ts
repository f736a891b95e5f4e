import { Refusal } from '../../shared/refusal.ts'

/**
 * What a store says when another try may do better: deadlocks, waits for locks, no room or too many
 * connections (PostgreSQL classes 40, 53 and 55P03; MySQL 1021, 1040, 1114, 1205, 1213; SQLite 5, 6, 13).
 */
const passingStates = /^(40|53|57P0)|^55P03$/
const passingNumbers: readonly number[] = [1021, 1040, 1114, 1205, 1213]
const passingSqlite: readonly number[] = [5, 6, 13]

/**
 * Runs `work`; what the store says against a statement becomes a Refusal, without the values that it
 * may quote: they may be people's. Of the names quoted, those in `names` are told. Errors of our own pass.
 */
export async function tellStoreErrors<T>(
  names: ReadonlySet<string>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw refusalOf(error, names)
  }
}

function refusalOf(error: unknown, names: ReadonlySet<string>): unknown {
  if (error instanceof Refusal || !(error instanceof Error)) return error
  const { code, errno, errcode } = numbersOf(error)
  if (code === undefined && errno === undefined) return error
  // What Node says of its own arguments is a fault of ours, not of the store.
  if (code?.startsWith('ERR_') && code !== 'ERR_SQLITE_ERROR') return error
  const message = [code ?? errno, ...wordsOf(error.message, names)].join(' ')
  const isPassing =
    passingStates.test(code ?? '') ||
    passingNumbers.includes(errno ?? 0) ||
    passingSqlite.includes((errcode ?? 0) & 255)
  return isPassing
    ? new Refusal('unavailable', `目标库暂时不可用:${message} / The target is busy`, {
        cause: error,
      })
    : new Refusal('state-conflict', `目标库拒绝:${message} / The target refused`, { cause: error })
}

const numbersOf = (
  error: Error & { code?: unknown; errno?: unknown; errcode?: unknown },
): { code?: string; errno?: number; errcode?: number } => ({
  ...(typeof error.code === 'string' && { code: error.code }),
  ...(typeof error.errno === 'number' && { errno: error.errno }),
  ...(typeof error.errcode === 'number' && { errcode: error.errcode }),
})

/** The message up to its first quotation, and which of our names it quotes. */
const wordsOf = (message: string, names: ReadonlySet<string>): string[] => [
  (message.split(/['"`]/, 1)[0] ?? '').trim(),
  ...[...names].filter((name) =>
    ['"', "'", '`'].some((mark) => message.includes(mark + name + mark)),
  ),
]
