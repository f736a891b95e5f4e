import { defineAdapter } from '../adapter.ts'
import mapping from './mapping.json' with { type: 'json' }

const columns = {
  QLID: '权利ID',
  BDCDYH: '不动产单元号',
  YWH: '业务号',
  QLLX: '权利类型',
  DJLX: '登记类型',
  DJYY: '登记原因',
  FDZL: '房地坐落',
  TDSYQR: '土地使用权人',
  DYTDMJ: '独用土地面积',
  FTTDMJ: '分摊土地面积',
  TDSYQSSJ: '土地使用起始时间',
  TDSYJSSJ: '土地使用结束时间',
  FDCJYJG: '房地产交易价格(万元)',
  GHYT: '规划用途',
  FWXZ: '房屋性质',
  FWJG: '房屋结构',
  SZC: '所在层',
  ZCS: '总层数',
  JZMJ: '建筑面积',
  ZYJZMJ: '专有建筑面积',
  FTJZMJ: '分摊建筑面积',
  JGSJ: '竣工时间',
  BDCQZH: '不动产权证号',
  DJJG: '登记机构',
  DJSJ: '登记时间',
  FJ: '附记',
  QSZT: '权属状态',
  ZXSJ: '注销时间',
  GXSJ: '更新时间',
  QLR: '权利人(子表)',
  DYAQ: '抵押权(子表)',
  CFDJ: '查封登记(子表)',
}

/** 自然资源:房地产权及其权利人、抵押、查封。Holders are a second table, so they come nested. */
export const naturalResources = defineAdapter({
  id: 'natural-resources',
  title: '自然资源不动产适配器',
  titleEn: 'Natural resources: real-estate rights',
  department: 'natural-resources',
  sources: {
    rights: {
      title: '房地产权登记信息',
      titleEn: 'Real-estate rights',
      standard: 'property',
      mapping,
      sample: new URL('./sample.ndjson', import.meta.url),
      mediaType: 'application/x-ndjson',
      columns,
    },
  },
})
