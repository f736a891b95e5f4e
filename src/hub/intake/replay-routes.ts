import { Readable } from 'node:stream'
import { Type } from 'typebox'
import { Check } from 'typebox/value'
import type { FastifyRequest } from 'fastify'
import { PushAnswer, ReplayBody, RunParams } from '../../../schemas/api/intake.ts'
import { Refusal } from '../../shared/refusal.ts'
import type { Hub } from '../hub.ts'
import type { Api, ApiRoutes } from '../http/api.ts'
import { auditCall } from '../http/audit-call.ts'
import { demandRejects } from './access.ts'
import { correctedRows, workbookMediaType } from './corrected-file.ts'
import { type Intake, runFacts } from './intake.ts'
import { type CorrectedRow, replayRejects } from './replay-rejects.ts'
import type { RunRow } from './run-rows.ts'
import { runStore } from './runs.ts'

/** `POST /runs/{id}/replay`: rejects through the pipeline again, as they came or corrected. */
export const replayRoutes =
  ({ intake }: Hub): ApiRoutes =>
  async (app) => {
    for (const type of ['text/csv', workbookMediaType]) {
      app.addContentTypeParser(type, (_request, payload, done) => done(null, payload))
    }
    replayRun(app, intake)
  }

const replayBodies = {
  content: {
    'application/json': { schema: ReplayBody },
    'text/csv': {
      schema: Type.Unknown({
        description:
          '下载的问题数据文件,修正后上传 / the file of rejects, corrected; `error` is not read',
        examples: ['thing,amount,line,error\n430182-0001,12.5,7,'],
      }),
    },
    [workbookMediaType]: {
      schema: Type.Unknown({
        description: '同上,xlsx / the same as a workbook',
        examples: ['(xlsx)'],
      }),
    },
  },
}

function replayRun(app: Api, intake: Intake) {
  const schema = {
    operationId: 'replayRejects',
    summary: '重放问题数据 / Put rejects through again',
    description:
      '不带 rows 时,所有未修复的问题数据按现行映射与校验重新处理;带 rows 时使用修正后的行;' +
      '也可上传修正后的问题数据文件(CSV 或 xlsx,保留 line 列)。' +
      ' / Without rows all open rejects go through again as they came; with rows, the corrected ones;' +
      ' or upload the file of rejects as CSV or xlsx, corrected, with its column `line`.',
    tags: ['put-in'],
    params: RunParams,
    body: replayBodies,
    response: { 200: PushAnswer },
  }
  app.post('/runs/:id/replay', { schema, config: { streaming: true } }, async (request, reply) => {
    const { parts } = intake
    const { caller, params } = request
    const run = demandRejects(caller, await runStore(parts.pool).find(params.id))
    const served = await parts.served(run.resource)
    if (served === null || run.state === 'running' || run.state === 'queued') {
      throw new Refusal(
        'state-conflict',
        '运行尚未结束或资源已下架 / The run has not ended, or the resource was withdrawn',
      )
    }
    const isFile = request.body instanceof Readable
    const answer = await replayRejects(parts, {
      run,
      served,
      corrected: await correctedOf(request, run),
      ...(isFile && { cells: 'text' as const }),
      system: caller?.kind === 'system' ? caller.id : null,
      staff: caller?.kind === 'staff' ? caller.id : null,
    })
    await auditCall(request, reply, {
      ...runFacts({ ...answer, id: answer.runId, resource: run.resource }, 'runs.replay'),
      outcome: 'allowed',
      rowCount: answer.counts.read,
    })
    return answer
  })
}

async function correctedOf(request: FastifyRequest, run: RunRow): Promise<readonly CorrectedRow[]> {
  const { body } = request
  if (body instanceof Readable) {
    return correctedRows(request, { isCsvRun: run.mediaType?.startsWith('text/csv') ?? false })
  }
  return Check(ReplayBody, body) ? (body.rows ?? []) : []
}
