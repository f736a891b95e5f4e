import { Client } from 'pg'
import type { LightMyRequestResponse } from 'fastify'
import type { PushAnswer } from '../../../src/hub/intake/push-batch.ts'
import { buildTestHub, type TestHub, type TestHubOptions } from '../../support/hub.ts'

export interface IntakeHub extends TestHub {
  /** Of the provider's front-end machine. */
  machine: string
  /** Of another department's front-end machine. */
  stranger: string
  /** Of the provider's operator. */
  operator: string
  push(resource: string, rows: unknown, more?: PushOptions): Promise<LightMyRequestResponse>
  /** The answer of a push that must be taken. */
  pushed(resource: string, rows: unknown, more?: PushOptions): Promise<PushAnswer>
  /** Live records by key, with the columns asked for. */
  records(resource: string, columns?: readonly string[]): Promise<Record<string, unknown>[]>
  run(id: string, token?: string): Promise<Record<string, never> & RunAnswer>
}

export interface RunAnswer {
  state: string
  counts: PushAnswer['counts']
  nextBatch: number | null
  drift: string[]
  columns: string[] | null
  unmapped: { field: string; value: string; count: number }[]
  rejectCodes: { code: string; count: number }[]
  error: { code: string; message: string } | null
  lastSeq: number | null
  checkpoint: string | null
}

export interface PushOptions {
  query?: string
  type?: string
  headers?: Record<string, string>
  token?: string
}

export const ndjson = (rows: readonly unknown[]): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join('')

const bodyOf = (rows: unknown): unknown =>
  Array.isArray(rows) && !Buffer.isBuffer(rows) ? ndjson(rows) : rows

/** A hub with a provider, another department, and their machines and people. */
export async function openIntakeHub(options: TestHubOptions = {}): Promise<IntakeHub> {
  const hub = await buildTestHub(options)
  await hub.makeDepartment('provider')
  await hub.makeDepartment('other')
  const machine = await hub.makeSystem('front', 'provider')
  const stranger = await hub.makeSystem('stranger', 'other')
  const operator = await hub.makeStaff('operator', ['operator'], 'provider')
  const push: IntakeHub['push'] = (resource, rows, { query = '', type, headers, token } = {}) =>
    hub.call('POST', `/v1/resources/${resource}/batches${query}`, {
      token: token ?? machine,
      headers: { 'content-type': type ?? 'application/x-ndjson', ...headers },
      body: bodyOf(rows),
    })
  return {
    ...hub,
    machine,
    stranger,
    operator,
    push,
    pushed: async (resource, rows, more) => {
      const answer = await push(resource, rows, more)
      if (answer.statusCode !== 200) throw new Error(`${answer.statusCode} ${answer.body}`)
      return answer.json()
    },
    records: async (resource, columns = ['thing', 'amount']) => {
      const { pool } = hub.testDatabase.database
      const { rows } = await pool.query('select number from hub.resources where id = $1', [
        resource,
      ])
      const found = await pool.query(
        `select ${columns.join(', ')} from records.r_${rows[0].number} where _status <> 'deleted' order by _key`,
      )
      return found.rows
    },
    run: async (id, token) =>
      (await hub.call('GET', `/v1/runs/${id}`, { token: token ?? machine })).json(),
  }
}

export const thing = (name: string, amount: string | number = 1) => ({
  thing: name,
  amount: String(amount),
})

/** `count` rows named in order; a batch holds 10,000 of them. */
export const manyThings = (count: number, from = 0): { thing: string; amount: string }[] =>
  Array.from({ length: count }, (_, at) => thing(`t-${String(from + at).padStart(7, '0')}`))

/** Makes the database refuse whatever `when` (SQL over the new row) says of a table, until undone. */
export async function failOn(
  hub: TestHub,
  table: 'hub.batches' | 'hub.runs',
  when: string,
): Promise<() => Promise<void>> {
  const run = async (sql: string): Promise<void> => {
    const client = new Client({ connectionString: hub.testDatabase.urls.owner })
    await client.connect()
    await client.query(sql)
    await client.end()
  }
  await run(`create function hub.fail_test() returns trigger language plpgsql as
    $$ begin if ${when} then raise 'made to fail'; end if; return new; end $$;
    create trigger fail_test before insert or update on ${table} for each row execute function hub.fail_test()`)
  return () => run(`drop trigger fail_test on ${table}; drop function hub.fail_test()`)
}

/** Leaves a run as a process does that was killed: running, its lease over. */
export const abandon = (hub: TestHub, runId: string): Promise<unknown> =>
  hub.testDatabase.database.pool.query(
    `update hub.runs set state = 'running', error = null, ended_at = null, leased_by = 'dead',
       leased_until = now() - interval '1 second' where id = $1`,
    [runId],
  )
