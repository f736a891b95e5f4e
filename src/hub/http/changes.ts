import { changeChannel, listen, type Listener } from '../database/listen.ts'
import type { Database } from '../database/connect.ts'
import type { Api } from './api.ts'

/** What this process is told of changes that other processes made. */
export interface Changes {
  /** `forget` is called with every change, and with `everything` when some may have been missed. */
  subscribe(forget: (what: string) => void): void
  tell(what: string): void
}

export function createChanges(): Changes {
  const subscribers: ((what: string) => void)[] = []
  return {
    subscribe: (forget) => subscribers.push(forget),
    tell: (what) => {
      for (const forget of subscribers) forget(what)
    },
  }
}

/**
 * Listens from the moment the app is ready until it closes. Whatever is kept fresh by this alone would be
 * stale over a half-open connection: subscribers must also check with the database now and then.
 */
export function listenToChanges(
  app: Api,
  { changes, database }: { changes: Changes; database: Database },
): void {
  let listener: Listener | undefined
  app.addHook('onReady', async () => {
    listener = await listen({
      url: database.directUrl,
      channels: { [changeChannel]: (what) => changes.tell(what) },
      onReconnect: () => changes.tell('everything'),
      log: app.log,
    })
  })
  app.addHook('onClose', async () => listener?.close())
}
