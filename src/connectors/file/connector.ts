import type { FileSettings } from '../../../schemas/api/connectors.ts'
import type { Connector, ConnectorContext, ProbeStage } from '../contract.ts'
import { splitGlob } from './folder-store.ts'
import { folderSource } from './folder-source.ts'
import { localStore } from './local-store.ts'
import { probeFiles, probeStage } from './probe-folder.ts'
import { openFileTarget } from './target.ts'

/** Files of this machine: single ones and drop folders. */
export const file: Connector<FileSettings> = {
  kind: 'file',
  title: '文件',
  titleEn: 'File',
  isTried: true,
  secrets: [],
  origin: ({ path, glob = '' }) => `file:${path ?? splitGlob(glob).base}`,
  probe: probeLocal,
  openSource: (settings, context) => folderSource(localStore(context.filesDirs), settings, context),
  openTarget: openFileTarget,
}

async function* probeLocal(
  settings: FileSettings,
  context: ConnectorContext,
): AsyncGenerator<ProbeStage> {
  const store = localStore(context.filesDirs)
  const { path, glob = '' } = settings
  const resolve = await probeStage('resolve', async () => {
    const setting = path ?? (splitGlob(glob).base || '.')
    await store.resolve(setting)
    return { message: `“${setting}”在已开放的目录之内 / “${setting}” lies within an open folder` }
  })
  yield resolve
  if (!resolve.ok) return
  const local = '本机文件,无需此步 / Files of this machine need no such step'
  yield { stage: 'connect', ok: true, message: local }
  yield { stage: 'sign-in', ok: true, message: local }
  yield* probeFiles(store, settings, context.signal)
}
