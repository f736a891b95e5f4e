import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dumpSchema } from './catalog-dump.ts'
import { connectClient } from './clients.ts'
import { startEmbedded } from './embedded.ts'
import { testSettings } from './embedded-settings.ts'
import { migrate } from './migrate.ts'

/** The dump of a fresh database with every migration, on a PostgreSQL of its own that is thrown away. */
export async function dumpFreshSchema(): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), 'shuqiao-dump-'))
  try {
    const embedded = await startEmbedded({ dataDir, settings: testSettings })
    try {
      await migrate({ url: embedded.urls.owner })
      const client = await connectClient({ url: embedded.urls.owner, purpose: 'migrate' })
      try {
        return await dumpSchema(client)
      } finally {
        await client.end()
      }
    } finally {
      await embedded.stop()
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}
