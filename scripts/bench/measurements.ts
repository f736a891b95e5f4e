import { measureAuditAppend } from './audit-append.ts'
import { measureAuditSearch } from './audit-search.ts'
import { measureAuditSeal } from './audit-seal.ts'
import { measureAuditVerify } from './audit-verify.ts'
import { measureQuery, measureRead, measureVerify } from './calls.ts'
import { measureCatalog } from './catalog.ts'
import { measureChanges } from './changes.ts'
import type { City } from './city.ts'
import { measureIngest, measureIngestCsv } from './ingest.ts'
import { measureIngestMemory } from './ingest-memory.ts'
import { measureIngestScale } from './ingest-scale.ts'
import { measurePull } from './pull.ts'
import { measureQueue } from './queue.ts'
import type { Results } from './results.ts'
import { type SharedRecords, shareRecords } from './shared-records.ts'

/** What is measured together because the later parts need the earlier: asked for by any of its names. */
interface Family {
  names: readonly string[]
  measure(city: City, names: ReadonlySet<string>): Promise<Results>
}

const withRecords: Record<string, (city: City, records: SharedRecords) => Promise<Results>> = {
  read: measureRead,
  verify: measureVerify,
  'query-500': measureQuery,
  changes: measureChanges,
  queue: measureQueue,
}

async function measureSharing(city: City, names: ReadonlySet<string>): Promise<Results> {
  const records = await shareRecords(city)
  try {
    const results: Results = {}
    for (const [name, measure] of Object.entries(withRecords)) {
      if (names.has(name)) Object.assign(results, await measure(city, records))
    }
    return results
  } finally {
    await records.bare.stop()
  }
}

/** In the order in which they run on one hub: memory first, while nothing else has used any. */
export const families: readonly Family[] = [
  { names: ['ingest-memory'], measure: measureIngestMemory },
  { names: ['ingest', 'ingest-unchanged', 'ingest-changed'], measure: measureIngest },
  { names: ['ingest-csv'], measure: measureIngestCsv },
  { names: ['pull'], measure: measurePull },
  { names: Object.keys(withRecords), measure: measureSharing },
  { names: ['audit-append'], measure: measureAuditAppend },
  { names: ['audit-seal', 'audit-return'], measure: measureAuditSeal },
  { names: ['audit-verify'], measure: measureAuditVerify },
  { names: ['ingest-scale'], measure: measureIngestScale },
  { names: ['catalog'], measure: measureCatalog },
  { names: ['audit-search', 'audit-search-worst', 'audit-looks'], measure: measureAuditSearch },
]

export const measurementNames: readonly string[] = families.flatMap(({ names }) => names)
