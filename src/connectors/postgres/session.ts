import type { Client } from 'pg'
import type { ServerSettings } from '../../../schemas/api/connectors.ts'
import { lostConnection } from '../sql/lost.ts'
import type { SqlSession } from '../sql/session.ts'
import { connectClient, isLost } from './client.ts'

/** Parameters are written `$1`, `$2`, …; all values come back as the server's text. */
export async function postgresSession(
  settings: ServerSettings,
  signal?: AbortSignal,
): Promise<SqlSession> {
  const client = await connectClient(settings, signal)
  return sessionOn(client, signal)
}

function sessionOn(client: Client, signal: AbortSignal | undefined): SqlSession {
  const run = async (text: string, values: readonly unknown[] = []) => {
    try {
      return await client.query(text, [...values])
    } catch (error) {
      signal?.throwIfAborted()
      throw isLost(error) ? lostConnection(error) : error
    }
  }
  const session: SqlSession = {
    query: async (text, values) => (await run(text, values)).rows,
    execute: async (text, values) => (await run(text, values)).rowCount ?? 0,
    transaction: async (work) => {
      await run('begin')
      try {
        const result = await work(session)
        await run('commit')
        return result
      } catch (error) {
        await client.query('rollback').catch(() => undefined)
        throw error
      }
    },
    close: () => client.end(),
  }
  return session
}
