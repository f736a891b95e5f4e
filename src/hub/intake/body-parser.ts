import type { Api } from '../http/api.ts'

/** Bodies of rows are handed on as streams, whatever their media type: the handler names what it takes. */
export function takeStreams(app: Api): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, payload, done) => {
    done(null, payload)
  })
}
