import { setTimeout as sleep } from 'node:timers/promises'
import type { RunningServer } from './embedded-server.ts'
import type { Log } from './log.ts'

/*
 *   running ──exit──▶ recovering ──started──▶ running
 *      │                  │  ▲ └─failed─▶ (pause, again)
 *      └──────stop────────┴──────▶ stopped
 */
export interface Supervision {
  first: RunningServer
  start: () => Promise<RunningServer>
  stop: (server: RunningServer) => Promise<void>
  onExit: (lastWords: string) => void
  log: Log
}

export interface Supervisor {
  current(): RunningServer
  restart(): Promise<void>
  stop(): Promise<void>
}

const pauseMs = 1000

/** Keeps one server running until told to stop; an exit nobody asked for is followed by a new start. */
export function supervise({ first, start, stop, onExit, log }: Supervision): Supervisor {
  let server = first
  let stopping: Promise<void> | undefined
  const isStopping = (): boolean => stopping !== undefined
  let recovering: Promise<void> = Promise.resolve()

  function adopt(next: RunningServer): void {
    server = next
    void watch(next)
  }

  async function watch(watched: RunningServer): Promise<void> {
    const lastWords = await watched.exited
    if (isStopping() || server !== watched) return
    onExit(lastWords)
    recovering = recover()
  }

  async function recover(): Promise<void> {
    while (!isStopping()) {
      try {
        const next = await start()
        adopt(next)
        log.info({ pid: next.pid }, 'PostgreSQL runs again')
        return
      } catch (error) {
        log.error({ error: String(error) }, 'PostgreSQL could not be started again')
        await sleep(pauseMs)
      }
    }
  }

  async function restart(): Promise<void> {
    const old = server
    server = { ...old, pid: -1 } // so that its exit counts as asked for
    await stop(old)
    await recover()
  }

  adopt(first)
  return {
    current: () => server,
    restart,
    stop: () => (stopping ??= recovering.then(() => stop(server))),
  }
}
