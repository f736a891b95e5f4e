import type { ServerSettings } from '../../../schemas/api/connectors.ts'
import { lostConnection } from '../sql/lost.ts'
import type { SqlSession } from '../sql/session.ts'
import { isLost } from './client.ts'
import { lendClient, type LentClient } from './lent-clients.ts'

/** Parameters are written `$1`, `$2`, …; all values come back as the server's text. */
export async function postgresSession(
  settings: ServerSettings,
  signal?: AbortSignal,
): Promise<SqlSession> {
  return sessionOn(await lendClient(settings, signal), signal)
}

function sessionOn(lent: LentClient, signal: AbortSignal | undefined): SqlSession {
  const { client } = lent
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
        // Whoever comes next must not find it in the midst of this one's transaction.
        await client.query('rollback').catch(() => lent.end())
        throw error
      }
    },
    close: async () => lent.giveBack(),
  }
  return session
}
