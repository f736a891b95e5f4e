import type { Database } from '../database/connect.ts'
import { readMigrations } from '../database/migration-files.ts'
import { runsAsOwner } from '../database/ownership.ts'
import type { CallLog } from './audit-call.ts'
import type { ReadinessCheck } from './health-routes.ts'

/** An entry that waits longer shows that the log cannot keep up or cannot be reached. */
const waitingMsMax = 5000

/** The database answers and has every migration of this program. */
export function readinessChecks({ knex }: Database): ReadinessCheck[] {
  const expected = readMigrations().map(({ name }) => name)
  return [
    {
      name: 'database',
      check: async () => {
        await knex.raw('select 1')
        return null
      },
    },
    {
      name: 'migrations',
      check: async () => {
        const applied = new Set(await knex('hub.migrations').pluck('name'))
        const pending = expected.filter((name) => !applied.has(name))
        return pending.length === 0 ? null : `待执行 / pending: ${pending.join(', ')}`
      },
    },
  ]
}

/** The log's table takes entries from this connection, and what was handed in gets written. */
export function auditCheck({ knex }: Database, gauges: CallLog['gauges']): ReadinessCheck {
  return {
    name: 'audit',
    check: async () => {
      const { rows } = await knex.raw<{ rows: { writable: boolean | null }[] }>(
        `select has_table_privilege(to_regclass('audit.entries'), 'insert')
           and not pg_is_in_recovery() as writable`,
      )
      if (!rows[0]?.writable) return '审计日志不可写 / the audit log cannot be written'
      const { oldestWaitingMs = 0 } = gauges?.() ?? {}
      return oldestWaitingMs < waitingMsMax ? null : '审计日志积压 / the audit log is behind'
    },
  }
}

/** What is not as it should be, though the hub works: see `runsAsOwner`. */
export function readinessWarnings({ knex }: Database): () => Promise<string[]> {
  return async () => {
    if (!(await runsAsOwner(knex))) return []
    return [
      '应用以数据库属主身份运行,审计日志的只增约束不能自证;请改用 shuqiao_app / ' +
        'The app runs as the owner of the database: let it connect as shuqiao_app',
    ]
  }
}
