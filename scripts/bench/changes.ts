import { Client, Query } from 'pg'
import { type City, purpose } from './city.ts'
import { atLeast, mean, type Results } from './results.ts'
import { sharedResource, type SharedRecords } from './shared-records.ts'

const pageLimit = 1000
const roundCount = 2

interface ChangesPage {
  items: unknown[]
  next: string
}

/** One follower from the first change to the last, against one SELECT in the same order. */
export async function measureChanges(city: City, records: SharedRecords): Promise<Results> {
  const followed: number[] = []
  const streamed: number[] = []
  for (let round = 0; round <= roundCount; round++) {
    followed.push(await follow(city))
    streamed.push(await stream(city, records))
  }
  const [value, baseline] = [mean(followed.slice(1)), mean(streamed.slice(1))]
  return { changes: atLeast(0.4, { value, unit: 'records/s', baseline }) }
}

async function follow({ hub, consumerToken, options }: City): Promise<number> {
  const headers = {
    authorization: `Bearer ${consumerToken}`,
    'x-purpose': purpose,
    'x-operator': 'follower',
  }
  const begun = performance.now()
  let count = 0
  for (let after = '0'; ;) {
    const url = `${hub.url}/v1/resources/${sharedResource}/changes?after=${after}&limit=${pageLimit}`
    const answer = await fetch(url, { headers })
    if (!answer.ok) throw new Error(`changes: ${answer.status} ${await answer.text()}`)
    const page = (await answer.json()) as ChangesPage
    if (page.items.length === 0) break
    count += page.items.length
    after = page.next
  }
  if (count !== options.recordCount) throw new Error(`${count} changes of ${options.recordCount}`)
  return count / ((performance.now() - begun) / 1000)
}

async function stream({ appUrl }: City, { statements }: SharedRecords): Promise<number> {
  const client = new Client({ connectionString: appUrl })
  await client.connect()
  const begun = performance.now()
  let count = 0
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  // With a listener for rows, pg keeps none of them.
  const query = client.query(new Query(statements.changes))
  query.on('row', () => count++)
  query.on('end', () => resolve())
  query.on('error', reject)
  await promise
  const seconds = (performance.now() - begun) / 1000
  await client.end()
  return count / seconds
}
