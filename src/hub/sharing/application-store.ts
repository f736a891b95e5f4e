import type { Knex } from 'knex'
import { v7 as newUuid } from 'uuid'
import type {
  Application,
  ApplicationDraft,
  ApplicationState,
  Decision,
} from '../../../schemas/api/sharing.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { PageRequest } from '../http/cursors.ts'

export interface ApplicationRow {
  id: string
  resource: string
  resource_version: number
  share_type: 'unconditional' | 'conditional'
  provider: string
  consumer: string
  system: string
  request: ApplicationDraft
  state: ApplicationState
  filed_by: string
  filed_at: string
  submitted_at: string
  was_supplemented: boolean
  extension_days: number | null
  decided_at: string | null
}

export type ApplicationFiling = Pick<
  ApplicationRow,
  | 'resource'
  | 'resource_version'
  | 'share_type'
  | 'provider'
  | 'consumer'
  | 'system'
  | 'request'
  | 'filed_by'
>

export interface DecisionRecord {
  decision: Decision
  staff: string
  reason: string | null
  missing: readonly string[] | null
  days: number | null
  isBypassed: boolean
}

export interface ApplicationFilter {
  /** Only those in which this department is provider or consumer. */
  department: string | null
  resource?: string | undefined
  state?: ApplicationState | undefined
}

interface DecisionRow {
  application: string
  decision: Decision
  staff: string
  reason: string | null
  missing: string[] | null
  days: number | null
  at: string
}

export const applicationStore = (db: Knex) => {
  const table = () => db<ApplicationRow>('hub.applications')
  return {
    /** The application, or `not-found`. */
    demand: async (id: string): Promise<Application> =>
      demandOne(await complete(db, await table().where({ id })), id),

    /** The row, held until the transaction ends; or `not-found`. */
    lock: async (id: string): Promise<ApplicationRow> => {
      const row = await table().where({ id }).forUpdate().first()
      if (!row) throw applicationUnknown(id)
      return row
    },

    /** In order of id, that is of time, `limit + 1` at most. */
    list: async (page: PageRequest, filter: ApplicationFilter): Promise<Application[]> => {
      const { department, ...wanted } = filter
      const query = table()
        .orderBy('id')
        .limit(page.limit + 1)
      if (page.after !== null) query.where('id', '>', page.after)
      if (department !== null) query.whereRaw('? in (provider, consumer)', [department])
      for (const [column, value] of Object.entries(wanted)) {
        if (value !== undefined) query.where(column, value)
      }
      return complete(db, await query)
    },

    insert: async (filing: ApplicationFiling): Promise<Application> => {
      const row = { ...filing, request: JSON.stringify(filing.request), state: 'submitted' }
      const id = `a-${newUuid()}`
      const rows: ApplicationRow[] = await db('hub.applications')
        .insert({ ...row, id })
        .returning('*')
      return demandOne(await complete(db, rows), id)
    },

    /** The applicant's supplement: the clock of art. 21 begins again. */
    resubmit: (id: string, request: ApplicationDraft, resourceVersion: number): Promise<void> =>
      change(db, id, {
        request: JSON.stringify(request),
        resource_version: resourceVersion,
        state: 'submitted',
        submitted_at: db.fn.now(3),
      }),

    record: async (
      id: string,
      { isBypassed, missing, ...taken }: DecisionRecord,
    ): Promise<void> => {
      const row = { ...taken, missing: missing && [...missing], bypassed: isBypassed }
      await db('hub.application_decisions').insert({ ...row, application: id })
    },

    update: (
      id: string,
      wanted: Partial<Pick<ApplicationRow, 'state' | 'was_supplemented' | 'extension_days'>>,
      isFinal: boolean,
    ): Promise<void> => change(db, id, { ...wanted, ...(isFinal && { decided_at: db.fn.now(3) }) }),
  }
}

async function change(db: Knex, id: string, columns: object): Promise<void> {
  await db('hub.applications').where({ id }).update(columns)
}

/** With the decisions taken and the grant given, two queries for any number of applications. */
async function complete(db: Knex, rows: readonly ApplicationRow[]): Promise<Application[]> {
  const ids = rows.map(({ id }) => id)
  const taken = await db<DecisionRow>('hub.application_decisions')
    .whereIn('application', ids)
    .orderBy('id')
  const grants = await db<{ id: string; application: string }>('hub.grants')
    .whereIn('application', ids)
    .select('id', 'application')
  return rows.map((row) => ({
    ...toApplication(row),
    decisions: taken.filter(({ application }) => application === row.id).map(toDecision),
    grant: grants.find(({ application }) => application === row.id)?.id ?? null,
  }))
}

function demandOne([application]: Application[], id: string): Application {
  if (!application) throw applicationUnknown(id)
  return application
}

const applicationUnknown = (id: string): Refusal =>
  new Refusal('not-found', `没有共享申请 ${id} / There is no application ${id}`)

const toApplication = (row: ApplicationRow): Omit<Application, 'decisions' | 'grant'> => ({
  id: row.id,
  ...row.request,
  resourceVersion: row.resource_version,
  shareType: row.share_type,
  provider: row.provider,
  consumer: row.consumer,
  state: row.state,
  filedBy: row.filed_by,
  filedAt: row.filed_at,
  submittedAt: row.submitted_at,
  extensionDays: row.extension_days,
  decidedAt: row.decided_at,
})

const toDecision = ({ decision, staff, at, reason, missing, days }: DecisionRow) => ({
  decision,
  staff,
  at,
  reason,
  missing,
  days,
})
