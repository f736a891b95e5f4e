import { createSecretKey, randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { v7 as createId } from 'uuid'
import type { AuditFacts } from '../../src/hub/audit/facts.ts'
import { openAuditLog } from '../../src/hub/audit/log.ts'
import { connectClient } from '../../src/hub/database/clients.ts'
import { newRequestId } from '../../src/hub/http/request-id.ts'
import { type City, consumer, consumerSystem, purpose } from './city.ts'
import { idNumberAt } from './population-rows.ts'
import { atLeast, mean, type Results } from './results.ts'

const callerCount = 64
const batchRows = 256

const digest = randomBytes(32).toString('base64url')
const recordHash = randomBytes(32).toString('hex')

/** As a read by key leaves them. */
const factsOf = (index: number): AuditFacts => ({
  operation: 'records.read',
  outcome: 'allowed',
  requestId: newRequestId(),
  requestedAt: new Date(),
  decidedAt: new Date(),
  system: consumerSystem,
  department: consumer,
  operator: '王芳',
  address: '127.0.0.1',
  resource: 'population',
  resourceVersion: 1,
  subjects: [{ resource: 'population', key: idNumberAt(index) }],
  fields: ['name', 'idNumber', 'sex', 'hukouDivision'],
  rowCount: 1,
  purpose,
  caseNumber: `BJ-2026-${index % 100_000}`,
  grantIds: ['grant-1'],
  policyVersion: 1,
  requestDigest: digest,
  responseDigest: digest,
  recordSeq: index,
  recordHash,
})

/** Durable entries a second of 64 callers, each waiting for its own, against plain multi-row inserts. */
export async function measureAuditAppend(city: City): Promise<Results> {
  const { roundSeconds } = city.options
  await city.database.query(
    `create table bench.plain (id uuid primary key, requested_at timestamptz, operation text, outcome text,
       department text, system text, resource text, purpose text, facts jsonb)`,
  )
  const own: number[] = []
  const plain: number[] = []
  for (let round = 0; round < 3; round++) {
    own.push(await appendRate(city, roundSeconds))
    plain.push(await insertRate(city, roundSeconds))
  }
  await city.database.query('drop table bench.plain')
  // The first round of each warms up.
  const [value, baseline] = [mean(own.slice(1)), mean(plain.slice(1))]
  return { 'audit-append': atLeast(0.6, { value, unit: 'entries/s', baseline }) }
}

async function appendRate({ appUrl }: City, seconds: number): Promise<number> {
  const key = createSecretKey(randomBytes(32))
  const log = openAuditLog({
    keys: { subjects: key, month: () => key },
    openClient: () => connectClient({ url: appUrl, purpose: 'audit' }),
  })
  try {
    await log.append(factsOf(0))
    return await rateOf(callerCount, seconds, async (index) => {
      await log.append(factsOf(index))
      return 1
    })
  } finally {
    await log.close()
  }
}

/** As one writer does who has nothing else to do: the next statement when the last is committed. */
async function insertRate({ databaseUrl }: City, seconds: number): Promise<number> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    return await rateOf(1, seconds, async (index) => {
      await client.query({ name: 'plain', text: insertText, values: insertValues(index) })
      return batchRows
    })
  } finally {
    await client.end()
  }
}

const columnCount = 9
const insertText = `insert into bench.plain values ${Array.from(
  { length: batchRows },
  (_, row) =>
    `(${Array.from({ length: columnCount }, (_, column) => `$${row * columnCount + column + 1}`).join(', ')})`,
).join(', ')}`

const insertValues = (index: number): unknown[] =>
  Array.from({ length: batchRows }, (_, row) => factsOf(index * batchRows + row)).flatMap(
    (facts) => {
      const { requestedAt, operation, outcome, department, system, resource, purpose, ...rest } =
        facts
      return [
        createId(),
        requestedAt,
        operation,
        outcome,
        department,
        system,
        resource,
        purpose,
        rest,
      ]
    },
  )

/** What so many workers get done a second, each beginning anew when its last piece is done. */
async function rateOf(
  workerCount: number,
  seconds: number,
  work: (index: number) => Promise<number>,
): Promise<number> {
  let next = 0
  let done = 0
  const begun = performance.now()
  const until = begun + seconds * 1000
  const workers = Array.from({ length: workerCount }, async () => {
    while (performance.now() < until) {
      const count = await work(next++)
      done += count
    }
  })
  await Promise.all(workers)
  return done / ((performance.now() - begun) / 1000)
}
