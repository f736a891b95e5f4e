import { type City, purpose } from './city.ts'
import { idNumberAt, personAt } from './population-rows.ts'
import { atLeast, atMost, type Results } from './results.ts'
import { alternate, type Rounds, type Side } from './rounds.ts'
import { sharedResource, type SharedRecords } from './shared-records.ts'

const connectionCount = 64
const queryKeys = 500
const querySecondsMin = 5

const callHeaders = (city: City): Record<string, string> => ({
  authorization: `Bearer ${city.consumerToken}`,
  'x-purpose': purpose,
  'x-operator': encodeURIComponent('王芳'),
  'x-case-number': 'BJ-2026-0001',
})

/** The same body for both sides, from records all over the table. */
function sides(
  city: City,
  { bare }: SharedRecords,
  question: { hub: string; bare: string; body: (index: number) => object },
): [Side, Side] {
  const bodyAt = (index: number): string => JSON.stringify(question.body(index))
  return [
    {
      url: `${city.hub.url}/v1/resources/${sharedResource}/${question.hub}`,
      headers: callHeaders(city),
      bodyAt,
    },
    { url: bare.url + question.bare, headers: {}, bodyAt },
  ]
}

const roundsOf = (city: City, requestsPerConnection: number): Rounds => ({
  connectionCount,
  roundSeconds: city.options.roundSeconds,
  roundCount: 3,
  requestsPerConnection,
})

/** A prime step visits the records in no order that an index would like. */
const someRecord = (city: City, index: number): number => (index * 7919) % city.options.recordCount

/** Reads by key: requests a second, and how much longer the slowest hundredth waits. */
export async function measureRead(city: City, records: SharedRecords): Promise<Results> {
  const [hub, bare] = sides(city, records, {
    hub: 'records/read',
    bare: '/read',
    body: (index) => ({ key: idNumberAt(someRecord(city, index)) }),
  })
  const figures = await alternate(hub, bare, roundsOf(city, 400))
  return {
    read: atLeast(0.7, {
      value: figures.hub.requestsPerSecond,
      unit: 'requests/s',
      baseline: figures.bare.requestsPerSecond,
    }),
    'read-p99': atMost(2, { value: figures.hub.p99Ms, unit: 'ms', baseline: figures.bare.p99Ms }),
  }
}

/** Claims that are true, so that no guessing limit is touched. */
export async function measureVerify(city: City, records: SharedRecords): Promise<Results> {
  const [hub, bare] = sides(city, records, {
    hub: 'verify',
    bare: '/verify',
    body: (index) => {
      const { idNumber, name, sex } = personAt(someRecord(city, index))
      return { key: idNumber, claims: { name, sex } }
    },
  })
  const figures = await alternate(hub, bare, roundsOf(city, 400))
  return {
    verify: atLeast(0.5, {
      value: figures.hub.requestsPerSecond,
      unit: 'requests/s',
      baseline: figures.bare.requestsPerSecond,
    }),
  }
}

export async function measureQuery(city: City, records: SharedRecords): Promise<Results> {
  const keyCount = Math.min(queryKeys, city.options.recordCount)
  const [hub, bare] = sides(city, records, {
    hub: 'records/query',
    bare: '/query',
    body: (index) => ({
      keys: Array.from({ length: keyCount }, (_, place) =>
        idNumberAt(someRecord(city, index * keyCount + place)),
      ),
    }),
  })
  // Sixty-four calls of five hundred keys take a while: a shorter round could end before the first answer.
  const rounds = roundsOf(city, 10)
  const roundSeconds = Math.max(rounds.roundSeconds, querySecondsMin)
  const figures = await alternate(hub, bare, { ...rounds, roundSeconds })
  return {
    'query-500': atLeast(0.5, {
      value: figures.hub.requestsPerSecond * keyCount,
      unit: 'records/s',
      baseline: figures.bare.requestsPerSecond * keyCount,
    }),
  }
}
