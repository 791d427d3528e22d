cwlVersion: v1.2
class: Workflow
doc: Areas of masks, sorted.
inputs:
  masks: File[]
outputs:
  table: {type: File, outputSource: sort/table}
steps:
  count:
    run: count.cwl
    in: {masks: masks}
    out: [areas]
  sort:
    run: sort.cwl
    in: {areas: count/areas}
    out: [table]
