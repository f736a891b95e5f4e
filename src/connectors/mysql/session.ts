import type { Connection } from 'mysql2'
import type { ServerSettings } from '../../../schemas/api/connectors.ts'
import { rowsOf } from '../sql/answers.ts'
import { lostConnection } from '../sql/lost.ts'
import type { SqlSession } from '../sql/session.ts'
import { untilAborted } from '../sql/until-aborted.ts'
import { connectMysql, isLost, type SessionMode } from './connection.ts'

/** Parameters are written `?`; all values come back as the server's text. */
export async function mysqlSession(
  settings: ServerSettings,
  mode: SessionMode,
  signal?: AbortSignal,
): Promise<SqlSession> {
  return sessionOn(await connectMysql(settings, mode, signal), signal)
}

/** Every value as its text, binary ones as Latin-1 would show them. */
const typeCast = (field: { string: (encoding?: BufferEncoding) => string | null }) => field.string()

const asked = (connection: Connection, text: string, values: readonly unknown[]) =>
  new Promise<unknown>((settle, fail) => {
    connection.query({ sql: text, values: [...values], typeCast }, (error, answer) => {
      if (!error) settle(answer)
      else fail(isLost(error) ? lostConnection(error) : error)
    })
  })

const changedRows = (answer: unknown): number =>
  typeof answer === 'object' && answer !== null && 'affectedRows' in answer
    ? Number(answer.affectedRows)
    : 0

function sessionOn(connection: Connection, signal: AbortSignal | undefined): SqlSession {
  const ask = (text: string, values: readonly unknown[] = []): Promise<unknown> =>
    untilAborted(asked(connection, text, values), signal)
  const session: SqlSession = {
    query: async <Row extends object>(text: string, values?: readonly unknown[]) =>
      rowsOf<Row>(await ask(text, values)),
    execute: async (text, values) => changedRows(await ask(text, values)),
    transaction: async (work) => {
      await ask('start transaction')
      try {
        const result = await work(session)
        await ask('commit')
        return result
      } catch (error) {
        await ask('rollback').catch(() => undefined)
        throw error
      }
    },
    close: async () => {
      connection.end(() => undefined)
    },
  }
  return session
}
