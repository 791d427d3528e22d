cwlVersion: v1.2
class: CommandLineTool
doc: Turns each pixel of a plain PGM image into 0 or the maximum, by a level.
requirements:
  InlineJavascriptRequirement: {}
baseCommand: [awk]
arguments:
  - valueFrom: 'NR <= 3 { print; next } { for (i = 1; i <= NF; i++) $i = ($i > level) ? 255 : 0; print }'
    position: 2
inputs:
  level:
    type: int
    inputBinding: {prefix: -v, position: 1, valueFrom: 'level=$(self)'}
  image:
    type: File
    inputBinding: {position: 3}
outputs:
  mask:
    type: stdout
stdout: $(inputs.image.nameroot)-mask.pgm
