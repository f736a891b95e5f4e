import Fastify from 'fastify'
import { Pool } from 'pg'
import type { HubStatements } from './hub-statements.ts'

/*
 * What the hub is measured against: the same SELECT behind a route that does nothing else. No caller is
 * known, nothing is decided, masked or written down. The pool is as large as the hub's, the statements
 * are prepared by name as there.
 */
const { BENCH_DATABASE_URL: url = '', BENCH_STATEMENTS: json = '' } = process.env

const statements: HubStatements = JSON.parse(json)
const pool = new Pool({ connectionString: url, max: 10 })
const app = Fastify()

app.post<{ Body: { key: string } }>('/read', async ({ body }) => {
  const { rows } = await pool.query({ name: 'read', text: statements.read, values: [body.key] })
  return rows[0]
})

interface Claimed {
  key: string
  claims: Record<string, unknown>
}

app.post<{ Body: Claimed }>('/verify', async ({ body }) => {
  const query = { name: 'verify', text: statements.verify, values: [body.key] }
  const { rows } = await pool.query<Record<string, unknown>>(query)
  return {
    isMatch: Object.entries(body.claims).every(([name, value]) => rows[0]?.[name] === value),
  }
})

app.post<{ Body: { keys: string[] } }>('/query', async ({ body: { keys } }) => {
  const values = [keys.map((_, place) => place), keys, keys.map(() => null)]
  const { rows } = await pool.query({ name: 'query', text: statements.query, values })
  return { items: rows }
})

process.once('SIGTERM', () => {
  void app.close().then(() => pool.end())
})
process.stdout.write(`Bare listening on ${await app.listen({ host: '127.0.0.1', port: 0 })}\n`)
