import { Refusal } from '../../shared/refusal.ts'
import type { Api } from './api.ts'

export interface InFlight {
  /** Calls being answered now. */
  readonly count: number
  /** From now on only health is answered: what is in flight may finish. */
  drain(): void
  readonly isDraining: boolean
}

/**
 * Holds the number of calls in flight under a limit and turns new ones away while the hub stops: a clear
 * `unavailable` early costs less than every caller waiting for ever.
 */
export function limitInFlight(app: Api, inFlightMax: number): InFlight {
  let count = 0
  let isDraining = false
  app.addHook('onRequest', (request, reply, done) => {
    if (request.routeOptions.config?.alwaysAnswered) return done()
    if (isDraining) {
      reply.header('connection', 'close')
      return done(
        new Refusal('unavailable', '服务正在停止 / The hub is stopping', { retryAfterSeconds: 10 }),
      )
    }
    if (inFlightMax > 0 && count >= inFlightMax) {
      return done(
        new Refusal('unavailable', '同时调用过多 / Too many calls at once', {
          retryAfterSeconds: 1,
        }),
      )
    }
    count += 1
    // `close` comes once for every request, answered or broken off by the caller.
    reply.raw.once('close', () => (count -= 1))
    done()
  })
  return {
    get count() {
      return count
    },
    get isDraining() {
      return isDraining
    },
    drain: () => {
      isDraining = true
    },
  }
}
