import type { formatClasses } from './resources.ts'

/**
 * 项 by 类, as the guide lists them (发改高技术〔2017〕1272号; standards §1.2). Provinces number further
 * levels by coding standards of their own, so only these two are held against a list.
 */
export const categoryItems: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '1': {
    '01': '国家人口基础信息',
    '02': '法人单位基础信息',
    '03': '自然资源和空间地理基础信息',
    '04': '社会信用基础信息',
    '05': '电子证照基础信息',
  },
  '2': {
    '01': '公共服务',
    '02': '健康保障',
    '03': '社会保障',
    '04': '食品药品安全',
    '05': '安全生产',
    '06': '价格监管',
    '07': '能源安全',
    '08': '信用体系',
    '09': '城乡建设',
    '10': '社区治理',
    '11': '生态环保',
    '12': '应急维稳',
  },
  '3': {
    '01': '党中央',
    '02': '全国人大常委会',
    '03': '国务院',
    '04': '全国政协',
    '05': '最高人民法院',
    '06': '最高人民检察院',
    '07': '省(自治区、直辖市)及其下各级',
    '08': '计划单列市及其下各级',
  },
}

export type FormatClass = (typeof formatClasses)[number]
export type SharedAs = 'interface' | 'database' | 'file'

/**
 * Per format class (§1.3) the types that belong to it, null where the provider names it freely, and how
 * such a resource may be shared over the platform (§1.1, the rules that data-bureau staff check by hand).
 * Any class takes the type `其他`, described in `note`, as the national template's column does.
 */
export const formats: Readonly<
  Record<FormatClass, { types: readonly string[] | null; sharedAs: readonly SharedAs[] }>
> = {
  document: {
    types: ['OFD', 'wps', 'xml', 'txt', 'doc', 'docx', 'html', 'pdf', 'ppt', 'pptx'],
    sharedAs: ['file'],
  },
  spreadsheet: { types: ['et', 'xls', 'xlsx', 'csv'], sharedAs: ['file'] },
  database: {
    types: [
      'PostgreSQL',
      'MySQL',
      'Oracle',
      'Dm',
      'KingbaseES',
      'access',
      'dbf',
      'dbase',
      'sysbase',
      'sql server',
      'db2',
      'MariaDB',
      'GaussDB',
      'openGauss',
      'GBase',
      'OceanBase',
      'TiDB',
      'Oscar',
      'Sybase',
      'Hive',
      'SQLite',
    ],
    sharedAs: ['database', 'interface'],
  },
  image: { types: ['jpg', 'jpeg', 'gif', 'bmp', 'png', 'tif', 'tiff'], sharedAs: ['file'] },
  stream: { types: ['swf', 'rm', 'mpg', 'mp4', 'avi', 'flv'], sharedAs: ['file'] },
  'self-describing': { types: null, sharedAs: ['file'] },
  interface: { types: ['REST', 'SOAP'], sharedAs: ['interface'] },
}

/** The type that says "none of these". */
export const otherFormatTypes: readonly string[] = ['其他', 'other']
