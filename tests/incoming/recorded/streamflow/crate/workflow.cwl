cwlVersion: v1.2
class: Workflow
doc: Masks of several images, and a table of their areas.
requirements:
  ScatterFeatureRequirement: {}
  SubworkflowFeatureRequirement: {}
inputs:
  images: File[]
  level: int
outputs:
  masks: {type: 'File[]', outputSource: threshold/mask}
  table: {type: File, outputSource: measure/table}
steps:
  threshold:
    run: threshold.cwl
    scatter: image
    in: {image: images, level: level}
    out: [mask]
  measure:
    run: measure.cwl
    in: {masks: threshold/mask}
    out: [table]
