import { Type } from 'typebox'

const rows = [
  { thing: '430182-0001', amount: '12.5' },
  { thing: '430182-0002', amount: '7' },
]

/**
 * What the streamed routes take, for the documentation. The schemas name no type, since a body is handed
 * on as a stream and its rows are checked by the pipeline, each with reasons of its own.
 */
export const rowBodies = {
  content: {
    'application/x-ndjson': {
      schema: Type.Unknown({
        description: '每行一个 JSON 对象 / one JSON object a line',
        examples: [rows.map((row) => JSON.stringify(row)).join('\n')],
      }),
    },
    'text/csv': {
      schema: Type.Unknown({
        description: '首行为列名;UTF-8 或 GB18030 / a header row first; UTF-8 or GB18030',
        examples: ['编号,数量\n430182-0001,12.5\n430182-0002,7'],
      }),
    },
    'application/json': {
      schema: Type.Unknown({
        description: '由行对象组成的数组 / an array of row objects',
        examples: [rows],
      }),
    },
  },
}
