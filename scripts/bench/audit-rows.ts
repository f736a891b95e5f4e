import type { Client } from 'pg'

/** How the log of a large city's year looks: many small callers, few large ones, hardly any refusals. */
const systemCount = 951
const departmentCount = 60
const resourceCount = 300
const purposeCount = 2000

/** As much as an ordinary entry's sealed details weigh. */
const detailBytes = 600

export const monthsBack = 10

/** What hardly ever occurs, evenly over all entries: so many of each. */
export const rareCount = 10

export const nameAt = (kind: string, index: number): string => `${kind}-${index}`

/** The past months, which only a log that is older than this hub has. Run as a superuser. */
export async function makePastMonths(database: Client): Promise<void> {
  await database.query(
    `select audit.make_partition(parent, to_char(month, 'YYYY_MM'), format('for values from (%L) to (%L)',
       audit.first_id(month at time zone 'UTC'), audit.first_id((month + interval '1 month') at time zone 'UTC')))
     from generate_series(1, ${monthsBack}) back,
       lateral (select date_trunc('month', now() at time zone 'UTC') - make_interval(months => back) as month) m,
       unnest(array['entries', 'search', 'subjects', 'ranges']) as parent`,
  )
}

interface Rows {
  first: number
  last: number
  total: number
}

/** When the i-th of `total` entries was, evenly from the first past month until now; and its id. */
const instants = ({ first, last, total }: Rows): string =>
  `(select i, start + (now() - start) * (i::float8 / ${total}) as at
    from generate_series(${first}::bigint, ${last}::bigint) i,
      (select (date_trunc('month', now() at time zone 'UTC') - interval '${monthsBack} months') at time zone 'UTC' as start) s
   ) instants`
const idAt = `(lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '70008000' || lpad(to_hex(i), 12, '0'))::uuid`

/** One look an entry, at another record each time. */
export async function insertSubjectRows(database: Client, rows: Rows): Promise<void> {
  await database.query(
    `insert into audit.subjects (subject, id) select decode(md5(i::text), 'hex'), ${idAt} from ${instants(rows)}`,
  )
}

/**
 * Entries `first` to `last` of `total`, evenly from the first past month until now: what a search reads,
 * without leaves. The busiest system makes a tenth of all calls, the quietest few.
 */
export async function insertSearchRows(database: Client, rows: Rows): Promise<void> {
  const picked = (kind: string, count: number, draw: string): string =>
    `'${kind}-' || floor(${count} * ${draw})::int`
  const rare = (kind: string, common: string): string =>
    `case when i % ${Math.floor(rows.total / rareCount)} = 7 then 'rare-${kind}' else ${common} end`
  await database.query(
    `insert into audit.search (id, ready_at, operation, outcome, code, department, system, resource, purpose, case_hash, details)
     select ${idAt}, at, 'records.read',
       case when luck < 0.965 then 'allowed' when luck < 0.995 then 'absent' when luck < 0.9999 then 'denied' else 'failed' end,
       case when luck > 0.995 then 'purpose-not-granted' end,
       ${rare('department', picked('department', departmentCount, 'own'))},
       ${rare('system', picked('system', systemCount, 'own'))},
       ${rare('resource', picked('resource', resourceCount, 'what'))},
       ${rare('purpose', picked('purpose', purposeCount, 'why'))},
       decode(md5(i::text), 'hex'), decode(repeat('5a', ${detailBytes}), 'hex')
     from (
       select i, at, random() as luck,
         power(random(), 3) as own, power(random(), 3) as what, power(random(), 2) as why
       from ${instants(rows)}
     ) drawn`,
  )
}
