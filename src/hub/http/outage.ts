/** Errors of the connection, as Node names them. */
const connectionCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
])

/**
 * PostgreSQL's states for "not now" (appendix A of its manual): connection exceptions 08, insufficient
 * resources 53, operator intervention 57 (shutdown, crash, starting up, and 57014: the statement took
 * longer than its limit), 25006 read-only, as a stand-by is during a switch-over.
 */
const outageState = /^(08...|53...|57...|25006)$/

/** Words of `pg`, its pool and knex where they give no code. */
const outageWords =
  /^Connection terminated|^timeout exceeded when trying to connect|^Query read timeout|^Client has encountered a connection error|Timeout acquiring a connection/

/** Whether the database cannot serve now, though the call itself may be in order. */
export function isDatabaseOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code, errors } = error as Error & { code?: unknown; errors?: unknown }
  if (Array.isArray(errors) && errors.some(isDatabaseOutage)) return true
  if (typeof code === 'string') return connectionCodes.has(code) || outageState.test(code)
  return error.name === 'KnexTimeoutError' || outageWords.test(error.message)
}
