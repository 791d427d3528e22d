cwlVersion: v1.2
class: CommandLineTool
doc: Sorts areas, the smallest first.
baseCommand: [sort, -n]
inputs:
  areas:
    type: File
    inputBinding: {position: 1}
outputs:
  table:
    type: stdout
stdout: table.txt
