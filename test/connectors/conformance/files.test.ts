import { bindConnector } from '../../../src/connectors/index.ts'
import { type SftpServer, startSftpServer } from '../../support/servers/sftp.ts'
import { sendJson, startHttpServer, type TestServer } from '../../support/servers/http.ts'
import { openFolder, type TestFolder } from '../file/folder.ts'
import type { ConformanceStore, ConformanceTable, SampleRow } from './store.ts'
import { promisesOf } from './suite.ts'

const can = { cursor: false, changes: false, exchange: false, loses: false }
const shownTime = (text: string): string => text
const linesOf = (rows: readonly SampleRow[]): string =>
  rows.map((row) => `${JSON.stringify(shownRow(row))}\n`).join('')
const shownRow = ({ id, updatedAt, name }: SampleRow) => ({ id, updated_at: updatedAt, name })

let folder: TestFolder
let server: SftpServer
let listener: TestServer
let rowsOfHttp: readonly SampleRow[] = []

const unchanged: Omit<ConformanceTable, 'connector'> = {
  insert: () => Promise.reject(new Error('The suite changes no files.')),
  run: () => Promise.reject(new Error('The suite changes no files.')),
}
const format = 'ndjson'

const stores: ConformanceStore[] = [
  {
    name: 'file',
    missing: null,
    can,
    shownTime,
    async start() {
      folder = await openFolder()
    },
    stop: () => folder.remove(),
    async make(rows) {
      await folder.put('rows.ndjson', linesOf(rows))
      const connector = await bindConnector('file', { path: 'rows.ndjson', format })
      return { connector, ...unchanged }
    },
  },
  {
    name: 'sftp',
    missing: null,
    can,
    shownTime,
    async start() {
      folder = await openFolder()
      server = await startSftpServer(folder.dir)
    },
    async stop() {
      await server.close()
      await folder.remove()
    },
    async make(rows) {
      await folder.put('rows.ndjson', linesOf(rows), 200_000)
      const { url, hostKey } = server
      const connector = await bindConnector('sftp', { url, hostKey, path: 'rows.ndjson', format })
      return { connector, ...unchanged }
    },
  },
  {
    name: 'http',
    missing: null,
    can,
    shownTime,
    async start() {
      listener = await startHttpServer((_, response) => {
        sendJson(response, { items: rowsOfHttp.map(shownRow) })
      })
    },
    stop: () => listener.close(),
    async make(rows) {
      rowsOfHttp = rows
      const connector = await bindConnector('http', { url: listener.url, items: '/items' })
      return { connector, ...unchanged }
    },
  },
]

for (const store of stores) promisesOf(store, () => [folder?.dir ?? '/nowhere'])
