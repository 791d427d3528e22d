cwlVersion: v1.2
class: CommandLineTool
doc: Counts the pixels of each mask that are not 0.
baseCommand: [awk]
arguments:
  - valueFrom: 'FNR == 1 { if (f) print n + 0; f = 1; n = 0 } FNR > 3 { for (i = 1; i <= NF; i++) if ($i > 0) n++ } END { print n + 0 }'
    position: 1
inputs:
  masks:
    type: File[]
    inputBinding: {position: 2}
outputs:
  areas:
    type: stdout
stdout: areas.txt
